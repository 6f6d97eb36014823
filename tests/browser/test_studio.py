"""The studio in Chromium: see, edit, know the price, save, and lose nothing to others."""

import io
import re
import time

import pytest
import yaml
from PIL import Image

from helpers.studio import PATIENCE, SCENE
from helpers.studio_page import StudioPage

MOST_WEIGHT = 300_000  # bytes of the page without pictures


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


def test_a_click_beneath_the_field_in_focus_is_not_lost(tab):
    """The description of a field folds as it loses the focus: what is pressed must not move away from under the pointer."""
    tab.select("background")
    described, seed = "[data-key='background.prompt']", tab.input("background.seed")
    tab.input("background.prompt").click()
    assert tab.page.locator(f"{described} .told").is_visible()
    before = seed.input_value()
    tab.page.locator("[data-key='background.seed'] button[title='Another seed']").click(delay=200)
    tab.wait_until(lambda: seed.input_value() != before)
    tab.page.locator(f"{described} .told").wait_for(state="hidden")
    tab.page.keyboard.press("Tab")  # by the keyboard, too, the description is that of the field in focus
    assert tab.page.locator(".told:visible").count() == 1


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
    tab.add_scene("night", "background: {prompt: a night} # dark\n")
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


def test_strokes_stay_when_painting_is_begun_again(tab):
    alpha = "() => document.getElementById('paint').getContext('2d').getImageData(90, 100, 1, 1).data[3]"
    tab.select("rover")
    tab.page.keyboard.press("p")
    tab.page.wait_for_selector("#brush:not([hidden])")
    assert tab.page.evaluate(alpha) == 0
    box = tab.page.locator("#paint").bounding_box()
    tab.page.mouse.click(box["x"] + box["width"] * 90 / 192, box["y"] + box["height"] * 100 / 128)
    assert tab.page.evaluate(alpha) == 255
    tab.page.keyboard.press("p")
    tab.page.wait_for_timeout(500)
    assert tab.page.evaluate(alpha) == 255
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector("#brush", state="hidden")
    tab.page.keyboard.press("p")
    tab.page.wait_for_selector("#brush:not([hidden])")
    assert tab.page.evaluate(alpha) == 0


def show_own_rover(tab) -> None:
    """Has the rover be a picture of one's own, without a mask."""
    Image.new("RGB", (192, 128)).save(tab.folder / "own.png")
    scene = re.sub(r"  rover:\n.*?\n\n", "  rover: {image: own.png}\n\n", SCENE, flags=re.DOTALL)
    (tab.folder / "config.yaml").write_text(scene)
    tab.select("rover")
    tab.page.wait_for_selector("[data-key='subjects.rover.mask.feather']", state="detached")


def test_four_more_seeds_are_offered_where_a_layer_is_painted_with_them(tab):
    show_own_rover(tab)
    tab.page.wait_for_selector("[data-key='subjects.rover.seed'] button:text-is('Four more')", state="hidden")
    tab.select("fog")
    assert tab.page.is_visible("[data-key='effects.fog.seed'] button:text-is('Four more')")
    tab.page.click("#tab-scene")
    tab.page.click("summary:text-is('upscale')")
    assert tab.page.is_visible("[data-key='upscale.seed'] button[title='Another seed']")
    assert tab.page.is_hidden("[data-key='upscale.seed'] button:text-is('Four more')")


def test_a_first_shape_is_drawn_with_the_feather_that_it_will_have(tab):
    show_own_rover(tab)
    tab.page.locator("select[aria-label='Add a shape']").select_option("ellipse")
    tab.page.wait_for_selector("#shapes feGaussianBlur[stdDeviation='8']", state="attached")
    assert tab.errors == []


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
    tab.save()
    shapes = yaml.safe_load(tab.config())["subjects"]["astronaut"]["mask"]["shapes"]
    assert [shape["shape"] for shape in shapes] == ["ellipse", *kinds]
    assert shapes[0]["bbox"] == [16, 24, 64, 112]
    assert shapes[1]["bbox"][0] < 64
    assert shapes[3]["end"][0] < 192
    assert shapes[4]["radius"] < 32
    drawn = tab.studio.ask("/api/mask", {"scene": "", "subject": "astronaut", "edits": []})
    with Image.open(io.BytesIO(drawn[1])) as mask:
        assert mask.size == (192, 128)
