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


def test_a_late_answer_does_not_undo_a_newer_one(tab):
    held = []

    def hold_the_first(route):
        answer = route.fetch()
        if not held:
            held.append((route, answer))
        else:
            route.fulfill(response=answer)

    tab.select("background")
    tab.page.route("**/api/scene?*", hold_the_first)
    (tab.folder / "config.yaml").write_text(SCENE.replace("seed: 77", "seed: 78"))
    end = time.monotonic() + PATIENCE
    while not held:
        assert time.monotonic() < end
        tab.page.wait_for_timeout(20)
    (tab.folder / "config.yaml").write_text(SCENE.replace("seed: 77", "seed: 79"))
    tab.page.wait_for_selector("#panel .action:has-text('77 → 79')")
    route, answer = held[0]
    route.fulfill(response=answer)
    tab.page.wait_for_timeout(300)
    assert "77 → 79" in tab.page.inner_text("#panel .action")
    assert tab.input("background.seed").input_value() == "79"


EDIT_WHILE_AN_ANSWER_IS_AWAITED = """async () => {
  const { session } = await import("/page/session.js");
  const ask = window.fetch;
  let [answer, held] = [null, null];
  const answered = new Promise((resolve) => (answer = resolve));
  window.fetch = async (...call) => {
    const response = await ask(...call);
    if (held === null && call[1]?.method === "POST") await new Promise((resolve) => answer(held = resolve));
    return response;
  };
  session.set(["background", "seed"], 5);
  await answered;
  session.set(["background", "steps"], 9);
  held();
  await new Promise((resolve) => setTimeout(resolve, 40));
  return [session.valueAt(["background", "seed"]), session.valueAt(["background", "steps"])];
}"""


def test_an_answer_about_earlier_edits_does_not_undo_the_next(tab):
    """The page asks the server what edits make of a scene a moment after the last of them."""
    assert tab.page.evaluate(EDIT_WHILE_AN_ANSWER_IS_AWAITED) == [5, 9]
    tab.page.wait_for_selector("#price:not(.busy)")
    tab.page.wait_for_selector("#edit-list li:has-text('background.steps: 9')", state="attached")


@pytest.mark.parametrize("typed", ["6", "77"])  # another value, and the one that is just being replaced
def test_what_is_typed_during_a_save_stays(tab, typed):
    held = []
    tab.select("background")
    tab.input("background.seed").fill("5")
    tab.page.route("**/api/save", lambda route: held.append((route, route.fetch())))
    tab.page.keyboard.press("Control+s")
    tab.wait_until(lambda: held)
    tab.input("background.seed").fill(typed)
    route, answer = held[0]
    route.fulfill(response=answer)
    tab.page.wait_for_selector("#undo:disabled")  # the page knows that it is saved
    assert "  seed: 5\n" in tab.config()
    tab.wait_for_price("to paint" if typed == "6" else "Nothing to do")
    assert f"background.seed: {typed}" in tab.page.text_content("#edit-list")
    tab.page.unroute("**/api/save")
    tab.save()
    assert f"  seed: {typed}\n" in tab.config()


def test_a_save_waits_for_the_one_before_it(tab):
    held = []

    def hold_the_first(route):
        if held:
            return route.continue_()
        held.append((route, route.fetch()))

    tab.select("background")
    tab.page.route("**/api/save", hold_the_first)
    for typed in ("5", "6"):
        tab.input("background.seed").fill(typed)
        tab.page.keyboard.press("Control+s")
        tab.wait_until(lambda: held)
    route, answer = held[0]
    tab.page.wait_for_timeout(200)
    route.fulfill(response=answer)
    tab.page.wait_for_selector("#save:disabled")
    assert "  seed: 6\n" in tab.config()
    assert tab.page.is_hidden("#notice")


def test_another_scene_is_opened_after_a_save_that_is_under_way(tab):
    held = []
    (tab.folder / "scenes").mkdir()
    (tab.folder / "scenes/night.yaml").write_text("background: {prompt: a night}\n")
    tab.page.wait_for_selector("#scene option[value=night]", state="attached")
    tab.select("background")
    tab.input("background.seed").fill("5")
    tab.page.route("**/api/save", lambda route: held.append((route, route.fetch())))
    tab.page.keyboard.press("Control+s")
    tab.wait_until(lambda: held)
    tab.page.select_option("#scene", "night")
    tab.page.wait_for_timeout(200)
    route, answer = held[0]
    route.fulfill(response=answer)
    tab.wait_until(lambda: tab.input("background.prompt").input_value() == "a night")
    assert tab.page.evaluate("() => Object.keys(sessionStorage)") == []  # no edits that would come back
    tab.page.select_option("#scene", "")
    tab.wait_until(lambda: tab.input("background.prompt").input_value() == "a wide alien desert")
    assert tab.input("background.seed").input_value() == "5"
    assert tab.page.inner_text("#edit-count") == "No edits"


def test_a_value_set_back_is_what_is_saved(tab):
    """An edit of another kind lies between; and it is the value that was taken away."""
    tab.select("background")
    tab.input("background.seed").fill("5")
    tab.page.focus("#layers li[data-layer=fog] .name")
    tab.page.keyboard.press("Alt+ArrowDown")
    tab.input("background.seed").fill("77")
    steps = tab.page.locator("[data-key='background.steps']")
    steps.locator(".reset").click()
    steps.locator(".reset").wait_for(state="hidden")
    tab.input("background.steps").fill("4")
    tab.save()
    config = yaml.safe_load(tab.config())
    assert [config["background"][key] for key in ("seed", "steps")] == [77, 4]
    assert [entry["layer"] for entry in config["composite"]["layers"]] == ["background", "astronaut", "fog", "rover"]


def test_a_value_set_back_beneath_another_preset_is_what_is_saved(tab):
    tab.select("background")
    tab.page.evaluate(
        """async () => {
          const { session } = await import("/page/session.js");
          session.set(["preset"], "sd15");
          session.set(["background", "steps"], 9);
          session.set(["background", "steps"], 4);
        }"""
    )
    tab.page.wait_for_selector("#edit-list li:has-text('background.steps: 4')", state="attached")


def test_an_edit_within_a_value_that_was_set_since_comes_after_it(tab):
    tab.select("astronaut")
    edits = tab.page.evaluate(
        """async () => {
          const { session } = await import("/page/session.js");
          const shapes = ["subjects", "astronaut", "mask", "shapes"];
          session.set([...shapes, 0, "bbox"], [1, 2, 30, 40]);
          session.set(shapes, [{ shape: "ellipse", bbox: [5, 6, 70, 80] }]);
          session.set([...shapes, 0, "bbox"], [9, 9, 90, 90]);
          return session.edits.map((edit) => edit.path.length);
        }"""
    )
    assert edits == [6, 4, 6]


def test_a_key_of_what_was_just_added_is_taken_away(tab):
    tab.page.click("#add-subject")
    tab.page.fill("#dialog input", "dog")
    tab.page.keyboard.press("Enter")
    tab.page.click("[data-key='subjects.dog.mask.feather'] .reset")
    tab.page.wait_for_selector("#edit-list li:has-text('subjects.dog.mask.feather back to')", state="attached")
    tab.page.locator("[data-key='subjects.dog.mask.feather'] .reset").wait_for(state="hidden")


def test_an_edit_after_an_undo_leaves_nothing_to_redo(tab):
    tab.select("background")
    tab.input("background.seed").fill("5")
    tab.input("background.steps").fill("9")
    tab.page.click("#undo")
    tab.page.wait_for_selector("#redo:enabled")
    tab.input("background.seed").fill("6")
    tab.page.wait_for_selector("#redo:disabled")
    tab.page.click("#undo")
    tab.page.wait_for_selector("#edit-list li:has-text('background.seed: 5')", state="attached")


def test_a_field_that_is_left_shows_what_holds(tab):
    """While it is in focus, it is left alone, whatever becomes of its value elsewhere."""
    tab.select("background")
    tab.input("background.seed").click()
    (tab.folder / "config.yaml").write_text(SCENE.replace("seed: 77", "seed: 78"))
    tab.page.wait_for_selector("#panel .action:has-text('77 → 78')")
    assert tab.input("background.seed").input_value() == "77"
    tab.page.keyboard.press("Tab")
    tab.wait_until(lambda: tab.input("background.seed").input_value() == "78")


@pytest.mark.parametrize("save", ["Control+s", "Control+Enter", "click"])
def test_yaml_is_saved_without_leaving_its_field(tab, save):
    tab.select("fog")
    position = tab.input("composite.layers.fog.position")
    position.fill("[10, 4")
    tab.page.wait_for_selector("#price.wrong:not(.busy)")
    assert tab.page.is_disabled("#save")
    box = tab.page.locator("#save").bounding_box()
    tab.page.mouse.move(box["x"] + 5, box["y"] + 5)
    tab.page.route("**/api/scene", lambda route: None)  # no answer says yet that it is right by now
    position.press("End")
    position.press("]")
    if save == "click":
        tab.page.wait_for_selector("#save:enabled")
        tab.page.mouse.click(box["x"] + 5, box["y"] + 5, delay=100)
    else:
        position.press(save)
    tab.wait_until(lambda: "position: [10, 4]" in tab.config())


def test_yaml_typed_back_is_no_edit(tab):
    tab.select("fog")
    position = tab.input("composite.layers.fog.position")
    before = position.input_value()
    position.fill("[10, 4")
    tab.page.wait_for_selector("#price.wrong:not(.busy)")
    position.blur()
    tab.page.wait_for_timeout(100)
    assert position.input_value() == "[10, 4"  # what is wrong stays to be put right
    position.fill(before)
    tab.page.wait_for_selector("#edit-count:text-is('No edits')")


@pytest.mark.parametrize("pressed", ["#layers li[data-layer=rover] .name", "#edit-list li .reset"])
def test_a_click_is_not_lost_to_an_answer_that_comes_while_it_lasts(tab, pressed):
    held = []
    tab.select("fog")
    tab.page.click("#edit-count")
    tab.page.route("**/api/scene", lambda route: held.append((route, route.fetch())))
    tab.input("composite.layers.fog.blur").fill("6")
    tab.wait_until(lambda: held)
    box = tab.page.locator(pressed).bounding_box()
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.page.mouse.down()
    route, answer = held[0]
    route.fulfill(response=answer)
    tab.page.wait_for_timeout(300)
    tab.page.mouse.up()
    if "rover" in pressed:
        tab.page.wait_for_selector("#panel h2:has-text('rover')")
        tab.page.wait_for_selector("#price:not(.busy)")
    else:
        tab.page.wait_for_selector("#edit-count:text-is('No edits')")


def test_what_is_dragged_shows_at_once(tab):
    tab.select("fog")
    slider = tab.page.locator("[data-key='composite.layers.fog.opacity'] input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    tab.page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2, steps=3)
    tab.page.wait_for_selector("#state:has-text('As a build would composite')")
    tab.page.mouse.up()


BIG = 9007199254740993  # no number of JavaScript
BIGGER = 2**64 - 1


def test_the_largest_seeds_are_shown_set_picked_and_taken_back_exactly(tab):
    sweeps = f"sweeps: {{tries: {{keys: {{background.seed: [{BIG}, {BIGGER}]}}}}}}\n"
    (tab.folder / "config.yaml").write_text(SCENE.replace("seed: 77", f"seed: {BIG}") + sweeps)
    tab.select("background")
    tab.page.wait_for_selector(f"#panel .action:has-text('77 → {BIG}')")
    seed = tab.input("background.seed")
    tab.wait_until(lambda: seed.input_value() == str(BIG))

    seed.fill(str(BIGGER))
    tab.page.wait_for_selector(f"#edit-list li:has-text('background.seed: {BIGGER}')", state="attached")
    tab.save()
    assert f"  seed: {BIGGER}\n" in tab.config()
    seed.fill("5")
    seed.fill(str(BIGGER))
    tab.page.wait_for_selector("#edit-count:text-is('No edits')")
    seed.fill(str(BIGGER + 1))
    tab.page.wait_for_selector(f"[data-key='background.seed'] .wrong:has-text('is {BIGGER + 1}, but')")
    tab.page.click("#discard")

    tab.page.click("#sweeps")
    tab.page.click("#dialog button:text-is('tries')")
    tab.page.wait_for_selector(f"figcaption:has-text('2. background.seed {BIGGER}')")
    tab.page.click("figure:nth-child(1) button:text-is('Take')")
    tab.page.reload()  # edits that are not saved come back from the browser
    tab.page.wait_for_selector(f"#edit-list li:has-text('background.seed: {BIG}')", state="attached")
    tab.save()
    assert f"  seed: {BIG}\n" in tab.config()

    edits = [{"kind": "set", "path": ["background", "seed"], "value": BIGGER}]
    tab.page.route("**/api/strip/*", lambda route: route.fulfill(json={"edits": edits}))
    tab.page.click("#pictures button:text-is('Take back')")
    tab.page.wait_for_selector(f"#edit-list li:has-text('background.seed: {BIGGER}')", state="attached")
    tab.save()
    assert f"  seed: {BIGGER}\n" in tab.config()
    tab.page.click("#tab-scene")
    tab.wait_until(lambda: f"[{BIG}, {BIGGER}]" in tab.input("sweeps").input_value())
    assert sweeps in tab.config()
    assert tab.errors == []


def test_text_in_a_field_of_yaml_is_shown_as_it_is(tab):
    prompts = ["a,b", "two  spaces", 'a "word", quoted']
    sweeps = {"tries": {"keys": {"background.prompt": prompts}}}
    (tab.folder / "config.yaml").write_text(SCENE + yaml.safe_dump({"sweeps": sweeps}))
    tab.page.click("#tab-scene")
    tab.wait_until(lambda: yaml.safe_load(tab.input("sweeps").input_value()) == sweeps)


@pytest.mark.parametrize("typed", ["Infinity", "1e999"])
def test_what_is_no_number_is_refused_as_it_was_typed(tab, typed):
    tab.select("background")
    tab.input("background.seed").fill(typed)
    tab.page.wait_for_selector(f"[data-key='background.seed'] .wrong:has-text(\"is '{typed}', but must be\")")


def test_a_slider_in_focus_follows_an_undo(tab):
    tab.select("fog")
    slider = tab.page.locator("[data-key='composite.layers.fog.opacity'] input[type=range]")
    slider.focus()
    tab.page.keyboard.press("ArrowRight")
    assert tab.input("composite.layers.fog.opacity").input_value() == slider.input_value() == "0.31"
    tab.page.keyboard.press("Control+z")
    tab.wait_until(lambda: slider.input_value() == "0.3")
    assert tab.input("composite.layers.fog.opacity").input_value() == "0.3"
    tab.page.keyboard.press("ArrowRight")
    assert slider.input_value() == "0.31"


IN_FOCUS = """said => {
  const focused = document.activeElement;
  return (focused.ariaLabel ?? focused.closest("[data-key]")?.dataset.key ?? focused.id) === said;
}"""


def test_the_focus_stays_where_somebody_works_by_the_keyboard(tab):
    def wait_for_focus(said: str) -> None:
        tab.page.wait_for_function(IN_FOCUS, arg=said)

    tab.select("astronaut")
    tab.page.focus("select[aria-label='Add a shape']")
    tab.page.locator("select[aria-label='Add a shape']").select_option("polygon")
    tab.page.wait_for_selector("button:text-is('+ Corner')")
    wait_for_focus("Add a shape")
    tab.page.focus("button:text-is('+ Corner')")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("[data-handle='1 corner 4']")
    wait_for_focus("Add a corner to shape 2")
    tab.page.focus("button[aria-label='Remove shape 1']")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("[data-handle='0 corner 4']")
    wait_for_focus("Remove shape 1")

    tab.page.click("#discard")
    tab.input("subjects.astronaut.strength").fill("0.5")
    tab.input("subjects.astronaut.seed").fill("5")
    tab.page.focus("#edit-count")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#edit-list li:nth-child(2)")
    tab.page.wait_for_selector("#price:not(.busy)")
    tab.page.focus("#edit-list li:nth-child(1) .reset")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#edit-count:text-is('1 edit')")
    wait_for_focus("Drop the edit of subjects.astronaut.seed")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#edit-count:text-is('No edits')")
    wait_for_focus("edit-count")

    tab.page.focus("[data-key='subjects.astronaut.steps'] .reset")
    tab.page.keyboard.press("Enter")
    wait_for_focus("subjects.astronaut.steps")
    tab.wait_until(lambda: tab.input("subjects.astronaut.steps").input_value() == "40")

    tab.page.click("#tab-scene")
    tab.page.click("summary:text-is('refine')")
    tab.page.focus("button:text-is('Add refine')")
    tab.page.keyboard.press("Enter")
    wait_for_focus("refine.prompt")
    tab.page.focus("button:text-is('Without refine')")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("button:text-is('Add refine')")
    assert tab.page.evaluate("() => document.activeElement.textContent") == "Add refine"


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


def test_a_late_price_is_not_shown_as_that_of_another_scene(tab):
    held = []
    (tab.folder / "scenes").mkdir()
    (tab.folder / "scenes/night.yaml").write_text("background: {prompt: a night}\n")
    tab.page.wait_for_selector("#scene option[value=night]", state="attached")
    tab.select("background")
    tab.page.route("**/api/scene", lambda route: held.append((route, route.fetch())))
    tab.input("background.seed").fill("5")
    tab.wait_until(lambda: held)
    tab.page.select_option("#scene", "night")
    tab.wait_until(lambda: tab.input("background.prompt").input_value() == "a night")
    route, answer = held[0]
    route.fulfill(response=answer)
    tab.page.wait_for_timeout(300)
    assert tab.input("background.prompt").input_value() == "a night"
    assert tab.input("background.seed").input_value() == "77"


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
