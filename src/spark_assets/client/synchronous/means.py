"""What waiting, reading a file and doing several things at once mean here."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import IO, TypeVar

T = TypeVar("T")
R = TypeVar("R")

sleep = time.sleep


def read(file: IO[bytes], size: int) -> bytes:
    """So many bytes of a file, or what is left of it."""
    return file.read(size)


def write(file: IO[bytes], piece: bytes) -> None:
    """Append to a file."""
    file.write(piece)


def each(work: Callable[[T], R], items: Iterable[T], at_once: int) -> Iterator[tuple[T, R | Exception]]:
    """Each item with what became of it, in the order in which they end; so many at once, and the next is taken when one has ended."""
    left = iter(items)
    running: dict[Future[R], T] = {}
    with ThreadPoolExecutor(at_once, thread_name_prefix="spark-assets") as threads:
        try:
            while True:
                while len(running) < at_once and (taken := next(((item,) for item in left), None)) is not None:
                    running[threads.submit(work, taken[0])] = taken[0]
                if not running:
                    return
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    item, error = running.pop(future), future.exception()
                    if error is not None and not isinstance(error, Exception):
                        raise error
                    yield item, future.result() if error is None else error
        finally:
            for future in running:
                future.cancel()
