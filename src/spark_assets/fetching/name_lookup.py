"""The addresses of names, asked for in threads of our own: a name server that hangs delays whoever named it, and few others.

A look-up cannot be stopped: its thread is taken until the operating system gives up, long after the caller did. Event loops
look names up in a small pool that everything shares, so a handful of dead name servers would block it for all.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from threading import Thread
from typing import Final, Protocol

from spark_assets.fetching.time_limits import stop_limits

MOST_LOOKUPS: Final = 32
"""Look-ups at once. A look-up that hangs ends after some 30 s (glibc: two tries of 5 s for each of three servers)."""
MOST_LOOKUPS_OF_ZONE: Final = 4
"""Look-ups at once of names whose last two labels are the same. A name takes milliseconds, so this is hundreds a second."""
LONGEST_WAIT: Final = 10.0
"""Seconds in line for a thread. Whoever waits holds a place of the ingest, so it is no longer than that; the job is tried again,
and all its attempts together outlast look-ups that hang."""

LookUp = Callable[[str], Sequence[str]]
"""Every address of a name, as text, from a thread that may block. Raises OSError if there is none."""


class Resolver(Protocol):
    """Turns a host name into addresses."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Every address of the name, as text. Raises OSError if there is none, LookupsBusy if it could not be asked for."""


class LookupsBusy(Exception):
    """No thread came free in time to ask for the name."""


def ask_system(host: str) -> Sequence[str]:
    """Every address of the name, whether this machine could use it or not: all of them are to be judged. Raises OSError."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


class SystemResolver:
    """Asks the operating system, in a bounded number of threads.

    A name is asked for once at a time: whoever wants it meanwhile gets the same answer. Names of one zone (their last two
    labels) share few threads, and look-ups that hang count. Time in line for a thread is not charged to the source: the
    limits of `time_limits` stand still. After `patience` seconds in line LookupsBusy is raised.

    There is nothing to close. The threads are daemons and not an executor's, whose threads are waited for when the
    process ends.
    """

    def __init__(
        self,
        look_up: LookUp = ask_system,
        *,
        most: int = MOST_LOOKUPS,
        most_of_zone: int = MOST_LOOKUPS_OF_ZONE,
        patience: float = LONGEST_WAIT,
    ) -> None:
        if most < 1 or most_of_zone < 1:
            raise ValueError("at least one look-up at a time must be allowed")
        self._look_up = look_up
        self._most = most
        self._most_of_zone = most_of_zone
        self._patience = patience
        self._line: dict[str, _Lookup] = {}
        self._running: dict[str, _Lookup] = {}
        self._zones: Counter[str] = Counter()

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Every address of the name; an address is its own. Raises OSError and LookupsBusy."""
        if _is_address(host):
            return [host]
        lookup = self._join(host)
        try:
            if not lookup.begun.is_set():
                await self._stand_in_line(lookup)
            # The look-up goes on without those who leave.
            outcome = await asyncio.shield(lookup.outcome)
        finally:
            self._leave(lookup)
        if isinstance(outcome, LookupsBusy):
            raise LookupsBusy from outcome
        if isinstance(outcome, Exception):
            raise OSError("the name could not be resolved") from outcome
        return outcome

    def _join(self, host: str) -> "_Lookup":
        """The look-up of the name: running, in line, or new."""
        lookup = self._running.get(host) or self._line.get(host)
        if lookup is None:
            lookup = self._line[host] = _Lookup(host)
            self._admit()
        lookup.callers += 1
        return lookup

    def _leave(self, lookup: "_Lookup") -> None:
        lookup.callers -= 1
        if not lookup.callers and not lookup.begun.is_set():
            del self._line[lookup.host]

    async def _stand_in_line(self, lookup: "_Lookup") -> None:
        with stop_limits():
            try:
                async with asyncio.timeout(self._patience):
                    await lookup.begun.wait()
            except TimeoutError:
                raise LookupsBusy from None

    def _admit(self) -> None:
        """Begin the look-ups that there is a thread for, in the order they came."""
        for lookup in tuple(self._line.values()):
            if len(self._running) >= self._most:
                return
            if self._zones[lookup.zone] < self._most_of_zone:
                del self._line[lookup.host]
                self._begin(lookup)

    def _begin(self, lookup: "_Lookup") -> None:
        lookup.begun.set()
        thread = Thread(target=self._work, args=(lookup, asyncio.get_running_loop()), name="look-up", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system grants no more threads
            lookup.outcome.set_result(LookupsBusy(error))
            return
        self._running[lookup.host] = lookup
        self._zones[lookup.zone] += 1

    def _work(self, lookup: "_Lookup", loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: ask, and hand the answer to the event loop, unless that has ended meanwhile."""
        outcome: list[str] | Exception
        try:
            outcome = list(dict.fromkeys(self._look_up(lookup.host)))
        except Exception as error:
            outcome = error
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._end, lookup, outcome)

    def _end(self, lookup: "_Lookup", outcome: list[str] | Exception) -> None:
        lookup.outcome.set_result(outcome)
        del self._running[lookup.host]
        self._zones[lookup.zone] -= 1
        if not self._zones[lookup.zone]:
            del self._zones[lookup.zone]
        self._admit()


class _Lookup:
    """A name being asked for, or in line to be, and how many callers want to know."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.zone = ".".join(host.split(".")[-2:])
        self.callers = 0
        self.begun = asyncio.Event()
        # Failures are values here: an exception that nobody is left to take would be complained of.
        self.outcome: asyncio.Future[list[str] | Exception] = asyncio.get_running_loop().create_future()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
