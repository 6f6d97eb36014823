"""Two users build in one folder, by turns and at once, and must get the bytes that one user gets alone.

    sudo python tests/stress/two_users.py alice bob --group artists --builds 20

Needs root, to run as either. Both must belong to the group, and be able to run this Python. The folder belongs to the group; each
user has a umask of 002, as people who share a folder do.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from helpers import tiny_models  # noqa: E402
from helpers.working_folder import WorkingFolder  # noqa: E402

TARGETS = ("results/final.png", "results/final@2x.png", "results/final.psd", "results/fog.opacity~0.6/final.png")
EDITS = {
    "background.seed": (1, 2, 3),
    "subjects.astronaut.prompt": ("an astronaut", "a robot"),
    "effects.fog.seed": (1, 2),
    "composite.finish.contrast": (1.1, 1.2),
}


def start(user: str, group: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Starts Snakemake in a folder as a user."""
    return subprocess.Popen(
        [sys.executable, "-B", "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1", *arguments],
        cwd=folder,
        user=user,
        group=group,
        extra_groups=[],
        umask=0o002,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": "/tmp",
            "PYTHONPATH": ":".join(sys.path),
            "LD_LIBRARY_PATH": f"{sys.prefix}/lib",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(build: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = build.communicate(timeout=300)
    return build.returncode, said


def hand_over(folder: Path, group: str) -> None:
    """Gives a folder to the group, for new files in it, too."""
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, group=group)
        path.chmod(0o2775 if path.is_dir() else 0o664)


def main() -> int:
    """Edits, builds as one user, asks the other whether anything is left, compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("users", nargs=2)
    parser.add_argument("--group", required=True)
    parser.add_argument("--builds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    chance, failures = random.Random(wanted.seed), 0
    with tempfile.TemporaryDirectory() as temporary:
        models = Path(temporary, "models")
        Path(temporary).chmod(0o755)
        tiny_models.text_to_image(models / "text-to-image")
        tiny_models.inpainting(models / "inpainting")
        shared = WorkingFolder(Path(temporary, "shared"), models)
        alone = WorkingFolder(Path(temporary, "alone"), models)
        for folder in (models, shared.folder):
            hand_over(folder, wanted.group)
        for number in range(wanted.builds):
            key, target = chance.choice(list(EDITS)), chance.choice(TARGETS)
            value = chance.choice(EDITS[key])
            for folder in (shared, alone):
                folder.edit(key, value)
            first, second = chance.sample(wanted.users, 2)
            both = chance.random() < 0.3
            builds = [
                start(user, wanted.group, shared.folder, target) for user in ((first, second) if both else (first,))
            ]
            ended = [finish(build) for build in builds]
            code, said = finish(start(second, wanted.group, shared.folder, target))
            alone.build(target)
            # Of two builds at once, one may be refused with a sentence.
            right = 0 in [code for code, _ in ended] and code == 0 and "Nothing to be done" in said
            right = right and shared.folder.joinpath(target).read_bytes() == alone.folder.joinpath(target).read_bytes()
            if not right or any("Traceback" in text for _, text in ended):
                failures += 1
                print(f"build {number}, {key}: {value}, {target}, by {first}, {both=}:", *ended, said[-1500:], sep="\n")
            print(f"{number + 1} builds, {failures} failures", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
