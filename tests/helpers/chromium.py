"""Pages in Debian's Chromium, driven by Playwright without a browser of its own, and without a network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

# The one that has no window at all takes less of the processor, which other tests need, too.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")

READ = """(id) => {
    const canvas = document.getElementById(id);
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let text = "";
    for (let index = 0; index < data.length; index += 8192) text += String.fromCharCode(...data.subarray(index, index + 8192));
    return [canvas.width, canvas.height, btoa(text)];
}"""


@contextmanager
def opened_browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class OpenPage:
    """A page of a scene, opened from the disk.

    Attributes:
        page: Playwright's.
        errors: what the console said, and exceptions.
    """

    def __init__(self, browser, path: Path, **context):
        self.page = browser.new_context(offline=True, **context).new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def settle(self) -> None:
        """Waits until what was asked for is shown."""
        # By a selector: Playwright would evaluate an expression, which the page forbids.
        self.page.wait_for_selector("body.ready[data-turn]:not([data-busy])")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.settle()

    def toggle(self, name: str) -> None:
        self.page.click(f"[aria-label='Show {name}']")
        self.settle()

    def read(self, canvas: str = "shown") -> Image.Image:
        """The pixels of a canvas, "RGB"."""
        import base64

        width, height, text = self.page.evaluate(READ, canvas)
        pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
        assert (pixels[..., 3] == 255).all()
        return Image.fromarray(pixels[..., :3].copy())
