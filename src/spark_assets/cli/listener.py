"""The socket that a server process listens on: the server below opens it by itself, and lets nobody set its options."""

import asyncio
import os
import socket
import stat
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
    for listener in found:
        with listener:
            listener.setsockopt(socket.IPPROTO_TCP, option, STALLED_AFTER)  # what it accepts from now on inherits it


def _listeners(port: int) -> list[socket.socket]:
    """Duplicates of this process's sockets that listen on the port: an option that is set on one holds for the socket itself."""
    found = []
    for descriptor in _DESCRIPTORS.iterdir():
        listener = _duplicate(int(descriptor.name))
        if listener is None:
            continue
        if _listens(listener, port):
            found.append(listener)
        else:
            listener.close()
    return found


def _duplicate(descriptor: int) -> socket.socket | None:
    """The descriptor as a socket; None if it is something else, or closed since.

    Nothing but a socket is duplicated: whoever closes any descriptor of SQLite's file takes all of the process's locks off it.
    """
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        copy = os.dup(descriptor)
    except OSError:
        return None
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        return None


def _listens(found: socket.socket, port: int) -> bool:
    try:
        is_listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return bool(is_listening) and found.family in {socket.AF_INET, socket.AF_INET6} and found.getsockname()[1] == port
    except OSError:
        return False
