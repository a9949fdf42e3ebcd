"""Reading a JSON object from a hostile body: no duplicate keys, no NaN, no deep nesting, no lone surrogates."""

import codecs
import json
import math
import re
from typing import Any, Final, NoReturn

from spark_assets.domain.errors import ErrorKind, InvalidParameter, RequestRefused
from spark_assets.web.exchange import Exchange

DEEPEST: Final = 64
"""Levels of nesting."""
_MOST_VALUES: Final = 20_000
"""Commas and brackets of a body: decoding more would hold up other requests for tens of milliseconds."""
_MOST_DIGITS: Final = 1000
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET: Final = re.compile(rb"[{}\[\]]")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_JSON_LIKE: Final = (b"application/json", b"application/x-www-form-urlencoded", b"text/plain")
"""What a body may call itself: curl sends the second by default, some clients the third; it is read as JSON all the same."""

_ACCEPTABLE: Final = (b"application/json", b"application/*", b"*/*", b"text/event-stream", b"application/x-ndjson", b"")
"""What an `Accept` may ask for, the most specific first, which decides (RFC 9110, section 12.5.1)."""
_NEVER: Final = re.compile(rb"(?:^|;)\s*q=0(?:\.0*)?\s*(?:;|$)", re.IGNORECASE)
"""The weight that rules a media type out."""


async def read_object(exchange: Exchange) -> dict[str, Any]:
    """The request's JSON object.

    Raises InvalidParameter `JSON`, RequestRefused `RequestTooLarge`, `UnsupportedMediaType`, `NotAcceptable`.
    """
    check_headers(exchange)
    return parse_object(await exchange.body())


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises InvalidParameter `JSON`."""
    if body.startswith(codecs.BOM_UTF8):
        raise _invalid("the body begins with a byte order mark; send UTF-8 without one")
    brackets = body.count(b"{") + body.count(b"[")
    if brackets + body.count(b",") > _MOST_VALUES:
        raise _invalid(f"the body holds more than {_MOST_VALUES} values")
    if brackets > DEEPEST:
        _check_depth(body)
    try:
        value = _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise _invalid(f"the body is not valid JSON: {_reason(error)}") from None
    if type(value) is not dict:
        raise _invalid("the body must be a JSON object")
    if _SURROGATE.search(body):
        _check_surrogates(value)
    return value


def check_headers(exchange: Exchange) -> None:
    """Refuse a body that says it is not JSON, and a client that rules JSON out.

    Raises RequestRefused `UnsupportedMediaType`, `NotAcceptable`.
    """
    encoding = exchange.header(b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        raise RequestRefused(ErrorKind.UNSUPPORTED_TYPE, "UnsupportedMediaType", "a body is sent as it is, without Content-Encoding")
    declared = exchange.header(b"content-type")
    if declared is not None:
        kind = declared.partition(b";")[0].strip().lower()
        if kind and kind not in _JSON_LIKE and not kind.endswith(b"+json"):
            raise RequestRefused(ErrorKind.UNSUPPORTED_TYPE, "UnsupportedMediaType", "send the body as application/json")
    check_accept(exchange)


def check_accept(exchange: Exchange) -> None:
    """Raises RequestRefused `NotAcceptable` if the client rules JSON out."""
    accepted = exchange.header(b"accept")
    if accepted is None or accepted in {b"*/*", b"application/json"}:
        return
    never = {}
    for part in accepted.split(b","):
        kind, _, parameters = part.partition(b";")
        never[kind.strip().lower()] = _NEVER.search(parameters) is not None
    most_specific = next((kind for kind in _ACCEPTABLE if kind in never), None)
    if most_specific is None or never[most_specific]:
        raise RequestRefused(ErrorKind.NOT_ACCEPTABLE, "NotAcceptable", "answers are application/json; accept that")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add answers None
        raise ValueError(f"the key {json.dumps(repeated[:64])} stands twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _bounded(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has more than {_MOST_DIGITS} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _check_depth(body: bytes) -> None:
    """Count brackets outside strings; exact for valid JSON, and for invalid JSON the parser speaks next."""
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", body)):
        depth += 1 if bracket in b"{[" else -1
        if depth > DEEPEST:
            raise _invalid(f"the body is nested deeper than {DEEPEST} levels")


def _check_surrogates(value: dict[str, Any]) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _invalid("the body holds half of a surrogate pair") from None


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_bounded)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return str(error)


def _invalid(message: str) -> InvalidParameter:
    return InvalidParameter("JSON", message)
