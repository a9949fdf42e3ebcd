"""Waiting for a task to end, within the time that a client is willing to wait."""

import asyncio
from urllib.parse import parse_qsl

from spark_assets.domain.api_key import Caller
from spark_assets.domain.own_parameters import whole_text
from spark_assets.domain.task import LONGEST_WAIT, Task, TaskStatus
from spark_assets.operations import tasks
from spark_assets.web.exchange import Exchange


async def find_task(exchange: Exchange, caller: Caller, task_id: str, seconds: float) -> Task:
    """The task; as soon as it has ended, or after so many seconds, or when the server begins to drain. Raises NotFound `task_id`."""
    database = exchange.site.runtime.database
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
            await _wait_for_first(ended, exchange.site.draining, timeout=deadline - loop.time())


def wait_seconds(exchange: Exchange) -> float:
    """How long the client is willing to wait: `?wait=`. Raises InvalidParameter `wait`."""
    query = exchange.scope["query_string"]
    if not query:
        return 0.0
    text = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)).get("wait", "0")
    return float(whole_text(0, LONGEST_WAIT)("wait", text))


async def _wait_for_first(*events: asyncio.Event, timeout: float) -> None:
    """Return when one of the events is set, or after `timeout` seconds."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=max(timeout, 0), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in waiting:
            future.cancel()
