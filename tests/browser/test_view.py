"""The page of a scene, in Chromium: its pixels are the library's, and it can be used without a mouse."""

import base64
import dataclasses

import numpy as np
import pytest
from PIL import Image

from helpers import exported
from helpers.chromium import OpenPage
from helpers.exported import FINISH, MODES, in_mode, make_picture, noise, typical
from strata.exports import reading, view
from strata.exports.stack import Picture
from strata.imaging import compositing
from strata.imaging.compositing import Layer


@pytest.fixture
def opened(browser, tmp_path):
    def show(picture: Picture, **context) -> OpenPage:
        path = tmp_path / "view.html"
        path.write_bytes(view.encode(picture, "a <b>scene</b>", {"background": 3.25}))
        page = OpenPage(browser, path, **context)
        page.settle()
        return page

    return show


def without(picture: Picture, *names: str, finish: bool = True) -> Image.Image:
    """The picture without some layers, by the library."""
    flat = compositing.flatten(picture.size, [layer.layer for layer in picture.layers if layer.name not in names])
    return compositing.finish(flat, **picture.finish) if finish else flat


def test_with_all_eyes_on_it_shows_the_final_picture_and_asks_for_nothing(opened):
    picture = typical()
    page = opened(picture)
    assert page.read().tobytes() == picture.final.tobytes()
    assert page.page.inner_text("#state") == "This is final.png."
    assert page.errors == []
    assert [url for url in page.requests if not url.startswith(("data:", "blob:"))] == page.requests[:1]
    assert page.requests[0].startswith("file:")


@pytest.mark.parametrize("name", ["background", "astronaut", "rover", "fog", "grain"])
def test_an_eye_that_is_closed_takes_the_layer_away(opened, name):
    picture = typical()
    page = opened(picture)
    page.toggle(name)
    assert page.page.get_attribute(f"[aria-label='Show {name}']", "aria-pressed") == "false"
    assert page.page.inner_text("#state") == f"Without {name}."
    assert page.read().tobytes() == without(picture, name).tobytes()
    page.toggle(name)
    assert page.read().tobytes() == picture.final.tobytes()


def test_the_finish_has_an_eye_too(opened):
    picture = typical()
    page = opened(picture)
    page.toggle("finish")
    assert page.read().tobytes() == picture.flat.tobytes()


@pytest.mark.parametrize("mode", MODES)
def test_every_blend_mode_is_that_of_the_library(opened, mode):
    picture = in_mode(mode)
    assert opened(picture).read().tobytes() == picture.final.tobytes()


@pytest.mark.parametrize("factor", [0, 0.3, 0.95, 1.05, 2.5])
@pytest.mark.parametrize("kind", FINISH)
def test_its_own_finish_is_that_of_the_library_within_a_level(kind, factor):
    """The difference that a page carries makes up for the rest; with an eye closed there is none to carry."""
    picture = typical(finish=exported.NO_FINISH | {kind: factor})
    made = view.finish_as_the_page(np.asarray(picture.flat), picture.finish)
    assert np.abs(made.astype(int) - np.asarray(picture.final)).max() <= (1 if kind == "sharpness" else 0)


def test_a_retouched_final_picture_is_shown_as_it_is(opened):
    picture = typical()
    retouched = picture.final.copy()
    retouched.paste((255, 0, 0), (10, 10, 60, 40))
    page = opened(dataclasses.replace(picture, final=retouched))
    assert page.read().tobytes() == retouched.tobytes()
    page.toggle("fog")
    assert page.read().tobytes() == without(picture, "fog").tobytes()


def test_an_opacity_can_be_moved(opened):
    picture = typical()
    page = opened(picture)
    page.page.focus("[aria-label='Opacity of fog']")
    page.press("End")
    assert page.page.inner_text("li[data-layer='3'] output") == "100 %"
    moved = [
        dataclasses.replace(layer.layer, opacity=1.0) if layer.name == "fog" else layer.layer
        for layer in picture.layers
    ]
    expected = compositing.finish(compositing.flatten(picture.size, moved), **picture.finish)
    assert page.read().tobytes() == expected.tobytes()
    page.page.click("#reset")
    page.settle()
    assert page.read().tobytes() == picture.final.tobytes()


def test_it_can_be_used_by_keys_alone(opened):
    picture = typical()
    page = opened(picture)
    page.press("2")  # the second row from above, beneath the finish
    assert page.read().tobytes() == without(picture, "grain").tobytes()
    page.press("a")
    page.page.focus("[aria-label='Show grain']")
    page.page.keyboard.press("ArrowDown")
    assert page.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Show fog"
    page.press("Space")
    assert page.read().tobytes() == without(picture, "fog").tobytes()
    page.press("a")
    page.press("c")
    before = page.page.evaluate("getComputedStyle(document.getElementById('before')).clipPath")
    page.page.focus("#split")
    page.page.keyboard.press("ArrowRight")
    assert page.page.evaluate("getComputedStyle(document.getElementById('before')).clipPath") != before
    theme = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.press("t")
    assert page.page.evaluate("getComputedStyle(document.body).backgroundColor") != theme


def test_pictures_that_were_given_can_be_compared(browser, tmp_path):
    picture, larger = typical(), noise(5, (300, 200))
    path = tmp_path / "view.html"
    path.write_bytes(view.encode(picture, "a scene", compared=[("Scene <night>", larger), ("Scene", picture.flat)]))
    page = OpenPage(browser, path)
    page.settle()
    page.page.click("#compare")
    page.page.select_option("#left", label="Scene <night>")
    page.settle()
    assert page.read("before").tobytes() == larger.resize(picture.size, Image.Resampling.LANCZOS).tobytes()
    page.page.select_option("#left", label="Scene")
    page.settle()
    assert page.read("before").tobytes() == picture.flat.tobytes()
    assert page.read("shown").tobytes() == picture.final.tobytes()


def test_an_eye_leaves_what_is_compared_alone(opened):
    picture = typical()
    page = opened(picture)
    page.page.click("#compare")
    page.settle()
    said = page.page.inner_text("#state")
    page.press("2")
    assert page.read("shown").tobytes() == picture.final.tobytes()
    assert page.page.inner_text("#state") == said
    page.press("c")
    assert page.read().tobytes() == without(picture, "grain").tobytes()


def test_any_two_pictures_can_be_compared(opened, tmp_path):
    picture = typical()
    page = opened(picture)
    page.page.click("#compare")
    page.settle()
    assert page.read("before").tobytes() == picture.layers[0].layer.image.convert("RGB").tobytes()
    assert page.read("shown").tobytes() == picture.final.tobytes()
    page.page.select_option("#left", label="what lies beneath fog")
    page.settle()
    assert page.read("before").tobytes() == without(picture, "fog", "grain", finish=False).tobytes()
    other = noise(9, picture.size)
    other.save(tmp_path / "variation.png")
    page.page.set_input_files("#file", tmp_path / "variation.png")
    page.page.locator("#state", has_text="variation.png").wait_for()
    page.settle()
    assert page.read("before").tobytes() == other.tobytes()
    page.press("c")
    assert page.read().tobytes() == picture.final.tobytes()


def test_pointing_at_a_layer_tells_how_it_was_made_and_draws_its_outline(opened):
    page = opened(typical())
    page.page.hover("li[data-layer='0'] .name")
    told = page.page.inner_text("#told")
    assert "seed 7" in told
    assert "model a/b" in told
    assert "painted in 3.2 s" in told
    page.page.hover("li[data-layer='1'] .name")
    drawn = page.page.evaluate(
        "[...document.getElementById('outline').getContext('2d').getImageData(0, 0, 192, 128).data].filter((v, i) => i % 4 === 3 && v)"
    )
    assert 50 < len(drawn) < 192 * 128 / 4
    box = page.page.locator("#shown").bounding_box()
    page.page.mouse.move(box["x"] + box["width"] * 25 / 192, box["y"] + box["height"] * 70 / 128)
    assert page.page.inner_text("#told").startswith("astronaut: ")


def test_what_a_scene_says_stays_text(opened):
    page = opened(typical())
    assert page.page.inner_text("h1") == "a <b>scene</b>"
    assert "</script><script>alert(1)</script>" in page.page.inner_text("li[data-layer='1'] summary")
    assert page.page.evaluate("document.scripts.length") == 5
    assert page.errors == []


def test_nothing_but_its_own_scripts_runs_in_it(opened):
    page = opened(typical())
    page.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked = 1\">')")
    page.page.wait_for_timeout(200)
    assert page.page.evaluate("window.hacked") is None


def test_it_can_be_read_where_no_script_runs(browser, tmp_path):
    path = tmp_path / "view.html"
    path.write_bytes(view.encode(typical(), "a scene"))
    page = OpenPage(browser, path, java_script_enabled=False).page
    assert page.is_visible("#preview")
    assert page.is_visible("#layers .name >> text=rover")
    assert not page.is_visible("#compare")
    assert not page.is_visible(".eye >> nth=0")


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_it_fits_the_screen(opened, width):
    page = opened(typical(), viewport={"width": width, "height": 700}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("Show fog", "Opacity of fog"):
        box = page.locator(f"[aria-label='{name}']").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_a_page_carries_the_scene(tmp_path):
    path = tmp_path / "view.html"
    path.write_bytes(view.encode(typical(), "a scene"))
    assert reading.read(path).scene == exported.SCENE


def test_its_size_is_that_of_the_layers(tmp_path):
    """At most 1.4 times the PNGs of the layers, here of four that cover 768 x 512 and one that is cut out."""
    size = (768, 512)
    layers = [(f"layer{n}", "effect", Layer(noise(n, size), 0.5)) for n in range(4)]
    layers.append(("disc", "subject", Layer(exported.cut(5, size, (300, 200), 150))))
    picture = make_picture(layers, size, FINISH)
    total = sum(len(exported.encode_png(layer.image, {})) for _, _, layer in layers)
    assert len(view.encode(picture, "a scene")) <= 1.4 * total


def test_the_difference_is_only_there_where_it_is_needed():
    assert view._subtract(typical(finish={**FINISH, "sharpness": 1.0})) is None
    picture = typical()
    left_over = view._subtract(dataclasses.replace(picture, final=noise(1, picture.size)))
    assert base64.b64decode(left_over).startswith(b"\x89PNG")
