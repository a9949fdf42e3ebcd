"""What all exchanges of one server share."""

import asyncio
from collections import OrderedDict
from typing import Final

from spark_assets.runtime.assembly import Runtime
from spark_assets.web.authentication import Authenticator

_MOST_BYTES: Final = 16 * 2**20


class EndedTasks:
    """Answers to polls of tasks that have ended, as they were sent: an ended task never changes.

    Holds at most 16 MiB; what was asked for least recently goes first.
    """

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, task_id: str) -> tuple[str, bytes] | None:
        """The task's project and its answer."""
        found = self._answers.get(task_id)
        if found is not None:
            self._answers.move_to_end(task_id)
        return found

    def put(self, task_id: str, project_id: str, body: bytes) -> None:
        """Remember an answer."""
        if task_id in self._answers:
            return
        self._answers[task_id] = (project_id, body)
        self._bytes += len(body)
        while self._bytes > _MOST_BYTES:
            _, (_, dropped) = self._answers.popitem(last=False)
            self._bytes -= len(dropped)


class Site:
    """One running server: its runtime, who its callers are, and what it remembers."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.authenticator = Authenticator(runtime.database, runtime.clock)
        self.ended_tasks = EndedTasks()
        self.draining = asyncio.Event()
