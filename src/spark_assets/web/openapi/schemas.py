"""JSON schemas: of parameters, of request bodies, and of the structs that travel as answers."""

import ast
import inspect
import textwrap
from collections.abc import Container, Sequence
from enum import Enum
from typing import Any, Final

import msgspec

from spark_assets.domain.asset import AssetStatus, ModerationStrategy
from spark_assets.domain.media import AssetType
from spark_assets.domain.object_keys import keys_of
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.task import Stage, TaskStatus
from spark_assets.wire.admin import AssetBody, TaskBody
from spark_assets.wire.ark import AssetResult
from spark_assets.wire.spark import TaskCreated, TaskObject

Schema = dict[str, Any]

_PLACE: Final = "#/components/schemas/{name}"
_CHOICES: Final[dict[tuple[type[msgspec.Struct], str], type[Enum]]] = {
    (AssetBody, "type"): AssetType,
    (AssetBody, "status"): AssetStatus,
    (AssetBody, "moderation"): ModerationStrategy,
    (AssetResult, "AssetType"): AssetType,
    (AssetResult, "Status"): AssetStatus,
    (TaskBody, "status"): TaskStatus,
    (TaskBody, "stage"): Stage,
    (TaskCreated, "status"): TaskStatus,
    (TaskObject, "status"): TaskStatus,
}
"""Texts of answers that are one of a few, which their structs do not say."""


def value_schema(parameter: Parameter, *, required: bool = False, nullable: bool = False, default: bool = True) -> Schema:
    """The schema of a parameter's values. `required`: an empty one counts as missing; `nullable`: null counts as absent."""
    schema: Schema = {"type": [parameter.json_type, "null"] if nullable else parameter.json_type}
    match parameter.json_type:
        case "string":
            schema |= _text(parameter)
            if required:
                schema["minLength"] = max(1, parameter.min_length or 1)
        case "array":
            schema |= _known(
                items=_item(parameter),
                minItems=1 if required else parameter.min_items,
                maxItems=parameter.max_items,
                uniqueItems=parameter.is_distinct or None,
            )
        case "object":
            keys = {key.name: value_schema(key, nullable=True) for key in keys_of(parameter)}
            schema |= _known(properties=keys or None)
        case _:
            schema |= _known(minimum=parameter.minimum, maximum=parameter.maximum)
    if nullable and "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if default and not required:
        schema |= _known(default=parameter.default)
    return schema | ({} if parameter.example is None else {"examples": [parameter.example]})


def described(parameter: Parameter, **options: bool) -> Schema:
    """The same with the parameter's description."""
    return value_schema(parameter, **options) | {"description": parameter.description}


def body_schema(required: Sequence[Parameter], optional: Sequence[Parameter], *, is_change: bool = False) -> Schema:
    """The object that carries these parameters. `is_change`: what is left out stays as it is, so no defaults are told."""
    properties = {parameter.name: described(parameter, required=True) for parameter in required}
    properties |= {parameter.name: described(parameter, nullable=True, default=not is_change) for parameter in optional}
    return {"type": "object", "properties": properties} | _known(required=[parameter.name for parameter in required] or None)


def reference(struct: type[msgspec.Struct]) -> Schema:
    """Where the document holds the schema of a struct."""
    return {"$ref": _PLACE.format(name=struct.__name__)}


def struct_schemas(structs: Sequence[type[msgspec.Struct]]) -> dict[str, Schema]:
    """The schemas of structs and of all that they hold, by name."""
    _, found = msgspec.json.schema_components(structs, ref_template=_PLACE)
    for struct in _with_parts(structs):
        schema = found[struct.__name__]
        comments = _field_comments(struct)
        for name, field in schema["properties"].items():
            schema["properties"][name] = _refined(struct, name, _shortened(without(field, {"default"}))) | comments.get(name, {})
    return found


def _with_parts(structs: Sequence[type[msgspec.Struct]]) -> set[type[msgspec.Struct]]:
    """The structs and those in their fields."""
    found: set[type[msgspec.Struct]] = set()
    waiting: list[Any] = list(msgspec.inspect.multi_type_info(structs))
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in found:
                continue
            found.add(info.cls)
            waiting += [field.type for field in info.fields]
        elif isinstance(info, msgspec.inspect.UnionType):
            waiting += info.types
        elif hasattr(info, "item_type"):
            waiting.append(info.item_type)
    return found


def _text(parameter: Parameter) -> Schema:
    return _known(
        enum=list(parameter.choices) or None,
        minLength=parameter.min_length,
        maxLength=parameter.max_length,
        pattern=parameter.pattern,
        format=parameter.text_format,
    )


def _item(parameter: Parameter) -> Schema:
    """What an array holds: texts, unless its example shows something else."""
    example = parameter.example[0] if isinstance(parameter.example, list) and parameter.example else ""
    return {"type": "string", **_text(parameter)} if isinstance(example, str) else {"type": "object"}


def _refined(struct: type[msgspec.Struct], name: str, schema: Schema) -> Schema:
    """Said more exactly than the type of the field does."""
    choices = _CHOICES.get((struct, name))
    if choices is not None:
        return schema | {"enum": [member.value for member in choices]}
    is_text = schema.get("type") in ("string", ["string", "null"])
    return schema | {"format": "date-time"} if is_text and name.endswith("_at") else schema


def _shortened(schema: Schema) -> Schema:
    """A type or null, written as one type."""
    parts = schema.get("anyOf", ())
    if len(parts) == 2 and parts[1] == {"type": "null"} and isinstance(parts[0].get("type"), str):
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**parts[0], "type": [parts[0]["type"], "null"], **rest}
    return schema


def _field_comments(struct: type[msgspec.Struct]) -> dict[str, Schema]:
    """The sentences below the fields of a struct, by the field's name on the wire; none where the source is not at hand."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(struct))).body[0]
    except OSError:
        return {}
    assert isinstance(body, ast.ClassDef)
    wire = dict(zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True))
    found = {}
    for field, comment in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(comment, ast.Expr) and isinstance(comment.value, ast.Constant):
            found[wire[ast.unparse(field.target)]] = {"description": str(comment.value.value)}
    return found


def _known(**details: Any) -> Schema:
    return {name: value for name, value in details.items() if value is not None}


def without(schema: Schema, names: Container[str]) -> Schema:
    """The schema without some of its words."""
    return {name: value for name, value in schema.items() if name not in names}
