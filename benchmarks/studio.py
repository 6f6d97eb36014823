"""How soon the studio's page shows what was changed: an opacity as it is moved, and edits as they are saved and built.

    python benchmarks/studio.py [--rounds 7] [--into benchmarks/studio.md]

The default scene in a temporary folder, with a worker that is warm, and its page in Chromium, driven by Playwright; both come with
what `requirements-dev.txt` lists and Debian's package `chromium-headless-shell`. Times begin with the click that saves and builds,
and are taken in the page.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil
from compare import ROOT, machine

sys.path += [str(ROOT / "scripts"), str(ROOT / "tests")]

from helpers.chromium import opened_browser
from helpers.studio import RunningStudio
from helpers.studio_page import StudioPage

MOVES = 30

MOVE = """(opacity) => new Promise((resolve) => {
    const range = document.querySelector("[data-key='composite.layers.fog.opacity'] input[type=range]");
    const turn = document.body.dataset.turn;
    const began = performance.now();
    const watch = new MutationObserver(() => {
        if (document.body.dataset.turn === turn) return;
        watch.disconnect();
        resolve(performance.now() - began);
    });
    watch.observe(document.body, { attributes: true });
    range.value = opacity;
    range.dispatchEvent(new Event("input", { bubbles: true }));
})"""

CLOCK = """
window.clicked = window.previewed = window.finished = null;
document.addEventListener("click", () => {
    window.clicked = performance.now();
    window.previewed = window.finished = null;
}, true);
new MutationObserver(() => {
    const state = document.getElementById("state")?.textContent ?? "";
    if (state.includes("shown ahead")) window.previewed ??= performance.now();
    if (state === "This is final.png.") window.finished = performance.now();
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-turn"] });
"""
"""Notes when something was clicked, and when the page showed the first preview and final.png after it."""


@dataclass(frozen=True)
class Shown:
    """When the page showed what was saved, in seconds after the click.

    Attributes:
        preview: of the first preview of a pass; None without one.
        final: of the new final.png.
    """

    preview: float | None
    final: float


def build(tab: StudioPage) -> Shown:
    """Saves and builds what was edited."""
    tab.build()
    tab.wait_for_final()
    clicked, previewed, finished = tab.page.evaluate("[clicked, previewed, finished]")
    return Shown(None if previewed is None else (previewed - clicked) / 1000, (finished - clicked) / 1000)


def pass_seconds(folder: Path) -> float:
    """The seconds of the passes of the latest build."""
    entries = map(json.loads, (folder / ".strata/build.jsonl").read_text().splitlines())
    return sum(entry["ended"] - entry["started"] for entry in entries if entry["how"] == "painted")


def memory(process: psutil.Process) -> float:
    """The megabytes that a process holds, with what it shares with others."""
    return process.memory_info().rss / 1e6


def measure(folder: Path, rounds: int) -> list[tuple[str, str, str]]:
    """What was measured, how much it is, and what is to be reached."""
    shutil.copy(ROOT / "config.yaml", folder)
    studio = RunningStudio(folder)
    try:
        with opened_browser() as browser:
            context = browser.new_context(viewport={"width": 1300, "height": 900})
            context.add_init_script(CLOCK)
            tab = StudioPage(context, studio)
            tab.build()
            tab.wait_for_final()
            tab.select("fog")
            slides = [tab.page.evaluate(MOVE, 0.2 + number / 100) for number in range(MOVES)]
            tab.page.click("#discard")
            opacities, seeds = [], []
            for number in range(rounds):
                tab.slide("composite.layers.fog.opacity", 0.4 + number / 100)
                opacities.append(build(tab).final)
                tab.input("effects.fog.seed").fill(str(7000 + number))
                shown = build(tab)
                seeds.append((shown.preview, shown.final - pass_seconds(folder)))
            previews, finals = zip(*seeds, strict=True)
            server = psutil.Process(studio.process.pid)
            (builder,) = [each for each in server.children() if "strata.workflow.repeated_builds" in each.cmdline()]
            return [
                ("an opacity slider, from the move to the pixels", f"{statistics.median(slides):.0f} ms", "50 ms"),
                ("an opacity saved and built, to the new picture", f"{statistics.median(opacities):.2f} s", "0.5 s"),
                ("a seed saved and built, to the first preview of the pass", f"{statistics.median(previews):.2f} s", "0.5 s"),
                ("the same to the new picture, without the pass itself", f"{statistics.median(finals):.2f} s", "0.5 s"),
                ("the page without pictures", f"{sum(tab.weight.values()) / 1e3:.0f} KB", "300 KB"),
                ("memory of the server", f"{memory(server):.0f} MB", "120 MB"),
                ("memory of the process that builds", f"{memory(builder):.0f} MB", "none set"),
            ]  # fmt: skip
    finally:
        studio.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each edit is built")
    parser.add_argument("--into", type=Path, help="a Markdown file for the table")
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as folder:
        rows = measure(Path(folder), settings.rounds)
    lines = [f"{machine()}. Medians of {settings.rounds} builds and {MOVES} moves.", ""]
    lines += ["| what | measured | to reach, at most |", "| --- | --- | --- |"]
    lines += [f"| {what} | {found} | {goal} |" for what, found, goal in rows]
    text = "\n".join(lines)
    print(text)
    if settings.into:
        settings.into.write_text(f"# The last run of studio.py\n\n{text}\n")


if __name__ == "__main__":
    main()
