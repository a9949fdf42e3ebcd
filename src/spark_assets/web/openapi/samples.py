"""Requests that can be typed as they are: made from the examples in the document."""

import json
from urllib.parse import quote, urlencode

from spark_assets.web.openapi.answers import Json
from spark_assets.web.openapi.words import resolve


def curl(document: Json, path: str, method: str, operation: Json) -> str:
    """The command line of an operation, with `$KEY` for the API key."""
    parameters = [resolve(document, parameter) for parameter in operation.get("parameters", ())]
    address = document["servers"][0]["url"] + _filled(path, parameters)
    query = [(parameter["name"], parameter["example"]) for parameter in parameters if parameter["in"] == "query" and _is_shown(parameter)]
    if query:
        address += f"?{urlencode(query, doseq=True)}"
    parts = [f"curl '{address}'" if query else f"curl {address}"]
    if method == "head":
        parts[0] = f"curl -I {parts[0].removeprefix('curl ')}"
    elif method not in {"get", "post"} or (method == "post" and "requestBody" not in operation):
        parts[0] = f"curl -X {method.upper()} {parts[0].removeprefix('curl ')}"
    if operation.get("security") != []:
        parts.append('-H "Authorization: Bearer $KEY"')
    headers = [parameter for parameter in parameters if parameter["in"] == "header" and _is_shown(parameter)]
    parts += [f"-H '{parameter['name']}: {parameter['example']}'" for parameter in headers]
    if "requestBody" in operation:
        parts += _body(operation)
    return " \\\n  ".join(parts)


def _body(operation: Json) -> list[str]:
    """The options of curl that send the body: JSON as it is, all else out of a file."""
    [(media_type, content)] = operation["requestBody"]["content"].items()
    if media_type == "application/json":
        return [f"-H 'Content-Type: {media_type}'", f"-d '{json.dumps(body_example(operation), ensure_ascii=False)}'"]
    if media_type == "multipart/form-data":
        return [f"-F {name}={value}" for name, value in content["example"].items()]
    return [f"-H 'Content-Type: {media_type}'", "--data-binary @file"]


def body_schema_of(operation: Json) -> Json | None:
    """The schema of the object that is sent; None where it is bytes, or lines."""
    if "requestBody" not in operation:
        return None
    [content] = operation["requestBody"]["content"].values()
    schema: Json = content["schema"]
    return None if schema.get("type") == "string" else schema


def body_example(operation: Json) -> Json:
    """The body that the document shows; of several, the one that the example of `Action` goes with, else the second."""
    content = operation["requestBody"]["content"]["application/json"]
    if "example" in content:
        single: Json = content["example"]
        return single
    examples = list(content["examples"].values())
    chosen: Json = content["examples"].get("GetAsset", examples[0])["value"]
    return chosen


def _filled(path: str, parameters: list[Json]) -> str:
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(str(parameter["example"])))
    return path


def _is_shown(parameter: Json) -> bool:
    return bool(parameter.get("required")) and "example" in parameter
