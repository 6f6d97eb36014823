"""The page of the studio in a tab of Chromium."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.chromium import READ
from helpers.studio import PATIENCE, RunningStudio


class StudioPage:
    """The page in a tab."""

    def __init__(self, context, studio: RunningStudio):
        self.studio, self.folder = studio, studio.folder
        self.page = context.new_page()
        self.errors: list[str] = []
        self.weight: dict[str, int] = {}
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("response", self._weigh)
        self.page.goto(studio.address)
        self.page.wait_for_selector("body.ready[data-turn]")

    def _hear(self, message) -> None:
        if not message.text.startswith("Canvas2D: Multiple readback"):  # of read() below
            self.errors.append(message.text)

    def _weigh(self, response) -> None:
        if "/page/" in response.url or response.url.split("?")[0].endswith("/"):
            self.weight[response.url] = len(response.body())

    def read(self) -> Image.Image:
        """The picture that is shown, "RGB"."""
        width, height, text = self.page.evaluate(READ, "shown")
        pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
        return Image.fromarray(pixels[..., :3].copy())

    def select(self, layer: str) -> None:
        self.page.click(f"#layers li[data-layer={layer}] .name")
        self.page.wait_for_selector(f"#panel h2:has-text('{layer}')")

    def input(self, key: str):
        return self.page.locator(f"[data-key='{key}'] :is(textarea, select, input:not([type=range]))")

    def slide(self, key: str, value: float) -> None:
        self.page.locator(f"[data-key='{key}'] input[type=range]").fill(str(value))

    def price(self) -> str:
        """What the pending edits cost, once it is known."""
        self.page.wait_for_selector("#price:not(.busy)")
        return self.page.inner_text("#price")

    def wait_for_price(self, words: str) -> None:
        self.page.wait_for_selector(f"#price:not(.busy):has-text('{words}')")

    def wait_until(self, holds: Callable[[], object]) -> None:
        """Waits until something holds, while the page goes on."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end
            self.page.wait_for_timeout(20)

    def save(self) -> None:
        """Saves by a click, and waits until nothing is left to save."""
        self.page.click("#save")
        self.page.wait_for_selector("#save:disabled")

    def drag(self, handle: str, x: int, y: int) -> None:
        """Drags a handle by so many pixels of the screen."""
        while (box := self.page.locator(f"[data-handle='{handle}']").bounding_box()) is None:
            time.sleep(0.05)  # it is just being drawn anew
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(*middle)
        self.page.mouse.down()
        self.page.mouse.move(middle[0] + x, middle[1] + y, steps=5)
        self.page.mouse.up()

    def build(self) -> None:
        """Saves and builds, and waits for the end."""
        self.page.click("#build")
        self.page.wait_for_selector("body[data-building=true]", timeout=PATIENCE * 1000)
        self.wait_for_end()

    def wait_for_end(self) -> None:
        self.page.wait_for_selector("body[data-building=false]", timeout=PATIENCE * 1000)
        self.wait_for_price("Nothing to do")

    def add_scene(self, name: str, content: str) -> None:
        """Writes a scene's file, and waits until the page offers it."""
        (self.folder / "scenes").mkdir(exist_ok=True)
        (self.folder / f"scenes/{name}.yaml").write_text(content)
        self.page.wait_for_selector(f"#scene option[value={name}]", state="attached")

    def config(self) -> str:
        return (self.folder / "config.yaml").read_text()

    def final(self) -> Image.Image:
        return Image.open(self.folder / "results/final.png").convert("RGB")

    def wait_for_final(self) -> None:
        """Waits until final.png itself is shown."""
        self.page.wait_for_selector("#state:text-is('This is final.png.')")


def lines_changed(before: str, after: str) -> set[str]:
    return set(before.splitlines()) ^ set(after.splitlines())


def painted(folder: Path) -> list[str]:
    """The layers that the latest build painted."""
    entries = map(json.loads, (folder / ".strata/build.jsonl").read_text().splitlines())
    return [Path(entry["layer"]).stem for entry in entries if entry["how"] == "painted"]
