"""An origin in a thread of its own, so that synchronous tests can put files on it and watch what is fetched."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.factories.origin import Behaviour, Origin, Visit, answer, head, run_origin

_CHUNK: Final = 2**16
_ZEROS: Final = bytes(2**20)


class Shelf:
    """Serves what was put on it; open as a context manager."""

    def __init__(self, **options: Any) -> None:
        """`options`: those of `run_origin`."""
        self._options = options
        self._behaviours: dict[str, Behaviour] = {}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._origin: Origin | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._stop is not None
        self._from_outside(self._stop.set)
        self._thread.join(10)

    @property
    def origin(self) -> Origin:
        """The running origin, with its visits."""
        assert self._origin is not None
        return self._origin

    def put(self, path: str, content: bytes | Path) -> str:
        """Serve these bytes; the address."""
        return self.behave(path, answer(content if isinstance(content, bytes) else content.read_bytes()))

    def behave(self, path: str, behaviour: Behaviour) -> str:
        """Behave like this; the address."""
        self.origin.behaviours[path] = behaviour
        return self.origin.url(path)

    def gate(self) -> tuple[asyncio.Event, Callable[[], None]]:
        """An event that behaviours can wait for, and what opens it from a test."""
        event = asyncio.Event()
        return event, lambda: self._from_outside(event.set)

    def _from_outside(self, function: Callable[[], None]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(function)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with run_origin(self._behaviours, **self._options) as self._origin:
            self._started.set()
            await self._stop.wait()


def slowly(content: bytes, seconds: float, parts: int = 10) -> Behaviour:
    """The content in so many parts over so many seconds, with its true length."""

    async def behave(visit: Visit) -> None:
        await visit.send(head(headers={"Content-Length": str(len(content))}))
        size = -(-len(content) // parts)
        for start in range(0, len(content), size):
            await asyncio.sleep(seconds / parts)
            await visit.send(content[start : start + size])

    return behave


def padded(content: bytes, zeros: int) -> Behaviour:
    """The content and so many zero bytes after it, made on the way."""

    async def behave(visit: Visit) -> None:
        await visit.send(head(headers={"Content-Length": str(len(content) + zeros)}), content)
        left = zeros
        while left:
            await visit.send(_ZEROS[: min(left, len(_ZEROS))])
            left -= min(left, len(_ZEROS))

    return behave


def unannounced(content: bytes) -> Behaviour:
    """The content without a length, ended by closing the connection."""

    async def behave(visit: Visit) -> None:
        await visit.send(head(headers={"Connection": "close"}))
        for start in range(0, len(content), _CHUNK):
            await visit.send(content[start : start + _CHUNK])

    return behave


def declared(length: int, content: bytes = b"") -> Behaviour:
    """A length that the body does not keep."""

    async def behave(visit: Visit) -> None:
        await visit.send(head(headers={"Content-Length": str(length)}), content)

    return behave
