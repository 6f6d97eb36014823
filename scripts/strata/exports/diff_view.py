"""The page of a comparison: a slider between the two pictures, what differs, and a picture of the difference."""

import base64
import html
import io
import json
from collections.abc import Sequence

from PIL import Image

from strata.exports import pages
from strata.exports.comparing import Difference, describe_pixels, draw_difference


def encode(difference: Difference, pictures: tuple[Image.Image, Image.Image] | None) -> bytes:
    """The page.

    Args:
        pictures: both, "RGB" and of one size; None leaves out the slider.
    """
    parts = [f"<header><h1>{html.escape(difference['a'])} and {html.escape(difference['b'])}</h1></header><main>"]
    if pictures is not None:
        parts.append(_make_slider(difference, *pictures))
    parts.append(f"<div>{_make_tables(difference)}</div></main>")
    return pages.make_page("What differs", "".join(parts), {}, ("slider.js", "diff.js"))


def _make_slider(difference: Difference, a: Image.Image, b: Image.Image) -> str:
    drawn, factor = draw_difference(a, b)
    names = [html.escape(difference[side]) for side in ("a", "b")]
    said = html.escape(describe_pixels(difference["picture"])) if difference["picture"] else ""
    return (
        f'<figure><div id="stage" class="comparing" style="--width: {a.width}; --height: {a.height}">'
        f'<img id="shown" src="{_encode(b)}" alt="{names[1]}"><img id="before" src="{_encode(a)}" alt="{names[0]}"></div>'
        '<input type="range" id="split" min="0" max="100" step="0.1" value="50" aria-label="Where the two pictures meet">'
        f"<figcaption>{names[0]} | {names[1]}: {said}</figcaption>"
        f'<img class="drawn" src="{_encode(drawn)}" alt="The difference, {factor:g} times as bright as it is">'
        f"<figcaption>The difference, {factor:.3g} times as bright as it is</figcaption></figure>"
    )


def _make_tables(difference: Difference) -> str:
    keys = [(key["key"], _show(key["a"]), _show(key["b"])) for key in difference["keys"]]
    layers = [(layer["layer"], layer["how"]) for layer in difference["layers"]]
    remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in difference["remarks"])
    return (
        _make_table("Keys that differ", ("key", difference["a"], difference["b"]), keys)
        + _make_table("Layers that differ", ("layer", "how"), layers)
        + remarks
    )


def _make_table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return f"<h2>{title}</h2><p>None.</p>"
    lines = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<h2>{title}</h2><table><tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>{lines}</table>"


def _show(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _encode(image: Image.Image) -> str:
    content = io.BytesIO()
    image.save(content, "PNG", compress_level=6)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
