"""Tasks: the promise that an ingest ends, waited for, watched, cancelled and tried again."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final

import httpx2

from spark_assets.client.asynchronous import gateway
from spark_assets.client.asynchronous.means import sleep
from spark_assets.client.asynchronous.transport import AsyncTransport
from spark_assets.client.bodies import several, step
from spark_assets.client.errors import ApiError, ConnectionFailed, TaskFailed, WaitTimedOut
from spark_assets.client.retrying import draw_pause
from spark_assets.wire.admin import AssetBody, AssetError, TaskBody, TaskList
from spark_assets.wire.events import ProgressBody

_LONG_POLL: Final = 30
"""Seconds that one request waits for the end of a task."""
_GATEWAY_PAUSE: Final = 1.0
"""Seconds between two polls of the hosted gateway, which answers at once."""
_SILENCE: Final = 45.0
"""Seconds after which an event stream that says nothing is dead; the server speaks every 15."""


class AsyncTask:
    """A task as it was when it was last asked for."""

    def __init__(self, transport: AsyncTransport, body: TaskBody, project: str | None = None) -> None:
        """`project`: where its asset is looked for at the hosted gateway, which asks for that."""
        self._transport = transport
        self._project = project
        self.body = body
        """All that is known of it."""

    def __repr__(self) -> str:
        return f"<task {self.id} {self.status}>"

    @property
    def id(self) -> str:
        """The task's ID."""
        return self.body.id

    @property
    def status(self) -> str:
        """`in_progress`, then `completed` or `failed`, for good."""
        return self.body.status

    @property
    def stage(self) -> str:
        """`queued`, `fetching`, `inspecting`, `storing`, and in the end `active`."""
        return self.body.stage

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return self.body.progress

    @property
    def asset_id(self) -> str | None:
        """The asset that it makes."""
        return self.body.asset_id

    @property
    def error(self) -> AssetError | None:
        """Why it failed."""
        return self.body.error

    @property
    def is_over(self) -> bool:
        """Whether it has ended, either way."""
        return self.body.status != "in_progress"

    async def refresh(self) -> None:
        """Ask how it is now."""
        self.body = await _find(self._transport, self.id, None)

    async def wait(self, timeout: float = 300.0) -> "AsyncTask":
        """Wait until it is completed, for at most so many seconds; the task itself.

        Raises TaskFailed, WaitTimedOut.
        """
        deadline = time.monotonic() + timeout
        while not self.is_over:
            left = deadline - time.monotonic()
            if left <= 0:
                raise WaitTimedOut(self.body, timeout)
            if self._transport.gateway:
                await sleep(min(_GATEWAY_PAUSE, left))
            self.body = await _find(self._transport, self.id, max(1, min(_LONG_POLL, int(left))))
        if self.status != "completed":
            raise TaskFailed(self.body)
        return self

    async def events(self) -> AsyncGenerator[ProgressBody, None]:
        """How far it has come, whenever that changes, until it has ended; the task is then up to date.

        A stream that breaks, or that a server ends because it stops, is taken up again. Raises ConnectionFailed, ApiError.
        """
        persistence = self._transport.persistence()
        while not self.is_over:
            try:
                headers = {"Accept": "text/event-stream"}
                async with self._transport.stream(
                    "GET", f"/v1/tasks/{step(self.id)}/events", headers=headers, read_timeout=_SILENCE
                ) as answer:
                    async for event in httpx2.EventSource(answer):
                        persistence.step_forward()
                        if event.event == "progress":
                            yield self._transport.read(event.data, ProgressBody)
                        elif event.data:
                            self.body = self._transport.read(event.data, TaskBody)
            except (ConnectionFailed, ApiError) as error:
                pause = self._transport.pause_after(error, persistence)
                if pause is None:
                    raise
            else:
                pause = draw_pause() if self.status == "in_progress" else 0.0
            await sleep(pause)

    async def asset(self) -> AssetBody:
        """The asset that it makes."""
        return await gateway.get_asset(self._transport, self.asset_id or "", self._project)

    async def cancel(self) -> None:
        """End it; its asset fails with `Conflict.Cancelled`. Raises Conflict for one that has ended."""
        self.body = await self._transport.post(f"/v1/tasks/{step(self.id)}/cancel", TaskBody)

    async def retry(self, url: str | None = None) -> "AsyncTask":
        """Try it again once it has failed, from the same source or from another address: a new task with a new asset."""
        asked = {} if url is None else {"url": url}
        return AsyncTask(self._transport, await self._transport.post(f"/v1/tasks/{step(self.id)}/retry", TaskBody, asked))


class AsyncTasks:
    """`client.tasks`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def get(self, task_id: str) -> AsyncTask:
        """A task by its ID. Raises NotFound."""
        return AsyncTask(self._transport, await _find(self._transport, task_id, None))

    async def list(
        self, *, project: str | None = None, status: str | Sequence[str] = (), model: str | Sequence[str] = (), asset_id: str | None = None,
        order: str | None = None,
    ) -> AsyncIterator[AsyncTask]:  # fmt: skip
        """The tasks of a project, newest first unless `order` is `asc`."""
        query = {"project": project, "status": several(status), "model": several(model), "asset_id": asset_id, "order": order}
        async for body in self._transport.items("/v1/tasks", TaskList, query):
            yield AsyncTask(self._transport, body)


async def _find(transport: AsyncTransport, task_id: str, wait: int | None) -> TaskBody:
    if transport.gateway:
        return await gateway.get_task(transport, task_id)
    return await transport.get(f"/v1/tasks/{step(task_id)}", TaskBody, {"wait": wait}, timeout=wait)
