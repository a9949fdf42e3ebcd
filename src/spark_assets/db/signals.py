"""Telling whoever watches a task or a project that something happened: by notification, so that nobody asks the database in a loop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Signals:
    """Events of this process, one for each waiter of each subject: the ID of a task or of a project."""

    def __init__(self) -> None:
        self._waiters: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def watch(self, subject: str) -> Iterator[asyncio.Event]:
        """An event that is set when the subject is announced, or when all should look again."""
        event = asyncio.Event()
        waiters = self._waiters.setdefault(subject, set())
        waiters.add(event)
        try:
            yield event
        finally:
            waiters.discard(event)
            if not waiters:
                self._waiters.pop(subject, None)

    def notify(self, subject: str) -> None:
        """Something happened to the subject."""
        for event in self._waiters.get(subject, ()):
            event.set()

    def wake_all(self) -> None:
        """Notifications may have been missed: everyone looks again."""
        for waiters in self._waiters.values():
            for event in waiters:
                event.set()
