"""The studio in Chromium: see, edit, know the price, save, watch it paint, compare, take back."""

import io
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from helpers.chromium import READ
from helpers.studio import PATIENCE, SCENE, RunningStudio, build, write_scene
from helpers.working_folder import ROOT

MOST_WEIGHT = 300_000  # bytes of the page without pictures


@pytest.fixture(scope="module")
def once(tmp_path_factory) -> Path:
    """The scene, built by a plain Snakemake."""
    folder = write_scene(tmp_path_factory.mktemp("studio") / "built")
    build(folder)
    return folder


@pytest.fixture
def folder(once, tmp_path) -> Path:
    return shutil.copytree(once, tmp_path / "scene", symlinks=True)


@pytest.fixture
def studio(folder):
    running = RunningStudio(folder)
    yield running
    running.end()


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
        import base64

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

    def config(self) -> str:
        return (self.folder / "config.yaml").read_text()

    def final(self) -> Image.Image:
        return Image.open(self.folder / "results/final.png").convert("RGB")

    def wait_for_final(self) -> None:
        """Waits until final.png itself is shown."""
        self.page.wait_for_selector("#state:text-is('This is final.png.')")


@pytest.fixture
def tab(browser, studio):
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    yield StudioPage(context, studio)
    context.close()


def lines_changed(before: str, after: str) -> set[str]:
    return set(before.splitlines()) ^ set(after.splitlines())


def painted(folder: Path) -> list[str]:
    """The layers that the latest build painted."""
    entries = map(json.loads, (folder / ".strata/build.jsonl").read_text().splitlines())
    return [Path(entry["layer"]).stem for entry in entries if entry["how"] == "painted"]


def test_it_opens_with_the_final_picture_asks_nobody_else_and_is_light(tab):
    tab.wait_for_final()
    assert tab.read().tobytes() == tab.final().tobytes()
    assert tab.errors == []
    assert all(url.startswith(f"http://127.0.0.1:{tab.studio.port}/") for url in tab.weight)
    assert len(tab.weight) > 10
    assert sum(tab.weight.values()) <= MOST_WEIGHT
    assert "token" not in tab.page.url
    # A prompt is text, whatever is in it.
    tab.select("background")
    tab.input("background.prompt").fill("<img src=x onerror=alert(1)>")
    tab.page.wait_for_selector("#edit-list li", state="attached")
    assert tab.page.locator("#edit-list img").count() == 0


def test_an_opacity_shows_at_once_paints_nothing_and_is_what_the_build_makes(tab):
    tab.wait_for_final()
    tab.select("fog")
    tab.slide("composite.layers.fog.opacity", 0.8)
    tab.slide("composite.layers.fog.blur", 6)
    tab.page.locator("[data-key='composite.layers.fog.blend'] select").select_option(label="screen")
    tab.wait_for_price("Paints nothing")
    tab.select("finish")
    tab.slide("composite.finish.color", 0.5)
    tab.page.wait_for_selector("#state:has-text('As a build would composite')")
    before = tab.config()
    ahead = tab.read()
    tab.build()
    tab.wait_for_final()
    assert tab.final().tobytes() == ahead.tobytes() == tab.read().tobytes()
    assert painted(tab.folder) == []
    assert lines_changed(before, tab.config()) == {
        "    - {layer: fog, opacity: 0.3, blur: 2} # thin",
        "    - {layer: fog, opacity: 0.8, blur: 6, blend: screen} # thin",
        "  finish: {contrast: 1.15}",
        "  finish: {contrast: 1.15, color: 0.5}",
    }
    assert tab.errors == []


def test_a_mask_is_dragged_priced_saved_painted_compared_and_taken_back(tab):
    first = tab.final().tobytes()
    tab.select("astronaut")
    tab.drag("0 all", 40, 8)
    tab.wait_for_price("1 pass to paint")
    tab.page.click("#edit-count")
    assert "paints astronaut" in tab.page.inner_text("#edit-list")
    assert "its mask is drawn again" in tab.page.inner_text("#panel .action")
    before = tab.config()
    tab.page.click("#save")
    tab.page.wait_for_selector("#save:disabled")
    after = tab.config()
    changed = lines_changed(before, after)
    assert len(changed) == 2
    assert all(line.endswith("# the whole figure") for line in changed)
    assert yaml.safe_load(after)["subjects"]["astronaut"]["mask"]["shapes"][0]["bbox"][0] > 20
    tab.page.click("#build")
    tab.page.wait_for_selector(".job progress", timeout=PATIENCE * 1000)
    tab.page.wait_for_selector("body[data-building=true]", timeout=PATIENCE * 1000)
    tab.wait_for_end()
    assert painted(tab.folder) == ["astronaut"]
    tab.wait_for_final()
    assert tab.read().tobytes() == tab.final().tobytes() != first

    tab.page.wait_for_selector("#pictures li:nth-child(2)")
    tab.page.click("#pictures li:nth-child(2) .kept")
    tab.page.wait_for_selector("#world.comparing")
    tab.page.locator("#split").fill("30")
    assert tab.page.evaluate("() => document.getElementById('world').style.getPropertyValue('--split')") == "30%"
    tab.page.keyboard.press("Escape")

    tab.page.click("#pictures li:nth-child(2) button:text-is('Take back')")
    tab.wait_for_price("from the store")
    tab.build()
    assert painted(tab.folder) == []
    tab.wait_for_final()
    assert tab.final().tobytes() == first
    assert yaml.safe_load(tab.config()) == yaml.safe_load(before)
    assert "# the whole figure" in tab.config()
    assert tab.errors == []


def test_a_wrong_value_is_a_sentence_beside_its_field_and_nothing_is_written(tab):
    tab.select("astronaut")
    tab.input("subjects.astronaut.strength").fill("3")
    wrong = tab.page.locator("[data-key='subjects.astronaut.strength'] .wrong")
    wrong.wait_for()
    assert wrong.inner_text().startswith("config.yaml: subjects.astronaut.strength is 3")
    assert "must be a number, above 0, at most 1" in wrong.inner_text()
    tab.input("subjects.astronaut.seed").fill("many")
    seed = tab.page.locator("[data-key='subjects.astronaut.seed'] .wrong")
    seed.wait_for()
    assert "is 'many', but must be a whole number" in seed.inner_text()
    assert wrong.is_visible()
    assert tab.page.is_disabled("#save")
    assert tab.page.is_disabled("#build")
    tab.page.keyboard.press("Control+s")
    time.sleep(0.3)
    assert tab.config() == SCENE
    tab.page.click("#discard")
    wrong.wait_for(state="hidden")


def test_an_edit_outside_shows_within_a_second(tab):
    tab.select("background")
    path, took = tab.folder / "config.yaml", []
    for seed in (78, 79, 80):  # other tests may keep the machine busy for a moment
        path.write_text(SCENE.replace("seed: 77", f"seed: {seed}"))
        began = time.monotonic()
        tab.page.wait_for_selector(f"#panel .action:has-text('77 → {seed}')")
        took.append(time.monotonic() - began)
        assert tab.input("background.seed").input_value() == str(seed)
    assert min(took) < 1
    path.write_text(SCENE.replace("seed: 77", "sed: 78"))
    tab.page.wait_for_selector("#price.wrong:has-text('background.sed is not a key of the schema')")
    path.write_text(SCENE)
    tab.wait_for_price("Nothing to do")


def test_subjects_are_painted_in_another_order(tab):
    tab.select("astronaut")
    tab.page.click("button:text-is('Later')")
    tab.page.wait_for_selector("#edit-list li:has-text('is painted as number 2')", state="attached")
    tab.wait_for_price("to paint")
    tab.page.click("#save")
    tab.page.wait_for_selector("#save:disabled")
    assert list(yaml.safe_load(tab.config())["subjects"]) == ["rover", "astronaut"]
    assert tab.config().index("# He stands on the left.") > tab.config().index("rover:")


def test_the_later_of_two_tabs_does_not_undo_the_earlier(tab, browser):
    other = StudioPage(tab.page.context, tab.studio)
    for each, value in ((tab, "500"), (other, "600")):
        each.select("background")
        each.input("background.seed").fill(value)
        each.wait_for_price("to paint")
    tab.page.click("#save")
    tab.page.wait_for_selector("#save:disabled")
    notice = other.page.wait_for_selector("#notice:has-text('was changed elsewhere: background.seed')")
    assert "saving them would undo that" in notice.inner_text()
    assert other.page.is_disabled("#save")
    assert "seed: 500" in tab.config()
    other.page.click("button:text-is('Keep my edits')")
    other.page.wait_for_selector("#save:enabled")
    other.page.click("#save")
    other.page.wait_for_selector("#save:disabled")
    assert "seed: 600" in tab.config()
    tab.page.wait_for_selector("[data-key='background.seed']")
    assert other.page.is_hidden("#notice")


def test_the_server_may_be_killed_and_started_again(tab, folder):
    tab.select("background")
    tab.input("background.seed").fill("5")
    tab.wait_for_price("to paint")
    tab.studio.kill()
    tab.page.wait_for_selector("#notice:has-text('does not answer')", timeout=20_000)
    again = RunningStudio(folder, "--port", str(tab.studio.port))
    try:
        assert again.token == tab.studio.token
        tab.page.wait_for_selector("#notice", state="hidden", timeout=20_000)
        tab.page.click("#save")
        tab.page.wait_for_selector("#save:disabled")
        assert "seed: 5\n" in tab.config()
        tab.page.reload()
        tab.page.wait_for_selector("body.ready[data-turn]")
        tab.wait_for_price("to paint")
    finally:
        again.end()


def test_edits_that_are_not_saved_survive_a_reload_and_can_be_undone(tab):
    tab.select("background")
    tab.input("background.seed").fill("5")
    tab.wait_for_price("to paint")
    tab.page.reload()
    tab.page.wait_for_selector("#edit-count:text-is('1 edit')")
    tab.page.click("#discard")
    tab.wait_for_price("Nothing to do")
    tab.page.click("#undo")
    tab.page.wait_for_selector("#edit-count:text-is('1 edit')")
    assert tab.config() == SCENE


def test_layers_are_added_copied_renamed_and_removed(tab):
    tab.page.click("#add-subject")
    tab.page.fill("#dialog input", "dog")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#layers li[data-layer=dog].selected")
    tab.page.wait_for_selector("#shapes .handle")
    tab.select("fog")
    tab.page.click("button:text-is('Duplicate')")
    tab.page.wait_for_selector("#layers li[data-layer=fog-2]")
    tab.select("rover")
    tab.page.click("button:text-is('Rename')")
    tab.page.fill("#dialog input", "buggy")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#layers li[data-layer=buggy]")
    tab.select("astronaut")
    tab.page.click("button:text-is('Remove')")
    tab.page.wait_for_selector("#layers li[data-layer=astronaut]", state="detached")
    tab.page.click("#save")
    tab.page.wait_for_selector("#save:disabled")
    config = yaml.safe_load(tab.config())
    assert list(config["subjects"]) == ["buggy", "dog"]
    assert list(config["effects"]) == ["fog", "fog-2"]
    assert [entry["layer"] for entry in config["composite"]["layers"]] == ["background", "buggy", "dog", "fog", "fog-2"]
    for comment in re.findall(r"#.*", SCENE):
        assert comment in tab.config() or comment == "# the whole figure", comment  # which went with the astronaut


def test_a_brush_paints_a_mask_into_a_file(tab):
    tab.select("astronaut")
    tab.page.click("button:text-is('Paint …')")
    tab.page.wait_for_selector("#brush:not([hidden])")
    tab.page.click("#brush-clear")
    tab.page.locator("#brush-size").fill("30")
    box = tab.page.locator("#paint").bounding_box()
    tab.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2, steps=4)
    tab.page.mouse.up()
    tab.page.click("#brush-done")
    tab.wait_for_price("to paint")
    with Image.open(tab.folder / "masks/astronaut.png") as mask:
        assert (mask.mode, mask.size) == ("L", (192, 128))
        assert mask.getpixel((72, 64)) == 255
        assert mask.getpixel((72, 20)) == mask.getpixel((150, 64)) == 0
    tab.page.click("#save")
    tab.page.wait_for_selector("#save:disabled")
    assert yaml.safe_load(tab.config())["subjects"]["astronaut"]["mask"]["image"] == "masks/astronaut.png"


def test_a_build_in_another_terminal_is_seen(tab):
    (tab.folder / "config.yaml").write_text(SCENE.replace("seed: 200, steps: 2", "seed: 201, steps: 30"))
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1", "results/final.png"]
    with (tab.folder / "other.log").open("w") as said:
        other = subprocess.Popen(command, cwd=tab.folder, stdout=said, stderr=said)
        try:
            tab.page.wait_for_selector(".job:has-text('effects/fog')", timeout=PATIENCE * 1000)
            assert "Started elsewhere" in tab.page.inner_text("#progress")
            assert tab.page.is_hidden("#stop")
            assert tab.page.is_disabled("#build")
        finally:
            other.wait(PATIENCE)
    tab.wait_for_end()
    tab.wait_for_final()
    assert tab.read().tobytes() == tab.final().tobytes()


def test_a_build_is_stopped_and_loses_nothing(tab):
    before = (tab.folder / "results/effects/fog.png").read_bytes()
    tab.select("fog")
    tab.input("effects.fog.steps").fill("900")
    tab.wait_for_price("1 pass to paint")
    tab.page.click("#build")
    tab.page.wait_for_selector(".job:has-text('of 900')", timeout=PATIENCE * 1000)
    tab.page.click("#stop")
    tab.page.wait_for_selector("body[data-building=false]", timeout=PATIENCE * 1000)
    assert (tab.folder / "results/effects/fog.png").read_bytes() == before
    tab.input("effects.fog.steps").fill("2")
    tab.wait_for_price("Nothing to do")
    tab.page.click("#save")
    tab.page.wait_for_selector("#save:disabled")
    assert tab.config() == SCENE


def test_what_is_wrong_with_a_build_is_said(tab):
    (tab.folder / "results/effects/fog.png").unlink()
    Image.new("RGB", (8, 8)).save(tab.folder / "results/effects/fog.png")
    tab.wait_for_final()
    tab.page.click("#build")
    tab.page.wait_for_selector("#said:has-text('Scale it to that size, or delete it')", timeout=PATIENCE * 1000)


def test_four_more_seeds_are_a_sweep_to_pick_from(tab):
    tab.select("fog")
    tab.page.click("[data-key='effects.fog.seed'] button:text-is('Four more')")
    tab.page.wait_for_selector("#dialog h2:text-is('Sweep fog-seeds')", timeout=PATIENCE * 1000)
    assert yaml.safe_load(tab.config())["sweeps"]["fog-seeds"]["keys"] == {"effects.fog.seed": [201, 202, 203, 204]}
    tab.page.wait_for_selector(".sheet figure:nth-child(4) img", timeout=PATIENCE * 1000)
    tab.page.click(".sheet figure:nth-child(3) button")
    tab.page.wait_for_selector("#edit-list li:has-text('effects.fog.seed: 203')", state="attached")
    tab.wait_for_price("from the store")


def test_it_can_be_used_by_the_keyboard_alone(tab):
    tab.wait_for_final()
    tab.page.keyboard.press("2")
    tab.page.wait_for_selector("#state:has-text('Without fog.')")
    tab.page.keyboard.press("a")
    tab.wait_for_final()
    tab.page.focus("#layers li[data-layer=rover] .name")
    tab.page.keyboard.press("ArrowDown")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#panel h2:has-text('astronaut')")
    tab.page.focus("[data-handle='0 right']")
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("Shift+ArrowRight")
    tab.wait_for_price("1 pass to paint")
    tab.page.keyboard.press("Control+s")
    tab.page.wait_for_selector("#save:disabled")
    assert yaml.safe_load(tab.config())["subjects"]["astronaut"]["mask"]["shapes"][0]["bbox"] == [16, 24, 75, 112]
    tab.page.focus("#layers li[data-layer=rover] .name")
    tab.page.keyboard.press("Alt+ArrowUp")
    tab.page.wait_for_selector("#edit-list li:has-text('rover lies in place 4')", state="attached")


def test_a_scene_that_is_not_built_says_so_and_the_other_is_shown_again(tab):
    (tab.folder / "scenes").mkdir()
    (tab.folder / "scenes/night.yaml").write_text("background: {prompt: a night} # dark\n")
    tab.page.wait_for_selector("#scene option[value=night]", state="attached")
    tab.page.select_option("#scene", "night")
    tab.page.wait_for_selector("#empty:text-is('Nothing is painted yet. Build it.')")
    tab.wait_for_price("from the store")
    tab.input("background.prompt").fill("a dark sea")
    tab.page.click("#save")
    tab.page.wait_for_selector("#save:disabled")
    assert (tab.folder / "scenes/night.yaml").read_text() == "background: {prompt: a dark sea} # dark\n"
    # What lies beneath was changed: the scene on top of it follows.
    (tab.folder / "config.yaml").write_text(SCENE.replace("seed: 77", "seed: 78"))
    end = time.monotonic() + PATIENCE
    while tab.input("background.seed").input_value() != "78":
        assert time.monotonic() < end
        time.sleep(0.05)
    (tab.folder / "config.yaml").write_text(SCENE)
    tab.page.select_option("#scene", "")
    tab.wait_for_final()
    assert tab.page.is_hidden("#empty")
    assert tab.read().tobytes() == tab.final().tobytes()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_narrow_screen_holds_all_of_it(browser, studio, scheme):
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    tab = StudioPage(context, studio)
    tab.wait_for_final()
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= 390
    tab.select("astronaut")
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= 390
    shade = tab.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    level = int(re.search(r"\d+", shade)[0])
    assert level < 60 if scheme == "dark" else level > 200
    context.close()


def test_each_kind_of_shape_can_be_dragged(tab):
    tab.select("astronaut")
    kinds = ["rounded_rectangle", "polygon", "linear_gradient", "radial_gradient"]
    for index, kind in enumerate(kinds, start=1):
        tab.page.locator("select[aria-label='Add a shape']").select_option(kind)
        tab.page.wait_for_selector(f".handle[data-handle^='{index} ']")
    for handle in ("1 top left", "2 corner 1", "3 end", "4 radius"):
        tab.drag(handle, -12, 6)
    tab.page.wait_for_selector("#price:not(.busy, .wrong)")
    tab.page.click("#save")
    tab.page.wait_for_selector("#save:disabled")
    shapes = yaml.safe_load(tab.config())["subjects"]["astronaut"]["mask"]["shapes"]
    assert [shape["shape"] for shape in shapes] == ["ellipse", *kinds]
    assert shapes[0]["bbox"] == [16, 24, 64, 112]
    assert shapes[1]["bbox"][0] < 64
    assert shapes[3]["end"][0] < 192
    assert shapes[4]["radius"] < 32
    drawn = tab.studio.ask("/api/mask", {"scene": "", "subject": "astronaut", "edits": []})
    with Image.open(io.BytesIO(drawn[1])) as mask:
        assert mask.size == (192, 128)
