"""How long a dry run of many scenes takes beside a bare Snakemake workflow with as many jobs of the same shape.

    python benchmarks/scale.py [--scenes 1000] [--rounds 3] [--batches 10] [--into benchmarks/scale.md]

A scene has seven jobs: the background, four files of two subjects, fog, and the final picture. The bare workflows have the same
files and the same dependencies, written as patterns, and constants as params: one whose rules have a script, an environment,
a log, a benchmark and resources, as linters ask for and Strata's have, and one whose rules have a shell command and nothing
else. Nothing has been built. All run in turns; the seconds of work are those of the process on a core, which other programs
disturb least. The same for one batch of `--batch all=1/<batches>`, which is how more scenes than fit into one run are built.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare import ROOT, machine

BARE = """
SCENES = ["", *(f"s{number:05}/" for number in range(COUNT - 1))]

wildcard_constraints:
    scene="(s[0-9]+/)?",

rule all:
    input:
        [f"results/{scene}final.png" for scene in SCENES],
"""

RULE = """
rule {name}:
    input:
        {inputs}
    output:
        "results/{{scene}}{output}",
    params:
        spec={{"steps": 20, "seed": 1, "width": 768, "height": 512}},
"""

COMMAND = """
    shell:
        "touch {output}"
"""

SCRIPT = """
    log:
        "logs/{scene}NAME.log",
    benchmark:
        "logs/{scene}NAME.tsv"
    conda:
        "environment.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "script.py"
"""

FILES = {
    "background": ("background.png", ()),
    "mask_one": ("masks/astronaut.png", ()),
    "mask_two": ("masks/hovercraft.png", ()),
    "subject_one": ("subjects/astronaut.png", ("background", "mask_one")),
    "subject_two": ("subjects/hovercraft.png", ("background", "subject_one", "mask_two")),
    "fog": ("effects/fog.png", ()),
    "final": ("final.png", ("background", "subject_one", "subject_two", "fog")),
}


def write_scenes(folder: Path, count: int) -> None:
    """The default scene, and others that differ in a seed."""
    (folder / "scenes").mkdir(parents=True)
    shutil.copy(ROOT / "config.yaml", folder)
    for number in range(count - 1):
        (folder / f"scenes/s{number:05}.yaml").write_text(f"background: {{seed: {number}}}\n")


def write_bare(folder: Path, count: int, action: str) -> None:
    """A workflow with the same files, from patterns alone, whose rules do their work by `action`."""
    rules = []
    for name, (output, inputs) in FILES.items():
        patterns = ", ".join(f'"results/{{scene}}{FILES[other][0]}"' for other in inputs)
        rules.append(RULE.format(name=name, output=output, inputs=patterns) + action.replace("NAME", name))
    folder.mkdir()
    (folder / "Snakefile").write_text(BARE.replace("COUNT", str(count)) + "".join(rules))
    (folder / "script.py").write_text("print(snakemake.params.spec)\n")
    (folder / "environment.yaml").write_text("dependencies: [python]\n")


def dry_run(folder: Path, snakefile: Path, *arguments: str) -> dict[str, float]:
    """Its seconds of work and by the clock, its peak memory in MB, and the jobs that it counted."""
    profile = ["--workflow-profile", str(ROOT / "profiles/default"), "--quiet", "rules", "reason"]
    command = [sys.executable, "-m", "snakemake", "-s", str(snakefile), "--cores", "1", "-n", *profile, *arguments]
    with tempfile.TemporaryFile("w+") as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{text}")
    jobs = [int(line.split()[1]) for line in text.splitlines() if line.startswith("total")]
    jobs = jobs or [
        sum(line.startswith("results/") for line in text.splitlines())
    ]  # Strata's own plan has a line for each
    return {"work": usage.ru_utime + usage.ru_stime, "wall": wall, "memory": usage.ru_maxrss / 1000, "jobs": jobs[-1]}


def compared(scenes: int, rounds: int, *arguments: str) -> list[str]:
    """A row for Strata and one for each bare workflow, in Markdown."""
    with tempfile.TemporaryDirectory(prefix="strata-scale-") as temporary:
        folder = Path(temporary)
        write_scenes(folder / "strata", scenes)
        write_bare(folder / "script", scenes, SCRIPT)
        write_bare(folder / "command", scenes, COMMAND)
        snakefiles = {
            "Strata": ROOT / "Snakefile",
            "bare, a script in each rule": folder / "script/Snakefile",
            "bare, a command in each rule": folder / "command/Snakefile",
        }
        folders = [folder / "strata", folder / "script", folder / "command"]
        runs = [
            [dry_run(place, file, *arguments) for place, file in zip(folders, snakefiles.values(), strict=True)]
            for _ in range(rounds)
        ]
    rows = []
    for side, name in enumerate(snakefiles):
        median = {key: statistics.median(run[side][key] for run in runs) for key in runs[0][0]}
        ratio = statistics.median(run[0]["work"] / run[side]["work"] for run in runs)
        figures = f"{median['jobs']:.0f} | {median['work']:.1f} | {median['wall']:.1f} | {median['memory']:.0f}"
        rows.append(f"| {' '.join([f'{scenes} scenes', *arguments])} | {name} | {figures} | {ratio:.2f} |")
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--scenes", type=int, nargs="+", default=[1000], help="how many; several numbers one after another"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each command runs")
    parser.add_argument("--batches", type=int, default=0, help="also the first of so many batches of the last number")
    parser.add_argument("--into", type=Path, help="a Markdown file for the table")
    settings = parser.parse_args()
    rows = [row for scenes in settings.scenes for row in compared(scenes, settings.rounds)]
    if settings.batches:
        rows += compared(settings.scenes[-1], settings.rounds, "--batch", f"all=1/{settings.batches}")
    head = [
        "| dry run of | workflow | jobs | seconds of work | seconds by the clock | peak memory, MB | Strata's work / this |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    text = "\n".join([f"{machine()}. Medians of {settings.rounds} rounds.", "", *head, *rows])
    if settings.into:
        settings.into.write_text(f"# The last run of scale.py\n\n{text}\n")


if __name__ == "__main__":
    main()
