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
    if method not in {"get", "post"} or (method == "post" and "requestBody" not in operation):
        parts[0] = f"curl -X {method.upper()} {parts[0].removeprefix('curl ')}"
    if operation.get("security") != []:
        parts.append('-H "Authorization: Bearer $KEY"')
    if "requestBody" in operation:
        body = json.dumps(body_example(operation), ensure_ascii=False)
        parts += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    return " \\\n  ".join(parts)


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
