"""What the database of a service holds, counted from outside and without any code of ours."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any, Final

import asyncpg

from tests.factories.spark_processes import Service

_CREATED: Final = "SELECT id, asset_id, status, attempts FROM tasks WHERE model = 'spark_asset_create'"
_LINES: Final = (
    "SELECT usage.task_id, count(*) FROM usage JOIN tasks ON tasks.id = usage.task_id AND tasks.model = 'spark_asset_create' GROUP BY 1"
)
_ASSETS: Final = "SELECT id, status, blob_sha256 FROM assets"
_PENDING: Final = "SELECT count(*) FROM assets WHERE rendition_pending"


class Ledger:
    """Reads the tables of a service that runs."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def created(self) -> list[tuple[str, str, str, int]]:
        """Task, asset, status and attempts of every task that makes an asset."""
        return self.rows(_CREATED)

    def lines(self) -> dict[str, int]:
        """How many lines of usage each of these tasks has."""
        return dict(self.rows(_LINES))

    def assets(self) -> list[tuple[str, str, str | None]]:
        """ID, status and hash of every asset."""
        return self.rows(_ASSETS)

    def pending_renditions(self) -> int:
        """Assets whose rendition is still to be made."""
        return int(self.rows(_PENDING)[0][0])

    def rows(self, statement: str) -> list[Any]:
        """What a statement finds."""
        if self._service.is_fleet:
            return asyncio.run(_postgres_rows(self._service.variables["SPARK_ASSETS_DATABASE_URL"], statement))
        with closing(sqlite3.connect(self._service.home / "library.db", timeout=5)) as connection:
            return connection.execute(statement).fetchall()


async def _postgres_rows(url: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()
