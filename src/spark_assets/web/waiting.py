"""Clients that wait: for a task to end, within the time they are willing to, or for whatever happens next."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.own_parameters import WAIT
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.operations import tasks
from spark_assets.web.cookies import session_token
from spark_assets.web.counted import WATCH
from spark_assets.web.exchange import Exchange
from spark_assets.web.query import query_fields

LOOK_AGAIN: Final = 15.0
"""Seconds after which a client that waits is served without having been woken: another process may have changed a SQLite file."""


class Waiter:
    """One client that waits: woken by what it watches, by its own going away, and when the server begins to drain."""

    def __init__(self, woken: asyncio.Event, ends: list[asyncio.Future[Any]]) -> None:
        self._woken = woken
        self._ends = ends

    @property
    def is_over(self) -> bool:
        """Whether the client has gone, or the server is about to."""
        return any(end.done() for end in self._ends)

    def begin(self) -> None:
        """Called before each look at what is watched: what happens from now on ends the next pause."""
        self._woken.clear()

    async def pause(self, seconds: float) -> bool:
        """Until something happens; False if the time is up first."""
        if self.is_over:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def waiting_client(exchange: Exchange, caller: Caller, subject: str) -> AsyncIterator[Waiter]:
    """A place from which the ID of a task or of a project is watched. Raises FlowLimited."""
    site = exchange.site
    exchange.surface = WATCH
    with site.places.take(caller.key_id):
        async with site.runtime.database.watch(subject) as woken:
            ends: list[asyncio.Future[Any]] = [asyncio.ensure_future(exchange.until_gone()), asyncio.ensure_future(site.draining.wait())]
            for end in ends:
                end.add_done_callback(lambda _: woken.set())
            try:
                yield Waiter(woken, ends)
            finally:
                for end in ends:
                    end.cancel()


async def find_task(exchange: Exchange, caller: Caller, task_id: str, seconds: float) -> Task:
    """The task; as soon as it has ended, or after so many seconds, or when the server begins to drain.

    Raises NotFound `task_id`, FlowLimited, and AuthenticationError for a key that was revoked while it waited.
    """
    if not seconds:
        async with exchange.site.runtime.database.read() as repositories:
            return await tasks.get(repositories, caller, task_id)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    async with waiting_client(exchange, caller, task_id) as waiter:
        while True:
            waiter.begin()
            task = await look_at_task(exchange, caller, task_id)
            left = deadline - loop.time()
            if task.status is not TaskStatus.IN_PROGRESS or left <= 0 or waiter.is_over:
                return task
            await waiter.pause(min(left, LOOK_AGAIN))
            caller = await ask_again(exchange)


async def look_at_task(exchange: Exchange, caller: Caller, task_id: str) -> Task:
    """The task as it is now: one read for all that wait for it. Raises AccessDenied, NotFound `task_id`."""
    caller.require(Scope.ASSETS_READ, Scope.ASSETS_WRITE)
    database = exchange.site.runtime.database

    async def load() -> Task | None:
        async with database.read() as repositories:
            return await repositories.tasks.get(task_id)

    return tasks.visible(await exchange.site.reads.read(("task", task_id), load), caller)


async def ask_again(exchange: Exchange) -> Caller:
    """Who has been waiting: a key may have been revoked meanwhile. One look-up for all that wake together. Raises AuthenticationError."""
    authorization = exchange.header(b"authorization")
    authenticator = exchange.site.authenticator
    token = session_token(exchange) if authorization is None else None
    if token is not None:
        return await exchange.site.reads.read(("session", token), lambda: authenticator.session(token))
    return await exchange.site.reads.read(("caller", authorization), lambda: authenticator.caller(authorization))


def wait_seconds(exchange: Exchange) -> float:
    """How long the client is willing to wait: `?wait=`. Raises InvalidParameter `wait`."""
    if not exchange.scope["query_string"]:
        return 0.0  # as nearly every poll
    return float(WAIT.read(WAIT.name, dict(query_fields(exchange)).get(WAIT.name, "0")))
