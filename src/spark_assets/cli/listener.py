"""The socket that a server process listens on: the server below opens it by itself, and lets nobody set its options."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

STALLED_AFTER: Final = 30_000
"""Milliseconds that bytes may wait for a client that takes none; then the system breaks its connection off."""
_DESCRIPTORS: Final = Path("/proc/self/fd")
_LOOK_EVERY: Final = 0.05
_LOOK_FOR: Final = 60.0
"""Seconds."""


async def bound_patience(port: int) -> None:
    """Wait until the port is listened on, and have every connection to it end once its client takes nothing for so long.

    An answer that was handed over whole lies in memory until it is taken: without an end, for as long as a client likes.
    Where the system offers no such limit (it is Linux's), nothing is done.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None or not _DESCRIPTORS.is_dir():
        return
    async with asyncio.timeout(_LOOK_FOR):
        while not (found := _listeners(port)):  # noqa: ASYNC110  # the server tells nobody when it listens
            await asyncio.sleep(_LOOK_EVERY)
    for descriptor in found:
        with _lent(descriptor) as listener:
            listener.setsockopt(socket.IPPROTO_TCP, option, STALLED_AFTER)  # what it accepts from now on inherits it


def _listeners(port: int) -> list[int]:
    """The descriptors of this process's sockets that listen on the port."""
    found = []
    for entry in _DESCRIPTORS.iterdir():
        try:
            with _lent(int(entry.name)) as one:
                if _listens(one, port):
                    found.append(int(entry.name))
        except OSError:
            continue  # no socket, or closed since
    return found


@contextmanager
def _lent(descriptor: int) -> Iterator[socket.socket]:
    """The descriptor as a socket, which stays its owner's. Raises OSError for what is no socket.

    Nothing is duplicated and closed: whoever closes any descriptor of SQLite's file takes all of the process's locks off it.
    """
    lent = socket.socket(fileno=descriptor)
    try:
        yield lent
    finally:
        lent.detach()


def _listens(found: socket.socket, port: int) -> bool:
    try:
        is_listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return bool(is_listening) and found.family in {socket.AF_INET, socket.AF_INET6} and found.getsockname()[1] == port
    except OSError:
        return False
