"""Edits in the studio's page: none is lost, to an answer, a save, a click or what others write, and each shows as it is."""

import time

import pytest
import yaml

from helpers.studio import PATIENCE, SCENE


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
    tab.add_scene("night", "background: {prompt: a night}\n")
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


def _press_as_the_price_comes(tab, pressed: str) -> None:
    """Holds a pointer down on something while the price of an edit comes."""
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


@pytest.mark.parametrize("pressed", ["#layers li[data-layer=rover] .name", "#edit-list li .reset"])
def test_a_click_is_not_lost_to_an_answer_that_comes_while_it_lasts(tab, pressed):
    _press_as_the_price_comes(tab, pressed)
    tab.page.mouse.up()
    if "rover" in pressed:
        tab.page.wait_for_selector("#panel h2:has-text('rover')")
        tab.page.wait_for_selector("#price:not(.busy)")
    else:
        tab.page.wait_for_selector("#edit-count:text-is('No edits')")


def test_a_press_of_the_other_button_holds_nothing_up(tab):
    """Where it opens a menu, no release comes."""
    tab.page.locator("#save").hover()
    tab.page.mouse.down(button="right")
    assert tab.page.evaluate("import('/page/presses.js').then((m) => m.isPressed())") is False
    tab.page.mouse.up(button="right")


def test_a_click_is_not_lost_to_a_build_that_begins_while_it_lasts(tab):
    _press_as_the_price_comes(tab, "#edit-list li .reset")
    assert tab.studio.ask("/api/build", {"scene": ""})[0] == 200
    tab.page.wait_for_timeout(1500)
    tab.page.mouse.up()
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
    tab.page.wait_for_selector(f"#edit-list li:has-text('background.seed: {BIG}')", state="attached")
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


def test_a_late_price_is_not_shown_as_that_of_another_scene(tab):
    held = []
    tab.add_scene("night", "background: {prompt: a night}\n")
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
