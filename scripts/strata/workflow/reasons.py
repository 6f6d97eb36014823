"""Why a layer is made again, in the words of the config."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from strata.scene.layer import Layer
from strata.workflow.records import REPLACED, UNRECORDED, Record

MISSING = "never built"

PHRASES = {
    "code": "the code that makes it changed",
    "width": "the canvas",
    "height": "the canvas",
    "cell": "another model's cells",
    "plate": "sees other layers",
    "where": "moved to another file",
    UNRECORDED: "no record of how it was made",
    REPLACED: "another file was put in its place",
}
"""What is not a key of the config by the same name."""

SCENE = "scene"
"""The effective scene in a spec."""

PLACES = {SCENE: "", "stack": "composite.layers", "depth": "depth"}
"""Where parts of specs stand in the config that have a place of their own."""

LONGEST = 48
"""Characters of a value in a reason."""


def explain(layer: Layer, changes: Sequence[str], record: Record | None) -> list[str]:
    """Sentences without a full stop, one for each reason, none twice.

    Args:
        changes: what Comparison.find_changes() says of the layer.
        record: of the layer, with which it was compared.
    """
    # A picture carries its scene. What of that changed the picture itself is a reason of its own.
    for part in ([change for change in changes if change != SCENE], [SCENE] if SCENE in changes else []):
        if found := list(dict.fromkeys(reason for change in part for reason in _explain(layer, change, record))):
            return found
    return []


def sees(name: str) -> str:
    """Why a layer is made again that lies on one which is."""
    return f"sees {name}"


def _explain(layer: Layer, change: str, record: Record | None) -> Iterator[str]:
    if change in PHRASES or (change == "scale" and layer.rule == "mask"):
        yield PHRASES.get(change, PHRASES["width"])
    elif change in layer.spec or (record is not None and change in record["spec"]):
        old = record["spec"].get(change) if record is not None else None
        place = PLACES.get(change, f"{_place(layer)}{change}")
        for reason in _differences(place, old, layer.spec.get(change)):
            reason = reason.replace("style_picture", "style").replace("reference_weight", "reference.weight")
            yield reason.replace("control_picture.layer", "control.of").replace("control_picture", "control")
    elif layer.mask is not None and change.endswith(layer.mask):
        yield "its mask changed"
    elif change in layer.own_files:
        yield f"{change} changed"
    elif layer.found is not None and change.endswith(layer.found):
        yield "what its text names changed"
    elif layer.depth is not None and change.endswith(layer.depth):
        yield "the depth that it follows changed"
    else:
        yield sees(Path(change).stem)


def _place(layer: Layer) -> str:
    """Where the values of a layer's spec stand in the config."""
    name = Path(layer.file).stem
    places = {
        "background": "background.",
        "subject": f"subjects.{name}.",
        "effect": f"effects.{name}.",
        "find": f"subjects.{name}.mask.",
        "depth": "depth.",
        "check": f"subjects.{name}.check.",
        "mask": f"subjects.{name}.",
        "refine": "refine.",
        "composite": "composite.",
        "upscale": "upscale.",
        "sweep": f"sweeps.{name}.",
    }
    return places.get(layer.rule, "")


def _differences(key: str, old: Any, new: Any) -> Iterator[str]:
    """What differs between two values: of mappings each key, of anything else the two."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        if old.get("id") == new.get("id") and old.get("fingerprint") != new.get("fingerprint"):
            yield f"the files of {new.get('id')} changed"
            return
        for part in sorted(old.keys() | new.keys()):
            if part != "fingerprint" and old.get(part) != new.get(part):
                yield from _differences(f"{key}.{part}".lstrip("."), old.get(part), new.get(part))
        if list(old) != list(new) and dict(old) == dict(new):
            yield f"{key or 'the scene'}: another order"
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_differences(key, old, new)
    else:
        yield f"{key}: {_shorten(old, new)} → {_shorten(new, old)}"


def _list_differences(key: str, old: list[Any], new: list[Any]) -> Iterator[str]:
    before, after = _entries(old), _entries(new)
    for name in (name for name in after if name not in before):
        yield f"{key}: {name.lstrip('.')} added"
    for name in (name for name in before if name not in after):
        yield f"{key}: {name.lstrip('.')} removed"
    if sorted(before) == sorted(after) and before != after:
        yield f"{key}: another order"
    was = dict(zip(before, old, strict=True))
    for name, value in zip(after, new, strict=True):
        if name in was and was[name] != value:
            yield from _differences(f"{key}{name}", was[name], value)


def _entries(values: list[Any]) -> list[str]:
    """What the entries of a list go by: those of the composite by their layer, others by their number."""
    return [
        f".{value['layer']}" if isinstance(value, Mapping) and "layer" in value else f"[{index}]"
        for index, value in enumerate(values)
    ]


def _shorten(value: Any, other: Any) -> str:
    """A value for a reason. Of a long text, what begins a little before it differs from the other one."""
    if not isinstance(value, str):
        text = repr(value) if isinstance(value, float | int | bool) or value is None else str(value)
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    start = 0
    if isinstance(other, str) and len(value) > LONGEST:
        same = next(
            (index for index, pair in enumerate(zip(value, other, strict=False)) if pair[0] != pair[1]),
            min(len(value), len(other)),
        )
        start = max(0, min(same - 12, len(value) - LONGEST))
    end = start + LONGEST
    return f'"{"…" if start else ""}{value[start:end]}{"…" if end < len(value) else ""}"'
