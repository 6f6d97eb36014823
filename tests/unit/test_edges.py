"""Canny's edges: thin, where the picture changes, and joined."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from strata.imaging import edges


def draw_square(inside: int, outside: int = 0) -> Image.Image:
    picture = Image.new("L", (64, 48), outside)
    picture.paste(inside, (16, 12, 48, 36))
    return picture


def find_edges(picture: Image.Image, low: float = 100, high: float = 200) -> np.ndarray:
    drawn = edges.draw(picture, low, high)
    assert (drawn.mode, drawn.size) == ("L", picture.size)
    found = np.asarray(drawn)
    assert set(np.unique(found)) <= {0, 255}
    return found > 0


@pytest.mark.parametrize("levels", [(200, 0), (0, 200), (255, 90)])
def test_the_edges_of_a_square_are_a_thin_ring_round_it(levels):
    found = find_edges(draw_square(*levels))
    near = np.zeros((48, 64), bool)
    near[11:37, 15:49] = True
    near[13:35, 17:47] = False
    assert not (found & ~near).any()
    # Along each side but for its corners one pixel, and no more.
    assert (found[:, 20:44].sum(axis=0) == 2).all()
    assert (found[16:32].sum(axis=1) == 2).all()


def test_a_slanted_line_has_no_gaps_and_is_thin():
    picture = Image.new("L", (80, 80))
    ImageDraw.Draw(picture).polygon([(0, 0), (80, 47), (80, 0)], fill=255)
    found = find_edges(picture)
    columns = found[:, 5:75].sum(axis=0)
    assert columns.min() >= 1
    assert columns.max() <= 2


def test_what_is_flat_or_faint_has_no_edges():
    assert not find_edges(Image.new("L", (40, 30), 90)).any()
    assert not find_edges(draw_square(20)).any()
    assert find_edges(draw_square(20), 20, 40).any()


def test_a_faint_edge_counts_where_a_strong_one_continues_it():
    """A border that fades: its faint half is drawn with the strong one, and not without."""
    levels = np.zeros((60, 60))
    levels[:, 30:] = np.linspace(200, 40, 60)[:, None]
    whole, faint = (Image.fromarray(part.astype(np.uint8)) for part in (levels, levels[40:]))
    assert find_edges(whole, 60, 300)[:55, 28:32].any(axis=1).all()
    assert not find_edges(faint, 60, 300).any()
    assert not find_edges(whole, 250, 300)[50:].any()


def test_colours_count_by_their_luminance():
    picture = Image.new("RGB", (40, 40), (200, 0, 0))
    picture.paste((0, 255, 0), (20, 0, 40, 40))
    assert (find_edges(picture) == find_edges(picture.convert("L"))).all()


def test_the_same_picture_turned_has_its_edges_turned():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40), dtype=np.uint8)).resize((120, 90))
    assert (find_edges(noise.transpose(Image.Transpose.TRANSPOSE)) == find_edges(noise).T).mean() > 0.999
