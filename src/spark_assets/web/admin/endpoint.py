"""An endpoint of our own REST surface: everything that is the same for all of them, said once.

Who calls, what was asked, in which words an error is told: a handler is left with calling one operation.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from spark_assets.domain.errors import InvalidParameter, MissingParameter
from spark_assets.domain.own_parameters import read_values
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameters import Operation
from spark_assets.operations.call import Call
from spark_assets.operations.delivery import Links
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admission import admit
from spark_assets.web.cookies import own_caller
from spark_assets.web.data_sources import check_size
from spark_assets.web.error_responses import Handler
from spark_assets.web.exchange import BODY_LIMIT, JSON, Exchange, Headers, MethodNotAllowed, encode
from spark_assets.web.idempotency import RepeatKey, once, repeat_key
from spark_assets.web.json_body import check_accept, check_headers, parse_object
from spark_assets.web.query import query_fields

_WORDS: Final = {"NextToken": "cursor", "ProjectName": "project", "URL": "url"}
"""Parameters whose name here is another word than in the dialects, or is not found by its capitals."""
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Asked(msgspec.Struct, frozen=True):
    """One request, understood: the call, the placeholders of the path, the values by field."""

    call: Call
    path: Mapping[str, str]
    values: dict[str, Any]
    links: Links
    repeat: RepeatKey | None = None

    def pick(self, *fields: str) -> dict[str, Any]:
        """Those of the values that were given."""
        return {field: self.values[field] for field in fields if field in self.values}


class Answer(msgspec.Struct, frozen=True):
    """An answer of its own kind: a redirect, or a status that depends."""

    status: int
    body: bytes = b""
    headers: Headers = (JSON,)


Handling = Callable[[Exchange, Asked], Awaitable[bytes | Answer]]
Reading = Callable[[Repositories, Asked], Awaitable[msgspec.Struct]]
Change = Callable[[UnitOfWork, Asked], Awaitable[msgspec.Struct | None]]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A method at a path. The reference, the OpenAPI document and the router are made from it."""

    method: str
    path: str
    """With placeholders such as `{asset_id}`."""
    summary: str
    handle: Handling
    answer: type[msgspec.Struct] | None = None
    """The shape of the answer, or of what a stream of events tells; None where there is no body."""
    media_type: str = "application/json"
    lines_type: str = ""
    """The media type of the same as lines, where a client may ask for that."""
    status: int = 200
    query: tuple[Parameter, ...] = ()
    required: tuple[Parameter, ...] = ()
    optional: tuple[Parameter, ...] = ()
    """Of the body."""
    clearing: dict[str, Any] = {}
    """What null stands for, by the name of a parameter that it clears."""
    body_limit: int = BODY_LIMIT
    """Bytes of the body."""
    operation: Operation | None = None
    """The operation of the family that this is, for limits and prices."""
    errors: tuple[str, ...] = ()
    """Codes that this endpoint answers beside those that every one does."""

    @property
    def has_body(self) -> bool:
        """Whether the request carries a JSON object."""
        return bool(self.required or self.optional)


def reading(work: Reading) -> Handling:
    """Answers what single reads find."""

    async def handle(exchange: Exchange, asked: Asked) -> bytes:
        async with exchange.site.runtime.database.read() as repositories:
            return encode(await work(repositories, asked))

    return handle


def changing(work: Change) -> Handling:
    """Answers once the change is committed; under an `Idempotency-Key`, one effect and one answer however often it is asked."""

    async def handle(exchange: Exchange, asked: Asked) -> bytes:
        async def perform(uow: UnitOfWork) -> bytes:
            result = await work(uow, asked)
            return b"" if result is None else encode(result)

        return await once(exchange.site.runtime.database, asked.repeat, exchange.now, perform)

    return handle


def route(endpoints: Sequence[Endpoint]) -> Handler:
    """The handler of one path: its endpoints by method, HEAD like GET."""
    by_method = {endpoint.method: endpoint for endpoint in endpoints}
    if "GET" in by_method:
        by_method["HEAD"] = by_method["GET"]

    async def handle(exchange: Exchange) -> None:
        endpoint = by_method.get(exchange.method)
        if endpoint is None:
            raise MethodNotAllowed(tuple(by_method))
        await _serve(exchange, endpoint)

    return handle


async def _serve(exchange: Exchange, endpoint: Endpoint) -> None:
    caller = await own_caller(exchange)
    if endpoint.operation is not None:
        await admit(exchange, caller, endpoint.operation)
    body = b""
    if endpoint.has_body:
        check_headers(exchange)
        body = await exchange.body(endpoint.body_limit)
    else:
        check_accept(exchange)
    values = read_values(_query(exchange, endpoint), (), endpoint.query)
    if endpoint.has_body:
        given = parse_object(body) if body else {}
        check_size(given, "url", len(body))
        values |= read_values(given, endpoint.required, endpoint.optional, endpoint.clearing)
    runtime = exchange.site.runtime
    call = exchange.call(caller)
    repeat = repeat_key(exchange, caller, body) if endpoint.method == "POST" else None
    try:
        answer = await endpoint.handle(exchange, Asked(call, exchange.path_parameters, values, runtime.links, repeat))
    except (InvalidParameter, MissingParameter) as error:
        raise in_own_words(error) from None
    if exchange.started:
        return  # it was a stream, which is over
    if isinstance(answer, Answer):
        await exchange.respond(answer.status, answer.body, answer.headers)
    elif answer:
        await exchange.respond(endpoint.status, answer)
    else:
        await exchange.respond(204, b"", ())


def _query(exchange: Exchange, endpoint: Endpoint) -> dict[str, Any]:
    """The query's fields; one that may be repeated is an array. Raises InvalidParameter."""
    repeated = {parameter.name for parameter in endpoint.query if parameter.json_type == "array"}
    found: dict[str, Any] = {}
    for name, value in query_fields(exchange):
        if name in repeated:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise InvalidParameter(name[:64], f"{name[:64]} stands twice in the query")
        else:
            found[name] = value
    return found


def in_own_words(error: InvalidParameter | MissingParameter) -> InvalidParameter | MissingParameter:
    """An error of an operation, told with the parameter's name on this surface."""
    name = error.param or ""
    own = _WORDS.get(name) or _CAPITAL.sub("_", name).lower()
    if own == name:
        return error
    return type(error)(own, error.message.replace(name, own))
