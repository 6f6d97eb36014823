"""The page of a sweep: its pictures side by side, each a link to its cell's file."""

import html
from collections.abc import Iterable
from urllib.parse import quote

from PIL import Image

from strata.exports import pages
from strata.scene.exports import SweepPageSpec

THUMBNAIL = 480  # the longest side of a picture in pixels


def encode(spec: SweepPageSpec, name: str, pictures: Iterable[Image.Image]) -> bytes:
    """The page, which links to `../<folder>final.png` from results/sweeps/.

    Args:
        name: the sweep's.
        pictures: "RGB", one for each cell, read one after the other.
    """
    cells = [
        f'<a href="../{html.escape(quote(folder))}final.png"><img src="{pages.encode_preview(picture, THUMBNAIL)}" '
        f'alt="Cell {number}" loading="lazy"><span><b>{number}</b> {html.escape(_label(cell))}</span></a>'
        for number, (folder, cell, picture) in enumerate(
            zip(spec["folders"], spec["cells"], pictures, strict=True), start=1
        )
    ]
    body = (
        f"<header><h1>{html.escape(name)}</h1><p>{len(cells)} pictures. A click opens the file of one, and "
        f"<code>strata pick {html.escape(name)} NUMBER</code> writes its values into the scene.</p></header>"
        f'<div class="sheet" style="--columns: {spec["columns"]}">{"".join(cells)}</div>'
    )
    return pages.make_page(f"Sweep {name}", body, {}, ())


def _label(cell: dict[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in cell.items())
