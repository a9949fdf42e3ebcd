"""Schemas in words: one row for each field, as the page and the reference show them."""

import json
from typing import Any, NamedTuple

from spark_assets.web.openapi.answers import Json


class Row(NamedTuple):
    """A field: what it is called, what it takes, and what it means."""

    name: str
    kind: str
    limits: str
    is_required: bool
    meaning: str

    @classmethod
    def of(cls, name: str, schema: Json, *, is_required: bool, meaning: str = "") -> "Row":
        """The row of a schema without references."""
        return cls(name, kind_of(schema), limits_of(schema), is_required, meaning or schema.get("description", ""))


def resolve(document: Json, part: Json) -> Json:
    """What a reference leads to; the part itself if it is none."""
    while "$ref" in part:
        found: Any = document
        for word in part["$ref"].removeprefix("#/").split("/"):
            found = found[word]
        part = found
    return part


def rows_of(document: Json, schema: Json, above: tuple[str, ...] = ()) -> list[Row]:
    """A row for each property, and for those of the objects in it; not again for what stands `above`."""
    required = schema.get("required", ())
    rows = []
    for name, field in schema.get("properties", {}).items():
        rows.append(Row.of(name, field, is_required=name in required))
        part, suffix = _part(field)
        place = part.get("$ref", "")
        if place not in above:
            nested = rows_of(document, resolve(document, part), (*above, place) if place else above)
            rows += [row._replace(name=f"{name}{suffix}.{row.name}") for row in nested]
    return rows


def _part(field: Json) -> tuple[Json, str]:
    """The object in a field, which may be one of several or null, and a sign for how it is in there."""
    for form in field.get("anyOf", ()):
        if form != {"type": "null"}:
            return _part(form)
    return (field["items"], "[]") if "items" in field else (field, "")


def kind_of(schema: Json) -> str:
    """The type, in a word or two."""
    kind = schema.get("type")
    if kind is None and "anyOf" in schema:
        return " or ".join(kind_of(part) for part in schema["anyOf"])
    if "$ref" in schema:
        return "object"
    names = kind if isinstance(kind, list) else [kind or ("string" if "enum" in schema or "const" in schema else "any")]
    words = [f"{name} of {kind_of(schema['items'])}" if name == "array" and "items" in schema else name for name in names]
    return " or ".join(words)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def limits_of(schema: Json) -> str:
    """What a value must keep to, in words; empty if nothing."""
    schema = {**schema.get("items", {}), **schema} if schema.get("type") in ("array", ["array", "null"]) else schema
    words = []
    if "const" in schema:
        words.append(f"`{schema['const']}`")
    if "enum" in schema:
        words.append(", ".join(f"`{choice}`" for choice in schema["enum"] if choice is not None))
    if "minimum" in schema and "maximum" in schema:
        words.append(f"{schema['minimum']} to {schema['maximum']}")
    if "maxLength" in schema:
        words.append(f"{schema.get('minLength', 0)} to {schema['maxLength']} characters")
    if "maxItems" in schema:
        words.append(f"at most {schema['maxItems']} items")
    if schema.get("format") in {"date-time", "uri"}:
        words.append({"date-time": "RFC 3339", "uri": "a URL"}[schema["format"]])
    if schema.get("default") not in (None, ""):
        words.append(f"default `{_shown(schema['default'])}`")
    return "; ".join(words)
