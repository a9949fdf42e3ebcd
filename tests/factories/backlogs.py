"""Long lines of ingests, written behind a service's back: a hundred thousand requests would take minutes."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Final

import asyncpg
from sqlalchemy import Table

from spark_assets.db.tables import assets, tasks
from spark_assets.domain.backlog import Line
from tests.factories.spark_processes import Service

_NUMBERS: Final = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
_ASSET_ID: Final = "assets.id || '-' || CAST(numbers.n AS TEXT)"
_TASK_ID: Final = "substr(tasks.id, 1, 12) || CAST(10000000 + numbers.n AS TEXT)"


def stand_in_line(service: Service, task_id: str, count: int, line: Line = Line.SINGLES) -> None:
    """So many further ingests like the one of this task, which is in progress, waiting in a line of its project."""
    fresh = {"line": str(line.value), "attempts": "0", "fence": "0", "stage": "'queued'", "progress": "0"}
    statements = [
        _copy(assets, {"id": _ASSET_ID, "task_id": _TASK_ID}, task_id, count),
        _copy(tasks, {"id": _TASK_ID, "asset_id": _ASSET_ID, **fresh}, task_id, count),
    ]
    if service.is_fleet:
        asyncio.run(_on_postgres(service.variables["SPARK_ASSETS_DATABASE_URL"], statements))
        return
    with closing(sqlite3.connect(service.home / "library.db", timeout=10)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def _copy(table: Table, changed: dict[str, str], task_id: str, count: int) -> str:
    names = [column.name for column in table.columns]
    values = [changed.get(name, f'{table.name}."{name}"') for name in names]
    quoted = ", ".join(f'"{name}"' for name in names)
    source = f"FROM numbers, tasks JOIN assets ON assets.id = tasks.asset_id WHERE tasks.id = '{task_id}'"
    return f"{_NUMBERS.format(count=count)} INSERT INTO {table.name} ({quoted}) SELECT {', '.join(values)} {source}"


async def _on_postgres(url: str, statements: list[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
        await connection.execute("ANALYZE tasks")
    finally:
        await connection.close()
