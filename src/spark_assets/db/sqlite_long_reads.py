"""Reads that may take long run beside all others, in a thread with a connection of its own.

A list that no index serves (a part of a name among a million assets) takes hundreds of milliseconds: inline, every request
would wait for it.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.sql.base import Executable

from spark_assets.db.faults import ENGINE_ERRORS, raise_ours
from spark_assets.domain.errors import Unavailable

MOST_WAITING: Final = 64
"""Reads that may wait for their turn. At a second each, who asked for a later one has given up long before it would begin."""


class LongReads:
    """One such read at a time; others wait for it, in the order in which they came."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="long-read")
        self._connection: Connection | None = None
        self._waiting = 0

    async def run(self, statement: Executable) -> Sequence[Any]:
        """The rows that the statement finds in what is committed. Raises Unavailable if too many wait already."""
        if self._waiting >= MOST_WAITING:
            raise Unavailable("too many searches are waiting for their turn; try again shortly")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, statement)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let go of the file, after the read under way; those that wait are cancelled."""
        self._thread.shutdown(cancel_futures=True)
        if self._connection is not None:
            self._connection.close()

    def _run(self, statement: Executable) -> Sequence[Any]:
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                self._connection.exec_driver_sql("PRAGMA query_only=ON")
            return self._connection.execute(statement).fetchall()
        except ENGINE_ERRORS as error:
            raise_ours(error)
