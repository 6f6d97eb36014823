"""What all pages have in common: one file that needs no network, in which nothing but its own scripts can run."""

import base64
import hashlib
import html
import io
import json
from collections.abc import Iterable, Mapping

from PIL import Image

from strata.scene.exports import PAGE

PREVIEW_QUALITY = 82

DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
{data}
{scripts}
</body>
</html>
"""


def make_page(title: str, body: str, data: Mapping[str, str], scripts: Iterable[str]) -> bytes:
    """A page of HTML that holds all it needs.

    Args:
        title: text, which is escaped.
        body: HTML.
        data: JSON by the id of the element that holds it.
        scripts: the names of files of the page, in the order in which they run.
    """
    style = _read("colors.css") + _read("page.css")
    sources = [_read(name) for name in scripts]
    hashes = " ".join(_hash(source) for source in sources) or "'none'"
    policy = (
        f"default-src 'none'; img-src data: blob:; script-src {hashes}; style-src {_hash(style)}; "
        "style-src-attr 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    return DOCUMENT.format(
        policy=policy,
        title=html.escape(title),
        style=style,
        body=body,
        data="\n".join(
            f'<script type="application/json" id="{name}">{escape_json(text)}</script>' for name, text in data.items()
        ),
        scripts="\n".join(f"<script>{source}</script>" for source in sources),
    ).encode()


def escape_json(text: str) -> str:
    """JSON as it may stand in a script element: nothing in it ends that element."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def encode_preview(image: Image.Image, longest: int) -> str:
    """A picture as the URL of a small JPEG, for where no script runs, and until it has run.

    Args:
        longest: of its sides, in pixels.
    """
    small = image.convert("RGB")
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    small.save(content, "JPEG", quality=PREVIEW_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"


def list_options(choices: Mapping[str, str], chosen: str) -> str:
    """The options of a select, values by their text; both are escaped."""
    return "".join(
        f'<option value="{html.escape(value)}"{" selected" if value == chosen else ""}>{html.escape(text)}</option>'
        for value, text in choices.items()
    )


def fill(name: str, **values: str) -> str:
    """A file of the page with `{key}` replaced by HTML."""
    return _read(name).format(**values)


def to_json(value: object) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))


def _read(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
