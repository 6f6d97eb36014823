"""What a finished picture says about the scene that built it: PNG, OpenRaster, PSD and the page, and PNGs of other programs.

Such files come from anywhere. No pixel is decoded, nothing is unpacked beyond a limit, and what is read is JSON that the schema of
a scene checks before anything else sees it.
"""

import html
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from strata.errors import StrataError
from strata.exports import foreign
from strata.exports.places import PAGE_DATA, XMP_PROPERTY
from strata.imaging.pictures import UNREADABLE
from strata.imaging.provenance import CARRIED, CHUNK, LayerProvenance, read_texts
from strata.scene.description import complete

LARGEST_FILE = 1 << 31
"""The most bytes of a file that are read: 2 GiB, as large as a PSD can be."""

LARGEST_MEMBER = 1 << 30
"""The most bytes that a picture in an OpenRaster file may have when it is unpacked."""

_XMP, _HEADER = 1060, 26  # the number of a PSD's image resource; the bytes of its header


@dataclass(frozen=True)
class Found:
    """What was found in a picture.

    Attributes:
        scene: a complete scene, checked.
        layers: how the layers were made, by name.
        made_by: the versions that flattened the picture.
        unread: what the picture says and a scene cannot, a sentence each.
        foreign: whether another program wrote it, so that only the canvas and the background are known.
    """

    scene: dict[str, Any]
    layers: Mapping[str, LayerProvenance] = field(default_factory=dict)
    made_by: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    foreign: bool = False


def printable(text: str) -> str:
    """Text from a stranger's file as a terminal may show it: without control characters, which could steer it."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def read(path: Path) -> Found:
    """What a picture says about its scene.

    Raises:
        StrataError: the file is missing, damaged, too large, or says nothing about a scene.
    """
    content = _read_file(path)
    text = _find_own_text(content, path)
    if text is not None:
        return _read_provenance(text, str(path))
    if content.startswith(b"\x89PNG"):
        texts = _read_png(content, path)
        if own := texts.get(CARRIED) or texts.get(CHUNK):
            return _read_provenance(own, str(path))
        if described := foreign.read(texts, str(path)):
            return Found(
                _checked(described.scene, f"{path}: what its text says"), unread=described.unread, foreign=True
            )
    raise StrataError(
        f"{path} does not say how it was made. It needs the text that Strata, ComfyUI or the web UIs of Stable Diffusion write, "
        "and programs that save a picture again often drop it: take the file that they read."
    )


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise StrataError(f"{path} is larger than 2 GiB. Take the final picture as a PNG.")
        return path.read_bytes()
    except FileNotFoundError:
        raise StrataError(f"There is no file {path}. Give the path of a finished picture.") from None
    except (OSError, ValueError) as error:
        raise StrataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _find_own_text(content: bytes, path: Path) -> str | None:
    """The provenance in an OpenRaster file, a PSD or a page; None in anything else, and in one that has none."""
    if content.startswith(b"PK"):
        return _read_png(_read_member(content, "mergedimage.png", path), path).get(CHUNK)
    if content.startswith(b"8BPS"):
        xmp = find_resource(content, _XMP).decode("utf-8", "replace")
        found = re.search(rf"<{XMP_PROPERTY}>([^<]*)</{XMP_PROPERTY}>", xmp)
        return html.unescape(found[1]) if found else None
    if content[:100].lstrip().lower().startswith(b"<!doctype html"):
        found_data = re.search(
            rb'<script type="application/json" id="%b">([^<]*)</script>' % PAGE_DATA.encode(), content
        )
        return found_data[1].decode("utf-8", "replace") if found_data else None
    return None


def _read_png(content: bytes, path: Path) -> dict[str, str]:
    try:
        return read_texts(content)
    except UNREADABLE as error:
        raise StrataError(f"{path} is damaged, or its text is too large to be that of a picture ({error}).") from None


def _read_member(content: bytes, name: str, path: Path) -> bytes:
    """A file in a zip, unpacked up to a limit, whatever size the zip claims."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(name) as member:
            unpacked = member.read(LARGEST_MEMBER + 1)
    except KeyError:
        raise StrataError(f"{path} is a zip without {name}: it is no OpenRaster file.") from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        raise StrataError(f"{path} is damaged: {error}.") from None
    if len(unpacked) > LARGEST_MEMBER:
        raise StrataError(f"{path} holds a picture of more than a GiB. It is no file that Strata wrote.")
    return unpacked


def find_resource(psd: bytes, number: int) -> bytes:
    """An image resource of a PSD by its number; empty if there is none.

    Adobe Photoshop File Formats Specification, sections "Color Mode Data" and "Image Resources": after the header two sections
    with their lengths; a resource is `8BIM`, its number, a Pascal string and its data, the latter two of even length.
    """
    place = _HEADER
    place += 4 + int.from_bytes(psd[place : place + 4], "big")
    end = min(place + 4 + int.from_bytes(psd[place : place + 4], "big"), len(psd))
    place += 4
    while place + 12 <= end and psd[place : place + 4] == b"8BIM":
        found = int.from_bytes(psd[place + 4 : place + 6], "big")
        place += 6 + (psd[place + 6] + 2) // 2 * 2
        length = int.from_bytes(psd[place : place + 4], "big")
        if found == number:
            return psd[place + 4 : min(place + 4 + length, end)]
        place += 4 + (length + 1) // 2 * 2
    return b""


def _read_provenance(text: str, source: str) -> Found:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise StrataError(f"{source} holds garbled text instead of its scene: it was damaged or changed.") from None
    if not isinstance(told, dict) or not isinstance(told.get("scene"), dict):
        if isinstance(told, dict) and "pass" in told:
            raise StrataError(f"{source} is one layer. The scene is in the final picture: give that one.")
        raise StrataError(f"{source} holds no scene where Strata writes it: it was damaged or changed.")
    layers = {name: _clean(layer) for name, layer in _mapping(told.get("layers")).items()}
    return Found(_checked(told["scene"], f"{source}: its scene"), layers, _mapping(told.get("made_by")))


def _clean(layer: object) -> LayerProvenance:
    """How a layer was made, without what has another form than Strata writes."""
    told = _mapping(layer)
    kept: dict[str, Any] = {key: told[key] for key in ("pass", "made_by") if isinstance(told.get(key), dict)}
    if told.get("retouched") is True:
        kept["retouched"] = True
    return cast(LayerProvenance, kept)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _checked(scene: Mapping[str, Any], source: str) -> dict[str, Any]:
    try:
        return {**complete(scene, source)}
    except RecursionError:
        raise StrataError(f"{source} is nested deeper than any scene.") from None
