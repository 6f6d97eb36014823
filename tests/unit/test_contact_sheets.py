"""Contact sheets: every picture with its label, and a table of the values behind them."""

from PIL import Image

from strata.imaging import contact_sheets


def test_a_sheet_shows_every_picture_with_its_label():
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    pictures = [Image.new("RGB", (96, 64), colour) for colour in colours]
    sheet = contact_sheets.make_sheet(pictures, [["seed 1"], ["a label that is far too long " * 9], ["seed 3"]], 2, 48)
    gap, line = contact_sheets.GAP, contact_sheets.LINE
    assert sheet.size == (2 * (48 + gap) + gap, 2 * (32 + line + gap) + gap)
    seen = [
        sheet.getpixel((gap + column * (48 + gap) + 5, gap + row * (32 + line + gap) + 5))
        for row, column in ((0, 0), (0, 1), (1, 0))
    ]
    assert seen == colours
    under = sheet.crop((gap, gap + 32, gap + 48, gap + 32 + line))
    assert len(under.getcolors()) > 1  # something is written there


def test_the_table_holds_the_values_of_each_picture():
    cells = [{"fog.opacity": 0.1, "background.prompt": "a\tsea"}, {"fog.opacity": 0.9, "background.prompt": "a hill"}]
    table = contact_sheets.make_table(cells, ["one.png", "two.png"])
    assert table.splitlines() == [
        "cell\tfog.opacity\tbackground.prompt\tpicture",
        '1\t0.1\t"a\tsea"\tone.png',
        "2\t0.9\ta hill\ttwo.png",
    ]
