"""Finding the model and its parameters in a body of the task dialect: three kinds of client put them in three places."""

from collections.abc import Mapping
from typing import Any, Final

from spark_assets.domain.errors import InvalidParameter, MissingParameter, NotFound
from spark_assets.domain.parameters import OPERATIONS, Operation

_GATEWAY_KEYS: Final = frozenset({"id", "model", "moderation", "metadata", "options", "input", "parameters"})
"""Top-level keys that belong to the gateway and are no parameters."""


def find_operation(body: Mapping[str, Any], header: bytes | None) -> Operation:
    """The operation of the model named in the body, else in `X-Model`.

    Raises MissingParameter or InvalidParameter `model`, NotFound `model`.
    """
    model = body.get("model")
    if model is not None and not isinstance(model, str):
        raise InvalidParameter("model", "model must be a string")
    if not model:
        model = None if header is None else header.decode("latin-1").strip()
    if not model:
        raise MissingParameter("model", f"name the model: one of {', '.join(OPERATIONS)}")
    operation = OPERATIONS.get(model)
    if operation is None:
        raise NotFound("model", f"there is no such model; there are {', '.join(OPERATIONS)}")
    return operation


def collect(body: Mapping[str, Any], operation: Operation) -> dict[str, Any]:
    """The parameters from the top level, from `input[0].params` and from `parameters`, made one.

    Raises InvalidParameter for a parameter that has different values in two places, and for a place of the wrong type.
    """
    given = {name: value for name, value in body.items() if name not in _GATEWAY_KEYS and value is not None}
    for place in (_from_input(body.get("input")), _from_parameters(body.get("parameters"))):
        for name, value in place.items():
            if value is None:
                continue
            if name in given and (given[name] != value or type(given[name]) is not type(value)):
                known = {parameter.name for parameter in operation.required + operation.optional}
                if name in known:
                    raise InvalidParameter(name, f"{name} has different values in two places of the body")
            given[name] = value
    return given


def _from_input(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidParameter("input", 'input must be an array of objects such as [{"params": {...}}]')
    return _object("input", value[0].get("params")) if value else {}


def _from_parameters(value: Any) -> Mapping[str, Any]:
    return _object("parameters", value)


def _object(name: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidParameter(name, f"the parameters in {name} must be an object")
    return value
