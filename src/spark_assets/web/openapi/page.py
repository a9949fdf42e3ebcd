"""The document as a page that people read: drawn on the server, with no script, and nothing from elsewhere."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from spark_assets.domain.error_codes import find_code
from spark_assets.web.openapi.answers import Json
from spark_assets.web.openapi.document import build_document
from spark_assets.web.openapi.samples import body_schema_of, curl
from spark_assets.web.openapi.words import Row, resolve, rows_of

_CODE: Final = re.compile(r"`([^`]+)`")
_METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options")


@lru_cache(maxsize=8)
def page_bytes(base_url: str) -> bytes:
    """The page for a server at that address: made once."""
    document = build_document(base_url)
    sections = [_section(document, tag) for tag in document["tags"]]
    template = _environment().get_template("page.html.jinja")
    return template.render(document=document, base_url=base_url, sections=sections, style=Markup(_style())).encode()


@lru_cache(maxsize=1)
def style_hash() -> str:
    """What the page's policy names its style sheet by."""
    return base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()


@lru_cache(maxsize=1)
def _style() -> str:
    return files(__package__).joinpath("page.css").read_text()


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["prose"] = prose
    return environment


def prose(text: str) -> Markup:
    """A sentence, what stands between backticks set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def _section(document: Json, tag: Json) -> Json:
    operations = [
        _operation(document, path, method, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item and tag["name"] in item[method]["tags"]
    ]
    title = tag["name"].replace("-", " ").capitalize()
    return {"name": title, "anchor": tag["name"].replace(" ", "-"), "description": tag["description"], "operations": operations}


def _operation(document: Json, path: str, method: str, operation: Json) -> Json:
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "is_public": operation.get("security") == [],
        "parameters": [_parameter(resolve(document, parameter)) for parameter in operation.get("parameters", ())],
        "bodies": _bodies(document, operation),
        "curl": curl(document, path, method, operation),
        "answers": [_answer(document, *pair) for pair in operation["responses"].items() if int(pair[0]) < 400],
        "errors": list(_errors(document, operation)),
    }


def _parameter(parameter: Json) -> Json:
    row = Row.of(parameter["name"], parameter["schema"], is_required=parameter.get("required", False), meaning=parameter["description"])
    return {"place": parameter["in"], "row": row}


def _bodies(document: Json, operation: Json) -> list[Json]:
    """The forms that a body may have, each with its rows; several where the model or the action decides."""
    schema = body_schema_of(operation)
    if schema is None:
        return []
    forms = schema.get("oneOf") or schema.get("anyOf") or [schema]
    found = []
    for form in forms:
        name = form.get("$ref", "Body").rpartition("/")[2]
        resolved = resolve(document, form)
        found.append({"name": _title(name, resolved), "summary": resolved.get("description", ""), "rows": rows_of(document, resolved)})
    return found


def _title(name: str, schema: Json) -> str:
    model = schema["properties"].get("model", {}).get("const")
    return str(model) if model else name.removesuffix("Parameters").removesuffix("Request")


def _answer(document: Json, status: str, answer: Json) -> Json:
    resolved = resolve(document, answer)
    content: Mapping[str, Any] = resolved.get("content", {})
    schema: Json = dict(next(iter(content.values()), {})).get("schema", {})
    forms = [resolve(document, form) for form in schema.get("anyOf", [schema])]
    return {
        "status": status,
        "description": resolved["description"],
        "media_type": next(iter(content), ""),
        "headers": [name for name in resolved.get("headers", {}) if name != "X-Request-Id"],
        "forms": [{"name": form.get("title", ""), "rows": rows_of(document, form)} for form in forms if form.get("properties")],
    }


def _errors(document: Json, operation: Json) -> Iterator[Json]:
    for status, answer in operation["responses"].items():
        if int(status) < 400:
            continue
        content = resolve(document, answer).get("content", {})
        for code in content.get("application/json", {}).get("examples", {}):
            entry = find_code(code)
            yield {"status": status, "code": entry.code, "meaning": entry.meaning, "remedy": entry.remedy}
