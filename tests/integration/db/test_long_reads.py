import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import literal, select

from spark_assets.db.sqlite import sqlite_engine
from spark_assets.db.sqlite_long_reads import MOST_WAITING, LongReads
from spark_assets.domain.errors import Unavailable

ONE = select(literal(1))


@pytest.fixture
async def long_reads(tmp_path: Path) -> AsyncIterator[LongReads]:
    """On an empty file."""
    found = LongReads(sqlite_engine(str(tmp_path / "library.db")))
    yield found
    found.close()


async def test_only_so_many_reads_wait_for_their_turn(long_reads: LongReads) -> None:
    answers = await asyncio.gather(*(long_reads.run(ONE) for _ in range(MOST_WAITING + 2)), return_exceptions=True)
    assert [type(answer) for answer in answers[MOST_WAITING:]] == [Unavailable, Unavailable]
    assert not any(isinstance(answer, BaseException) for answer in answers[:MOST_WAITING])
    assert [tuple(row) for row in await long_reads.run(ONE)] == [(1,)], "there is room again"


async def test_what_waits_is_cancelled_when_the_file_is_let_go(tmp_path: Path) -> None:
    long_reads = LongReads(sqlite_engine(str(tmp_path / "library.db")))
    slow = select(literal(1)).prefix_with(
        "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n),"
    )
    reads = [asyncio.ensure_future(long_reads.run(slow)) for _ in range(3)]
    await asyncio.sleep(0)
    long_reads.close()
    answers = await asyncio.gather(*reads, return_exceptions=True)
    assert [type(answer) for answer in answers[1:]] == [asyncio.CancelledError, asyncio.CancelledError]
