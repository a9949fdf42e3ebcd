"""A task as it goes on: its progress, and in the end the task itself."""

from collections.abc import Awaitable, Callable

from spark_assets.domain.api_key import Caller
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.streams.event_stream import EventStream, event_stream, told
from spark_assets.web.waiting import LOOK_AGAIN, Waiter, ask_again, look_at_task, waiting_client
from spark_assets.wire.events import ProgressBody

Show = Callable[[Task], Awaitable[bytes]]
"""An ended task, as the surface shows it."""


async def stream_task(exchange: Exchange, caller: Caller, task_id: str, show: Show) -> None:
    """`progress` whenever it changes, then `completed` or `failed`, and the stream ends; also when the server begins to drain.

    Raises AccessDenied, NotFound `task_id`, FlowLimited, before anything is sent.
    """
    async with waiting_client(exchange, caller, task_id) as waiter:
        waiter.begin()
        task = await look_at_task(exchange, caller, task_id)
        async with event_stream(exchange) as stream:
            if exchange.method != "HEAD":
                await _follow(exchange, stream, waiter, task, show)


async def _follow(exchange: Exchange, stream: EventStream, waiter: Waiter, task: Task, show: Show) -> None:
    last: ProgressBody | None = None
    while task.status is TaskStatus.IN_PROGRESS:
        progress = ProgressBody(task.stage.value, task.progress, task.bytes_received)
        if progress != last:
            await stream.send(told("progress", encode(progress)))
            last = progress
        if not await waiter.pause(LOOK_AGAIN):
            await stream.keep_alive()
        if waiter.is_over:
            return
        waiter.begin()
        task = await look_at_task(exchange, await ask_again(exchange), task.id)
    await stream.send(told(task.status.value, await show(task)))
