"""The two addresses of the task dialect: create and poll."""

import asyncio
from typing import Any, Final
from urllib.parse import parse_qsl

from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.parameters import Operation
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.operations import tasks
from spark_assets.operations.call import Call
from spark_assets.operations.delivery import Links
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.web.dialect import CHANGES, READINGS, Outcome
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.json_body import check_accept, read_object
from spark_assets.web.spark.parameters import collect, find_operation
from spark_assets.web.spark.task_object import created, task_object
from spark_assets.web.waiting import wait_for_first

LONGEST_WAIT: Final = 60
"""Seconds that a poll may be held back."""


async def create(exchange: Exchange) -> None:
    """`POST /model/v1/generation`: accept a task and answer its ID; it is durable by then."""
    exchange.allow("POST")
    site = exchange.site
    caller = await site.authenticator.caller(exchange.header(b"authorization"))
    body = await read_object(exchange)
    operation = find_operation(body, exchange.header(b"x-model"))
    values = operation.read(collect(body, operation))
    call = Call(
        caller=caller,
        request_id=exchange.request_id,
        now=exchange.now,
        terms=site.runtime.terms,
        project=exchange.project,
    )
    async with site.runtime.database.begin() as uow:
        outcome = await _perform(uow, call, operation, values, site.runtime.links)
        task = outcome.task or await tasks.answer(
            uow,
            call,
            operation.model,
            outcome.project_id,
            asset_id=outcome.asset_id,
            group_id=outcome.group_id,
            result=encode(outcome.result).decode(),
        )
        await uow.commit()
    await exchange.respond(200, encode(created(task)))


async def _perform(uow: UnitOfWork, call: Call, operation: Operation, values: dict[str, Any], links: Links) -> Outcome:
    if operation.is_reading:
        return await READINGS[operation.model](uow, call, values, links)
    return await CHANGES[operation.model](uow, call, values)


async def poll(exchange: Exchange) -> None:
    """`GET /model/v1/generation/task/{id}`: a task's state; what has ended is remembered as it was sent."""
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
    task = await _find(exchange, caller, task_id)
    body = encode(task_object(task, site.runtime.region))
    if task.status is not TaskStatus.IN_PROGRESS:
        site.ended_tasks.put(task_id, task.project_id, body)
    await exchange.respond(200, body)


async def _find(exchange: Exchange, caller: Caller, task_id: str) -> Task:
    """The task; with `?wait=` as soon as it has ended, or after so many seconds, or when the server begins to drain."""
    database = exchange.site.runtime.database
    seconds = _wait_seconds(exchange)
    if not seconds:
        async with database.read() as repositories:
            return await tasks.get(repositories, caller, task_id)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    async with database.watch(task_id) as ended:
        while True:
            ended.clear()
            async with database.read() as repositories:
                task = await tasks.get(repositories, caller, task_id)
            if task.status is not TaskStatus.IN_PROGRESS or loop.time() >= deadline or exchange.site.draining.is_set():
                return task
            await wait_for_first(ended, exchange.site.draining, timeout=deadline - loop.time())


def _wait_seconds(exchange: Exchange) -> float:
    """How long the client is willing to wait. Raises InvalidParameter `wait`."""
    query = exchange.scope["query_string"]
    if not query:
        return 0.0
    text = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)).get("wait", "0")
    if not (text.isascii() and text.isdigit() and int(text[:4]) <= LONGEST_WAIT and len(text) <= 4):
        raise InvalidParameter("wait", f"wait is a whole number of seconds, at most {LONGEST_WAIT}")
    return float(text)
