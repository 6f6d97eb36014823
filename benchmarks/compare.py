"""How long a build takes beside a plain script: both in turns in one go, on the same scene, with the same pixels.

    python benchmarks/compare.py [--scene config.yaml] [--rounds 3] [--into benchmarks/results.md]

Each round runs, one after the other: the plain script; a build from nothing with no worker up; one with a warm worker; a
rebuild after an edit of the last effect's prompt, by `snakemake` and in `strata live`; a rebuild after an edit is taken
back; and a dry run. The medians, their ratios and the machine's description are printed as Markdown. Everything happens in
a temporary folder, with a worker of its own.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "scripts"))

from strata.models.reference import find_folder  # noqa: E402
from strata.scene.scenes import Scenes  # noqa: E402
from strata.yaml_files import read_yaml  # noqa: E402

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
DTYPES = ("float32", "bfloat16")


class Bench:
    """A folder with a scene, and a machine of its own: its temporary files, and so its worker, are nobody else's."""

    def __init__(self, folder: Path, scene: dict, dtype: str):
        self.folder = folder
        (folder / "tmp").mkdir(parents=True)
        # The library's folder is for `strata`, and for all, since a worker serves those with its own environment alone.
        self.environment = os.environ | {"TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT / "scripts")}
        self.scene = scene
        for model in self.scene["models"].values():
            model["dtype"] = dtype
            if found := find_folder(model["id"]):
                model["id"] = str(found.resolve())
        self.scene["runtime"] = {"device": "cpu", "threads": CORES}
        self.effect = list(self.scene["effects"])[-1]
        self.edits = 0
        self.write()

    def write(self) -> None:
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.scene, sort_keys=False))

    def edit(self) -> None:
        """Another prompt for the last effect, which no pass has had."""
        self.edits += 1
        described = self.scene["effects"][self.effect]
        described["prompt"] = f"{described['prompt'].split(' no. ')[0]} no. {self.edits}"
        self.write()

    def timed(self, *command: str) -> float:
        started = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        self.said = done.stdout
        return time.perf_counter() - started

    def plain(self) -> float:
        return self.timed(sys.executable, str(ROOT / "benchmarks/plain_script.py"), str(self.folder), str(CORES))

    def snakemake(self, *arguments: str) -> float:
        command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1"]
        return self.timed(*command, *arguments, "results/final.png")

    def worker(self, what: str) -> None:
        self.timed(sys.executable, "-m", "strata", "worker", what)

    def clear(self) -> None:
        """As after a clone: no layer, no store, no digest of a model."""
        for name in ("results", "logs", ".strata", ".snakemake"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def passes(self) -> dict[str, float]:
        """The seconds of each pass of the last build, from taking the device to giving it back."""
        entries = map(json.loads, (self.folder / ".strata/build.jsonl").read_text().splitlines())
        return {
            Path(entry["layer"]).stem: entry["ended"] - entry["started"]
            for entry in entries
            if entry["how"] == "painted"
        }

    def same_pixels(self) -> bool:
        results = {path.stem: path for path in (self.folder / "results").rglob("*.png") if path.parent.name != "masks"}
        pairs = [(Image.open(self.folder / f"plain/{name}.png"), Image.open(path)) for name, path in results.items()]
        return bool(pairs) and all(ours.tobytes() == theirs.tobytes() for theirs, ours in pairs)


def round_of(bench: Bench) -> dict[str, float]:
    """Each command once, in seconds."""
    took = {"script": bench.plain()}
    bench.worker("stop")
    bench.clear()
    took["cold"] = bench.snakemake()
    if not bench.same_pixels():
        raise SystemExit("The script and the build painted different pixels: there is nothing to compare.")
    took["cold passes"] = sum(bench.passes().values())
    bench.clear()
    took["warm"] = bench.snakemake()
    took["warm passes"] = sum(bench.passes().values())
    before = bench.scene["effects"][bench.effect]["prompt"]
    bench.edit()
    took["edit"] = bench.snakemake()
    took["edit pass"] = bench.passes()[bench.effect]
    after = bench.scene["effects"][bench.effect]["prompt"]
    bench.scene["effects"][bench.effect]["prompt"] = before
    bench.write()
    took["taken back"] = bench.snakemake()
    bench.scene["effects"][bench.effect]["prompt"] = after
    took["dry run"] = bench.snakemake("--dry-run")
    took["live"], took["live pass"] = time_live(bench)
    return took


class Live:
    """`strata live` at work in the folder of a bench."""

    def __init__(self, process: subprocess.Popen, said: TextIO):
        self.process, self._said, self._builds = process, said, 0

    def wait_for_build(self) -> None:
        """Returns as soon as one more build has ended."""
        self._builds += 1
        while self.process.poll() is None:
            self._said.seek(0)
            if self._said.read().count("Watching.") >= self._builds:
                return
            time.sleep(0.01)
        self._said.seek(0)
        raise SystemExit(f"live ended:\n{self._said.read()}")


@contextmanager
def watch(bench: Bench) -> Iterator[Live]:
    """Runs `strata live`, from the end of its first build on."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "strata", "live"],
            cwd=bench.folder, env=bench.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip
        try:
            live = Live(process, said)
            live.wait_for_build()
            yield live
        finally:
            process.terminate()
            process.wait()


def time_live(bench: Bench) -> tuple[float, float]:
    """The seconds from a save to the end of its build in live, and those of its pass. The second edit of two."""
    with watch(bench) as live:
        for _ in range(2):
            time.sleep(0.5)
            bench.edit()
            started = time.perf_counter()
            live.wait_for_build()
        return time.perf_counter() - started, bench.passes()[bench.effect]


def pass_times(folder: Path, scene: dict, rounds: int) -> dict[str, dict[str, float]]:
    """Medians of the seconds of each pass by precision, with a warm worker."""
    times = {}
    for dtype in DTYPES:
        bench = Bench(folder / dtype, json.loads(json.dumps(scene)), dtype)
        bench.snakemake()
        seen = []
        for _ in range(rounds):
            bench.clear()
            bench.snakemake()
            seen.append(bench.passes())
        bench.worker("stop")
        times[dtype] = {name: statistics.median(passes[name] for passes in seen) for name in seen[0]}
    return times


def machine(gpu: str = "no GPU") -> str:
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        models = [
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ]
        cpu = models[0] if models else cpu
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "diffusers", "snakemake"))
    return f"{cpu}, {CORES} cores, {gpu}; {platform.system()}, Python {platform.python_version()}, {libraries}"


def report(took: list[dict[str, float]], times: dict, dtype: str) -> str:
    median = {name: statistics.median(one[name] for one in took) for name in took[0]}
    rows = [
        ("whole build from nothing, cold worker / the script", "cold", "script", 0.95),
        ("whole build from nothing, warm worker / the script", "warm", "script", 0.55),
        ("rebuild after an edit of the fog's prompt, warm / the script run again", "edit", "script", 0.2),
        ("rebuild after an edit is taken back / a dry run", "taken back", "dry run", 1.2),
    ]
    lines = [f"{machine()}. Medians of {len(took)} rounds, {dtype}; the pixels are the script's.", ""]
    lines += ["| comparison | seconds | ratio | to reach |", "| --- | --- | --- | --- |"]
    for text, ours, theirs, goal in rows:
        ratio = statistics.median(one[ours] / one[theirs] for one in took)
        lines.append(f"| {text} | {median[ours]:.1f} / {median[theirs]:.1f} | {ratio:.2f} | {goal} or less |")
    for text, ours, its_pass, goal in (
        ("that rebuild minus its pass, in live", "live", "live pass", 0.3),
        ("that rebuild minus its pass, by a `snakemake` call", "edit", "edit pass", 3.0),
    ):
        rest = statistics.median(one[ours] - one[its_pass] for one in took)
        lines.append(f"| {text} | {median[ours]:.1f} - {median[its_pass]:.1f} | {rest:.2f} s | {goal} s or less |")
    lines += ["", "| pass | " + " | ".join(f"{name}, s" for name in times) + " |", "| --- |" + " --- |" * len(times)]
    for layer in next(iter(times.values())):
        lines.append(f"| {layer} | " + " | ".join(f"{passes[layer]:.1f}" for passes in times.values()) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scene", type=Path, default=ROOT / "config.yaml", help="the scene that is painted")
    parser.add_argument("--rounds", type=int, default=3, help="how often each command runs")
    parser.add_argument("--dtype", default="bfloat16", choices=DTYPES, help="the precision of the comparison")
    parser.add_argument("--into", type=Path, help="a Markdown file for the tables")
    settings = parser.parse_args()
    scene = Scenes(read_yaml(settings.scene)).find("").effective()
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as folder:
        bench = Bench(Path(folder, "compare"), json.loads(json.dumps(scene)), settings.dtype)
        took = []
        for _ in range(settings.rounds):
            took.append(round_of(bench))
            print(json.dumps({name: round(seconds, 2) for name, seconds in took[-1].items()}), file=sys.stderr)
        bench.worker("stop")
        text = report(took, pass_times(Path(folder), scene, 1), settings.dtype)
    print(text)
    if settings.into:
        settings.into.write_text(f"# The last run of compare.py\n\n{text}\n")


if __name__ == "__main__":
    main()
