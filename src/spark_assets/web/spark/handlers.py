"""The two addresses of the task dialect: create and poll."""

from typing import Any

from spark_assets.domain.api_key import Scope
from spark_assets.domain.parameters import Operation
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.operations import tasks
from spark_assets.operations.call import Call
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.runtime.assembly import Runtime
from spark_assets.web.admission import admit
from spark_assets.web.dialect import CHANGES, READINGS, Outcome
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.idempotency import once, repeat_key
from spark_assets.web.json_body import check_accept, check_headers, parse_object
from spark_assets.web.spark.parameters import collect, find_operation
from spark_assets.web.spark.task_object import created, task_object
from spark_assets.web.waiting import find_task, wait_seconds


async def create(exchange: Exchange) -> None:
    """`POST /model/v1/generation`: accept a task and answer its ID; it is durable by then."""
    exchange.allow("POST")
    site = exchange.site
    caller = await site.authenticator.caller(exchange.header(b"authorization"))
    check_headers(exchange)
    raw = await exchange.body()
    body = parse_object(raw)
    operation = find_operation(body, exchange.header(b"x-model"))
    await admit(exchange, caller, operation)
    values = operation.read(collect(body, operation))
    call = Call(
        caller=caller,
        request_id=exchange.request_id,
        now=exchange.now,
        terms=site.runtime.terms,
        project=exchange.project,
    )

    found = await _read(site.runtime, call, operation, values) if operation.is_reading else None

    async def work(uow: UnitOfWork) -> bytes:
        outcome = found or await CHANGES[operation.model](uow, call, values)
        return encode(created(outcome.task or await _answer(uow, call, operation, outcome)))

    repeat = repeat_key(exchange, caller, raw) if operation.is_creating else None
    await exchange.respond(200, await once(site.runtime.database, repeat, exchange.now, work))


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

    Not so what holds a stored result: it may show what is erased before it is asked for again.
    """
    exchange.allow("GET", "HEAD")
    site = exchange.site
    caller = await site.authenticator.caller(exchange.header(b"authorization"))
    caller.require(Scope.ASSETS_READ, Scope.ASSETS_WRITE)
    task_id = exchange.remaining_path
    remembered = site.ended_tasks.get(task_id)
    if remembered is not None and caller.may_use(remembered[0]):
        await exchange.respond(200, remembered[1])
        return
    check_accept(exchange)
    task = await find_task(exchange, caller, task_id, wait_seconds(exchange))
    body = encode(task_object(task, site.runtime.region))
    if task.status is not TaskStatus.IN_PROGRESS and task.result is None:
        site.ended_tasks.put(task_id, task.project_id, body)
    await exchange.respond(200, body)
