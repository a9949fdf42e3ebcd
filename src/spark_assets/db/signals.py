"""Telling whoever waits for a task that it has ended: by notification, so that nobody asks the database in a loop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class TaskSignals:
    """Events of this process, one for each waiter of each task."""

    def __init__(self) -> None:
        self._waiters: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def watch(self, task_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when the task ends, or when all should look again."""
        event = asyncio.Event()
        waiters = self._waiters.setdefault(task_id, set())
        waiters.add(event)
        try:
            yield event
        finally:
            waiters.discard(event)
            if not waiters:
                self._waiters.pop(task_id, None)

    def notify(self, task_id: str) -> None:
        """The task has ended."""
        for event in self._waiters.get(task_id, ()):
            event.set()

    def wake_all(self) -> None:
        """Notifications may have been missed: everyone looks again."""
        for waiters in self._waiters.values():
            for event in waiters:
                event.set()
