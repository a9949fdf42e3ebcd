"""What waiting, reading a file and doing several things at once mean here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import IO, TypeVar

T = TypeVar("T")
R = TypeVar("R")

sleep = asyncio.sleep


async def read(file: IO[bytes], size: int) -> bytes:
    """So many bytes of a file, or what is left of it."""
    return await asyncio.to_thread(file.read, size)


async def write(file: IO[bytes], piece: bytes) -> None:
    """Append to a file."""
    await asyncio.to_thread(file.write, piece)


async def each(work: Callable[[T], Awaitable[R]], items: Iterable[T], at_once: int) -> AsyncIterator[tuple[T, R | Exception]]:
    """Each item with what became of it, in the order in which they end; so many at once, and the next is taken when one has ended."""
    left = iter(items)
    running: dict[asyncio.Task[R], T] = {}

    async def do(item: T) -> R:
        return await work(item)

    try:
        while True:
            while len(running) < at_once and (taken := next(((item,) for item in left), None)) is not None:
                running[asyncio.create_task(do(taken[0]))] = taken[0]
            if not running:
                return
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                item, error = running.pop(task), task.exception()
                if error is not None and not isinstance(error, Exception):
                    raise error
                yield item, task.result() if error is None else error
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
