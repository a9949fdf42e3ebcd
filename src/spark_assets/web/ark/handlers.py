"""The action dialect: `POST /?Action=...&Version=2024-01-01`, and bare at `POST /open/<Action>` and `/volc/asset/<Action>`."""

from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from spark_assets.domain.api_key import Caller
from spark_assets.domain.errors import ErrorKind, RequestError, SparkError
from spark_assets.domain.parameters import ACTIONS, CREATE_ASSET, Operation
from spark_assets.domain.signature import SignedRequest, is_signature, parse_authorization
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.web.admission import admit
from spark_assets.web.ark.error_numbers import error_number
from spark_assets.web.data_sources import check_size, data_source
from spark_assets.web.dialect import CHANGES, READINGS
from spark_assets.web.error_responses import answer, unknown_path
from spark_assets.web.exchange import BODY_LIMIT, LARGE_BODY_LIMIT, Exchange, encode
from spark_assets.web.idempotency import once, repeat_key
from spark_assets.web.json_body import check_headers, parse_object
from spark_assets.wire.ark import SERVICE, VERSION, ActionError, Envelope, ErrorEnvelope, ErrorMetadata, ResponseMetadata

_WAIVED: Final = frozenset({"Name"})
"""Required of a new asset in the task dialect, optional here."""


async def act(exchange: Exchange) -> None:
    """`POST /?Action=...`: perform an action and answer its result in an envelope; an error too travels in one."""
    query = parse_qsl(exchange.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    action = dict(query).get("Action", "")
    if not action and exchange.method != "POST":
        raise unknown_path()

    async def perform(exchange: Exchange) -> None:
        exchange.allow("POST")
        result = await _perform(exchange, _operation(action, dict(query).get("Version", "")), query)
        head = ResponseMetadata(exchange.request_id, action, VERSION, SERVICE, exchange.site.runtime.region)
        await exchange.respond(200, encode(Envelope(head, msgspec.Raw(result))))

    await answer(exchange, perform, lambda error: _refusal(exchange, action, error))


async def act_bare(exchange: Exchange) -> None:
    """`POST /open/<Action>`: the same without an envelope, with a bearer key, as resellers offer it."""
    exchange.allow("POST")
    operation = _operation(exchange.path_parameters["action"], VERSION)
    await exchange.respond(200, await _perform(exchange, operation, ()))


def _operation(action: str, version: str) -> Operation:
    operation = ACTIONS.get(action)
    if operation is None or version != VERSION:
        actions = ", ".join(ACTIONS)
        raise UnknownAction(f"there is no such Action, or not in this Version; Version is {VERSION}, and Action is one of {actions}")
    return operation


class UnknownAction(RequestError):
    """No action of that name and version."""

    kind = ErrorKind.NOT_FOUND

    def __init__(self, message: str) -> None:
        super().__init__("InvalidActionOrVersion", message)


async def _perform(exchange: Exchange, operation: Operation, query: Any) -> bytes:
    """The action's result, encoded."""
    check_headers(exchange)
    body = await _body(exchange, operation, query)
    caller = await _caller(exchange, body, query)
    await admit(exchange, caller, operation)
    runtime = exchange.site.runtime
    call = exchange.call(caller)
    given = {name: value for name, value in (parse_object(body) if body else {}).items() if value is not None}
    check_size(given, "URL", len(body))
    values = operation.read(given, waived=_WAIVED if operation is CREATE_ASSET else ())
    if operation is CREATE_ASSET:
        values.setdefault("name", values["type"].value)
    if operation.is_reading:
        async with runtime.database.read() as repositories:
            return encode((await READINGS[operation.model](repositories, call, values, runtime.links)).result)

    repeat = repeat_key(exchange, caller, body) if operation.is_creating else None
    async with data_source(runtime, call, values) as found:

        async def work(uow: UnitOfWork) -> bytes:
            return encode((await CHANGES[operation.model](uow, call, found)).result)

        return await once(runtime.database, repeat, exchange.now, work)


async def _body(exchange: Exchange, operation: Operation, query: Any) -> bytes:
    """The body, which may be large where it may hold a file; whoever sends a large one must show first who it is from."""
    if operation is not CREATE_ASSET:
        return await exchange.body()
    length = exchange.declared_length
    if length is None or length > BODY_LIMIT:
        await _caller(exchange, None, query)
    return await exchange.body(LARGE_BODY_LIMIT)


async def _caller(exchange: Exchange, body: bytes | None, query: Any) -> Caller:
    """Who signed the request, or whose bearer key came with it."""
    text = (exchange.authorization or b"").decode("latin-1")
    if not is_signature(text) or not query:
        return await exchange.caller()
    credential = parse_authorization(text)
    request = SignedRequest(
        method=exchange.method,
        path=exchange.scope["path"],
        query=query,
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.scope["headers"]},
        body=body,
        public_host=exchange.site.public.netloc,
        public_path=exchange.site.at(exchange.scope["path"]),
    )
    return await exchange.site.authenticator.signer(request, credential, exchange.now, exchange.address)


def _refusal(exchange: Exchange, action: str, error: SparkError) -> ErrorEnvelope:
    shown = ActionError(error.code, error.message, error_number(error))
    return ErrorEnvelope(ErrorMetadata(exchange.request_id, action, VERSION, SERVICE, exchange.site.runtime.region, shown))
