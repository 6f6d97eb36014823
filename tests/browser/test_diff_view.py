"""The page of a comparison, in Chromium."""

from helpers.chromium import OpenPage
from helpers.exported import noise
from strata.exports import comparing, diff_view
from strata.exports.comparing import Side


def test_its_slider_shows_one_picture_left_and_the_other_right(browser, tmp_path):
    pictures = noise(1, (64, 48)), noise(2, (64, 48))
    for name, picture in zip("ab", pictures, strict=True):
        picture.save(tmp_path / f"{name}.png")
    sides = [Side(name, None, tmp_path / f"{name}.png", {}, {}) for name in "ab"]
    path = tmp_path / "diff.html"
    path.write_bytes(diff_view.encode(comparing.compare(*sides), pictures))
    opened = OpenPage(browser, path)
    page = opened.page
    clip = "getComputedStyle(document.getElementById('before')).clipPath"
    assert "50%" in page.evaluate(clip)
    box = page.locator("#stage").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 5)
    assert "75%" in page.evaluate(clip)
    page.focus("#split")
    page.keyboard.press("End")
    assert "inset(0px)" in page.evaluate(clip) or "0%" in page.evaluate(clip)
    assert opened.errors == []
