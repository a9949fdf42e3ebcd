"""What a client says of the asset that an upload becomes: the fields of `POST /v1/assets`, as texts where there is no JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from spark_assets.domain import own_parameters as own
from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.own_parameters import read_values
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameter_values import NAME_LENGTH
from spark_assets.operations.assets import CreateAsset
from spark_assets.web.admin import assets
from spark_assets.web.json_body import parse_object

_CREATION: Final = next(endpoint for endpoint in assets.ENDPOINTS if (endpoint.method, endpoint.path) == ("POST", "/v1/assets"))
REQUIRED: Final = tuple(parameter for parameter in _CREATION.required if parameter.name != own.URL.name)
"""Of every way in."""
OPTIONAL: Final = _CREATION.optional
_KINDS: Final[Mapping[str, Parameter]] = {parameter.name: parameter for parameter in (*REQUIRED, *OPTIONAL)}


def read_texts(texts: Sequence[tuple[str, str]], file_name: str = "") -> CreateAsset:
    """An asset described by texts: an array may be repeated or be written in JSON, as an object is.

    Raises MissingParameter, InvalidParameter.
    """
    given: dict[str, Any] = {}
    for name, text in texts:
        kind = _KINDS[name].json_type if name in _KINDS else "string"
        if kind == "array" and not text.lstrip().startswith("["):
            given.setdefault(name, []).append(text)
        elif name in given:
            raise InvalidParameter(name[:64], f"{name[:64]} is given twice")
        else:
            given[name] = text if kind == "string" else _from_json(name, text)
    return make_command(read_values(given, REQUIRED, OPTIONAL), file_name)


def make_command(values: Mapping[str, Any], file_name: str = "") -> CreateAsset:
    """The creation that values ask for; without a name, the asset is called as its file, or else as its type."""
    return CreateAsset(**{"name": _usable(file_name) or values["type"].value, **values})


def _from_json(name: str, text: str) -> Any:
    try:
        found = parse_object(b'{"value":%b}' % text.encode())
    except InvalidParameter as error:
        raise InvalidParameter(name, f"{name} must be JSON: {error.message}") from None
    if len(found) > 1:  # the text went on behind its value
        raise InvalidParameter(name, f"{name} must be one JSON value, and nothing behind it")
    return found["value"]


def _usable(file_name: str) -> str:
    """The last part of a path, as far as a name may be long; empty where it cannot be a name."""
    name = file_name.replace("\\", "/").rpartition("/")[2][:NAME_LENGTH].strip()
    try:
        return str(own.NAME.read(own.NAME.name, name))
    except InvalidParameter:
        return ""
