"""The schemas: defaults filled in, numbers brought to their type, and what is wrong said in a sentence."""

import datetime
import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import fastjsonschema
import yaml

from strata.errors import StrataError
from strata.installation import SCHEMAS

# The C parser is several times faster; a build without libyaml has the other one alone.
YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

NOTHING = object()  # no value, where null is one

NAMED = {"models": "model", "sweeps": "sweep"}
"""What the names are of that people choose, where they are not those of layers."""


class Schema:
    """One file of schemas/, read when it is first needed."""

    def __init__(self, name: str):
        self.path = SCHEMAS / f"{name}.schema.yaml"
        self._defaults: dict[int, object] = {}  # by the identity of the part of the document that says so

    @cached_property
    def document(self) -> dict[str, Any]:
        return yaml.load(self.path.read_text(encoding="utf-8"), YamlLoader)

    @cached_property
    def _validate(self) -> Callable[[object], object]:
        # Without what an exception tells, it is compiled in a quarter of the time, and nearly all that is read is right.
        # fastjsonschema 2.22 cannot do so with `const`: the schemas have an `enum` of one instead.
        return fastjsonschema.compile(self.document, use_default=False, detailed_exceptions=False)

    @cached_property
    def _validate_in_detail(self) -> Callable[[object], object]:
        return fastjsonschema.compile(self.document, use_default=False)

    def complete(self, value: object, source: str, above: Sequence[str] = ()) -> dict[str, Any]:
        """Returns `value` with every default filled in; `value` itself stays as it is.

        A whole number given for a real one becomes a float and the other way round, so that 8 and 8.0 describe the same
        pass.

        Args:
            source: the file, which begins the sentence of the StrataError that an invalid value raises.
            above: the keys under which `value` stands in it.
        """
        filled: dict[str, Any] = self._fill(value, self.document)
        _check_finite(filled, list(above), source)
        if not _accepts(self._validate, filled):
            raise StrataError(self._sentence(self._find_error(filled), source, above))
        return filled

    def _find_error(self, value: object) -> fastjsonschema.JsonSchemaValueException:
        """What is wrong with a value that was refused, in detail."""
        try:
            self._validate_in_detail(value)
        except fastjsonschema.JsonSchemaValueException as error:
            return error
        raise AssertionError("One schema refuses what it accepts in detail.")

    def knows(self, path: Sequence[str]) -> bool:
        """Whether the schema names the key at the end of a path. Above it, a name that the config chose may stand."""
        schema: Mapping[str, Any] = self.document
        for depth, key in enumerate(path, start=1):
            resolved = self._resolve(schema)
            others = resolved.get("additionalProperties")
            if key in _properties(resolved):
                schema = _properties(resolved)[key]
            elif depth < len(path) and isinstance(others, Mapping):
                schema = others
            else:
                return False
        return True

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follows `$ref`, and an `allOf` that holds nothing else (a reference that has a default beside it)."""
        if len(references := schema.get("allOf", ())) == 1 and "$ref" in references[0]:
            schema = references[0]
        if "$ref" in schema:
            return self._resolve(self.document["definitions"][schema["$ref"].rpartition("/")[2]])
        return schema

    def _fill(self, value: object, schema: Mapping[str, Any]) -> Any:
        schema = self._resolve(schema)
        if isinstance(value, Mapping):
            schema = _branch(value, schema)
            properties, others = schema.get("properties", {}), schema.get("additionalProperties")
            others = others if isinstance(others, Mapping) else {}
            filled: dict[str, Any] = {}
            for key, of_key in properties.items():  # in the schema's order: the order in a file means nothing
                if key in value:
                    filled[key] = self._fill(_completed(value[key], of_key.get("default")), of_key)
                elif (default := self._default(of_key)) is not NOTHING:
                    filled[key] = _copy(default)
            return filled | {key: self._fill(item, others) for key, item in value.items() if key not in properties}
        if isinstance(value, list):
            return [self._fill(item, schema.get("items", {})) for item in value]
        return _typed(value, schema.get("type"))

    def _default(self, schema: Mapping[str, Any]) -> object:
        """What stands for a key that is not given, complete itself; NOTHING if it has to be given. Worked out once."""
        if id(schema) not in self._defaults:
            described = {**self._resolve(schema), **schema}
            known = "default" in described
            self._defaults[id(schema)] = self._fill(described["default"], schema) if known else NOTHING
        return self._defaults[id(schema)]

    def _sentence(self, error: fastjsonschema.JsonSchemaValueException, source: str, above: Sequence[str]) -> str:
        path, value = [*above, *error.path[1:]], error.value
        if error.rule == "additionalProperties":
            known = sorted(_properties(error.definition))
            unknown = next(str(key) for key in value if key not in known)
            close = difflib.get_close_matches(unknown, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}."
            return f"{source}: {dotted([*path, unknown])} is not a key of the schema. {hint}"
        if error.rule == "required":
            missing = next(key for key in error.rule_definition if key not in value)
            unknown_keys = [str(key) for key in value if key not in _properties(error.definition)]
            if meant := difflib.get_close_matches(missing, unknown_keys, n=1):
                return f"{source}: {dotted([*path, meant[0]])} is not a key of the schema. Did you mean {missing}? Rename it."
            return (
                f"{source}: {dotted([*path, missing])} is missing. Add it: {self._meaning(error.definition, missing)}"
            )
        if error.rule == "propertyNames":
            pattern = self.document["definitions"]["name"]["pattern"]
            matches = fastjsonschema.compile({"type": "string", "pattern": pattern})
            bad = next(key for key in value if not _accepts(matches, key))
            return (
                f"{source}: {dotted(path)} holds a {NAMED.get(str(path[-1]), 'layer')} named {bad!r}. A name is a "
                "small letter, then at most 63 small letters, digits, - and _; rename it."
            )
        if error.rule == "uniqueItems":
            return f"{source}: {dotted(path)} is {shorten(value)}, but may hold each only once. Take out what is there twice."
        meaning = " ".join(str(error.definition.get("description", "")).split())
        remedy = f" ({meaning.rstrip('.')})" if meaning else ""
        return f"{source}: {dotted(path)} is {shorten(value)}, but must be {_demand(error.definition)}{remedy}."

    def _meaning(self, definition: Mapping[str, Any], key: str) -> str:
        properties = _properties(definition)
        described = properties.get(key, {})
        text = described.get("description") or self._resolve(described).get("description") or "it has no default."
        return " ".join(text.split())


def _check_finite(value: object, path: list[object], source: str) -> None:
    """Refuses NaN and infinities, which pass for numbers and lie within no limit."""
    if isinstance(value, float) and not math.isfinite(value):
        raise StrataError(f"{source}: {dotted(path)} is {value}, but must be a finite number.")
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        _check_finite(item, [*path, key], source)


def dotted(path: Sequence[object]) -> str:
    """The path of a key as people write it: `subjects.astronaut.mask.shapes[0]`."""
    text = ""
    for part in path:
        part = str(part)
        text += f"[{part}]" if part.isdigit() else f".{part}" if text else part
    return text or "the whole file"


def _typed(value: object, kind: object) -> object:
    """A scalar in the type that is asked for, if it means the same: 8 is 8.0, and "8" is 8.

    Quotes come from people, and from `snakemake --config`, which gives what is inside a mapping as text. And 1e6 is a text in YAML 1.1.
    """
    kinds = kind if isinstance(kind, list) else [kind]
    if isinstance(value, str):
        if value in ("true", "false") and "boolean" in kinds:
            return value == "true"
        if {"integer", "number"} & set(kinds) and re.fullmatch(
            r"-?[0-9]{1,400}(\.[0-9]*)?([eE][-+]?[0-9]{1,3})?", value
        ):
            number = int(value) if value.lstrip("-").isdigit() else float(value)
            value = value if number in (math.inf, -math.inf) else number  # too large: refused as it was written
    if type(value) is int and "number" in kinds:
        return float(value) if abs(value) < 2**1023 else (math.inf if value > 0 else -math.inf)
    if type(value) is float and "integer" in kinds and value.is_integer():
        return int(value)
    return value


def _copy(value: Any) -> Any:
    """A copy of plain values, made faster than copy.deepcopy() does, which looks at each for what else it may be."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _completed(value: object, default: object) -> object:
    """A mapping with what it lacks of its key's default: `inpainting: {dtype: float32}` keeps the default's `id`."""
    return {**default, **value} if isinstance(default, Mapping) and isinstance(value, Mapping) else value


def _properties(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    return definition.get("properties", {})


def _branch(value: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The branch of an if-then list whose condition `value` meets, or else `schema` itself."""
    for choice in schema.get("allOf", ()):
        conditions = choice.get("if", {}).get("properties", {})
        if conditions and all(value.get(key) in of_key["enum"] for key, of_key in conditions.items()):
            return choice["then"]
    return schema


def _accepts(validate: Callable[[object], object], value: object) -> bool:
    try:
        validate(value)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


def shorten(value: object) -> str:
    """A value for a sentence, with what is too long left out."""
    text = _say(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _say(value: object) -> str:
    """A value as people write it in YAML where Python writes it otherwise."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return value.isoformat() if isinstance(value, datetime.date) else repr(value)


def _demand(definition: Mapping[str, Any]) -> str:
    """What a definition asks for, in words."""
    if "enum" in definition:
        return "one of " + ", ".join(
            str(value) if isinstance(value, str) else _say(value) for value in definition["enum"]
        )
    kinds = definition.get("type", "a value")
    names = {
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "object": "a mapping of keys",
        "array": "a list",
        "null": "null",
    }
    demand = " or ".join(names.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))
    lengths = [("minItems", "at least {} long"), ("maxItems", "at most {} long")]
    if "minItems" in definition and definition["minItems"] == definition.get("maxItems"):
        lengths = [("minItems", "{} long")]
    lengths += [("minLength", "not empty"), ("minProperties", "with at least {}")]
    limits = [("minimum", "at least {}"), ("exclusiveMinimum", "above {}"), ("maximum", "at most {}")]
    words = [text.format(definition[key]) for key, text in [*limits, *lengths] if key in definition]
    if "pattern" in definition:
        words.append(f"of the form {definition['pattern']}")
    return ", ".join([demand, *words])
