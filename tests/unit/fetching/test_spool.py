import hashlib
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spark_assets.fetching.spool import BLOCK_SIZE, Spool
from spark_assets.ports.source import HEAD_LENGTH


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """One thread that writes."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def test_pieces_of_two_bytes_take_hardly_more_memory_than_their_bytes(tmp_path: Path, thread: ThreadPoolExecutor) -> None:
    spool = Spool(tmp_path / "file", thread)
    tracemalloc.start()
    try:
        for number in range(BLOCK_SIZE // 16):
            await spool.add(number.to_bytes(4, "big")[2:])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    await spool.finish()
    spool.close()
    assert spool.size == BLOCK_SIZE // 8
    assert peak < BLOCK_SIZE // 2


async def test_memory_does_not_grow_with_the_file(tmp_path: Path, thread: ThreadPoolExecutor) -> None:
    spool = Spool(tmp_path / "file", thread)
    piece = bytes(BLOCK_SIZE // 4)
    tracemalloc.start()
    try:
        for _ in range(4 * 64):
            await spool.add(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    await spool.finish()
    spool.close()
    assert (tmp_path / "file").stat().st_size == 64 * BLOCK_SIZE
    assert peak < 8 * BLOCK_SIZE


async def test_the_head_and_the_hash_are_those_of_the_file_however_it_comes(tmp_path: Path, thread: ThreadPoolExecutor) -> None:
    body = bytes(range(256)) * (BLOCK_SIZE // 100)
    for size in (1_000, HEAD_LENGTH, BLOCK_SIZE - 1, BLOCK_SIZE, len(body)):
        spool = Spool(tmp_path / "file", thread)
        for start in range(0, len(body), size):
            await spool.add(body[start : start + size])
        assert await spool.finish() == hashlib.sha256(body).hexdigest()
        spool.close()
        assert spool.head == body[:HEAD_LENGTH]
        assert (tmp_path / "file").read_bytes() == body


async def test_an_attempt_that_was_given_up_never_touches_the_file_of_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    disk_is_slow = threading.Event()
    with ThreadPoolExecutor(1) as slow, ThreadPoolExecutor(1) as quick:
        slow.submit(disk_is_slow.wait)
        first = Spool(path, slow)
        await first.add(bytes(BLOCK_SIZE))  # waits for the thread
        first.close()
        second = Spool(path, quick)
        await second.add(b"whole")
        await second.finish()
        second.close()
        disk_is_slow.set()
    assert path.read_bytes() == b"whole"
