"""The two addresses of the task dialect: create and poll."""

from typing import Any, Final

from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.parameters import CREATE_ASSET, OPERATIONS, Operation
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.operations import tasks
from spark_assets.operations.call import Call
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.runtime.assembly import Runtime
from spark_assets.web.admission import admit
from spark_assets.web.data_sources import check_size, data_source
from spark_assets.web.dialect import CHANGES, READINGS, Outcome
from spark_assets.web.exchange import LARGE_BODY_LIMIT, Exchange, encode
from spark_assets.web.idempotency import once, repeat_key
from spark_assets.web.json_body import check_accept, check_headers, parse_object
from spark_assets.web.spark.control import CONTROLS
from spark_assets.web.spark.parameters import collect, find_operation
from spark_assets.web.spark.task_object import created, task_object
from spark_assets.web.streams.task_events import stream_task
from spark_assets.web.waiting import find_task, wait_seconds

_EVENTS: Final = "/events"
"""What follows a task's ID in the address of its stream."""


async def create(exchange: Exchange) -> None:
    """`POST /model/v1/generation`: accept a task and answer its ID; it is durable by then."""
    exchange.allow("POST")
    site = exchange.site
    caller = await exchange.caller()
    check_headers(exchange)
    raw = await exchange.body(LARGE_BODY_LIMIT)
    body = parse_object(raw)
    operation = find_operation(body, exchange.header(b"x-model"))
    await admit(exchange, caller, operation)
    given = collect(body, operation)
    check_size(given if operation is CREATE_ASSET else {}, "URL", len(raw))
    values = operation.read(given)
    call = exchange.call(caller)

    found = await _read(site.runtime, call, operation, values) if operation.is_reading else None

    repeat = repeat_key(exchange, caller, raw) if operation.is_creating else None
    async with data_source(site.runtime, call, values) as sources:

        async def work(uow: UnitOfWork) -> bytes:
            outcome = found or await CHANGES[operation.model](uow, call, sources)
            return encode(created(outcome.task or await _answer(uow, call, operation, outcome)))

        answer = await once(site.runtime.database, repeat, exchange.now, work)
    await exchange.respond(200, answer)


async def _read(runtime: Runtime, call: Call, operation: Operation, values: dict[str, Any]) -> Outcome:
    """What a reading operation finds, before the transaction that records its answer: a search in a large library may take a while."""
    async with runtime.database.read() as repositories:
        return await READINGS[operation.model](repositories, call, values, runtime.links)


async def _answer(uow: UnitOfWork, call: Call, operation: Operation, outcome: Outcome) -> Task:
    """The task of an operation that is over already."""
    return await tasks.answer(
        uow,
        call,
        operation.model,
        outcome.project_id,
        asset_id=outcome.asset_id,
        group_id=outcome.group_id,
        result=encode(outcome.result).decode(),
    )


async def poll(exchange: Exchange) -> None:
    """`GET /model/v1/generation/task/{id}`: a task's state; what has ended is remembered as it was sent.

    Not so what was read: it may show what is erased before it is asked for again. What changes something answers with an ID alone.
    """
    task_id, _, below = exchange.remaining_path.partition("/")
    if below in CONTROLS:
        await CONTROLS[below](exchange, task_id)
        return
    exchange.allow("GET", "HEAD")
    site = exchange.site
    caller = await exchange.caller()
    caller.require(Scope.ASSETS_READ, Scope.ASSETS_WRITE)
    task_id = exchange.remaining_path
    if task_id.endswith(_EVENTS):
        await _stream(exchange, caller, task_id.removesuffix(_EVENTS))
        return
    seconds = wait_seconds(exchange)
    remembered = site.ended_tasks.get(task_id)
    if remembered is not None and caller.may_use(remembered[0]):
        await exchange.respond(200, remembered[1])
        return
    check_accept(exchange)
    task = await find_task(exchange, caller, task_id, seconds)
    body = encode(task_object(task, site.runtime.region))
    if task.status is not TaskStatus.IN_PROGRESS and not OPERATIONS[task.model].is_reading:
        site.ended_tasks.put(task_id, task.project_id, body)
    await exchange.respond(200, body)


async def _stream(exchange: Exchange, caller: Caller, task_id: str) -> None:
    """`GET /model/v1/generation/task/{id}/events`: the task as it goes on."""

    async def show(task: Task) -> bytes:
        return encode(task_object(task, exchange.site.runtime.region))

    check_accept(exchange)
    await stream_task(exchange, caller, task_id, show)
