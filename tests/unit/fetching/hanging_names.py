"""A look-up whose name servers do not answer."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_LONGEST: Final = 30.0
"""Seconds after which a thread goes home even if a test forgot it."""


class HangingNames:
    """Names that begin with `hangs` block their thread until `release`, as a dead name server does; others have addresses at once."""

    def __init__(self) -> None:
        self.addresses: list[str] = [LOOPBACK]
        self.error: Exception | None = None
        """What every look-up fails with, if anything."""
        self.asked: list[str] = []
        self._changed = threading.Condition()
        self._released = False

    def look_up(self, host: str) -> Sequence[str]:
        """The blocking look-up to inject."""
        with self._changed:
            self.asked.append(host)
            self._changed.notify_all()
            if host.startswith("hangs") and not self._changed.wait_for(lambda: self._released, _LONGEST):
                raise socket.gaierror(socket.EAI_AGAIN, "nobody answers")
        if self.error is not None:
            raise self.error
        return self.addresses

    def release(self) -> None:
        """Let every look-up end, and no further one hang."""
        with self._changed:
            self._released = True
            self._changed.notify_all()

    async def wait_for(self, number: int) -> None:
        """Return once that many look-ups have begun."""
        await asyncio.to_thread(self._wait_for, number)

    def _wait_for(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= number, 5), f"{len(self.asked)} of {number} look-ups have begun"
