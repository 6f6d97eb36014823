"""Makes the pictures of the docs anew from the default scene: final.png, the studio's page, the page of the scene.

    python docs/make_pictures.py

It takes two minutes, and needs what `requirements-dev.txt` lists and Debian's package `chromium-headless-shell`. To be run when the
default scene, its models or one of the pages has changed; tests/whole/test_default_scene.py tells when final.png is out of date.
"""

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Locator, Page

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path += [str(ROOT / "tests")]

from helpers.chromium import OpenPage, opened_browser  # noqa: E402
from helpers.studio import RunningStudio, build  # noqa: E402
from helpers.studio_page import StudioPage  # noqa: E402


def save(target: Page | Locator, name: str) -> None:
    """Photographs a page or a part of it, with few colours, so that the repository stays small."""
    picture = Image.open(io.BytesIO(target.screenshot())).convert("RGB")
    picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(DOCS / name, optimize=True)


def photograph_studio(browser: Browser, studio: RunningStudio) -> None:
    """The mask of a subject while it is dragged, a value that is refused, and seeds to pick from."""
    tab = StudioPage(browser.new_context(viewport={"width": 1200, "height": 760}), studio)
    tab.wait_for_final()
    tab.select("astronaut")
    tab.drag("0 all", 60, 0)
    tab.wait_for_price("2 passes to paint")
    tab.page.click("#edits summary")
    tab.page.wait_for_timeout(300)
    save(tab.page, "studio.png")
    tab.page.click("#edits summary")
    tab.page.click("#discard")

    tab.input("subjects.astronaut.strength").fill("3")
    field = tab.page.locator("[data-key='subjects.astronaut.strength']")
    field.locator(".wrong").wait_for()
    save(field, "studio-wrong.png")
    tab.page.click("#discard")

    tab = StudioPage(browser.new_context(viewport={"width": 1200, "height": 760}), studio)
    tab.wait_for_final()
    tab.select("background")
    tab.page.click("[data-key='background.seed'] button:text-is('Four more')")
    tab.page.wait_for_selector(".sheet figure:nth-child(4) img", timeout=300_000)
    save(tab.page.locator("#dialog"), "studio-seeds.png")


def photograph_view(browser: Browser, folder: Path) -> None:
    """The page of the scene, pointed at a subject."""
    opened = OpenPage(browser, folder / "results/view.html", viewport={"width": 1280, "height": 760})
    opened.settle()
    opened.page.locator("#layers li", has_text="hovercraft").hover()
    opened.page.wait_for_timeout(300)
    save(opened.page, "view.png")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="strata-docs-") as name:
        folder = Path(name)
        shutil.copy(ROOT / "config.yaml", folder)
        build(folder)
        shutil.copy(folder / "results/final.png", DOCS / "final.png")
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "-s",
            str(ROOT / "Snakefile"),
            "--cores",
            "1",
            "results/view.html",
        ]
        subprocess.run(command, cwd=folder, check=True)
        studio = RunningStudio(folder)
        try:
            with opened_browser() as browser:
                photograph_view(browser, folder)
                photograph_studio(browser, studio)
        finally:
            studio.end()


if __name__ == "__main__":
    main()
