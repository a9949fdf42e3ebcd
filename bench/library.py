"""Fills a database with many assets, straight through its driver: what a library of years looks like."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import asyncpg

from spark_assets.db.tables import assets
from spark_assets.domain.listing import folded

PROJECT_ID: Final = "project-default"
GROUPS: Final = 100
_FIRST: Final = 1_780_000_000_000_000
_SPREAD: Final = 1_000_003
"""Microseconds between two assets: not in step with seconds."""
_COLUMNS: Final = [column.name for column in assets.columns if column.name != "rendition_pending"]

_FINISHED_TASKS: Final = """
INSERT INTO tasks (id, project_id, key_id, model, status, request_id, asset_id, group_id, stage, progress, bytes_received,
                   attempts, fence, cost, discount, created_at, completed_at)
SELECT 'c' || substr(id, -19), project_id, 'key-bench', 'spark_asset_create', 'completed', 'bench', id, group_id, 'active', 1, size,
       1, 1, 0, 0, created_at, created_at + 1000000
FROM assets
"""


def fill_sqlite(database: Path, count: int) -> None:
    """Add so many active assets to a migrated database file."""
    columns, marks = ", ".join(_COLUMNS), ", ".join("?" for _ in _COLUMNS)
    with closing(sqlite3.connect(database)) as connection:
        connection.executemany("INSERT INTO groups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _groups())
        connection.executemany(f"INSERT INTO assets ({columns}) VALUES ({marks})", _assets(count))
        connection.commit()


def fill_postgres(url: str, count: int) -> None:
    """Add so many active assets to a migrated database."""
    asyncio.run(_fill_postgres(url, count))


def fill_finished_tasks(database: Path) -> None:
    """Add the completed creation of each asset that is there."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(_FINISHED_TASKS)
        connection.commit()


async def _fill_postgres(url: str, count: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table("groups", records=_groups())
        await connection.copy_records_to_table("assets", records=_assets(count), columns=_COLUMNS, timeout=600)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _groups() -> Iterator[tuple[Any, ...]]:
    for number in range(GROUPS):
        yield _group_id(number), PROJECT_ID, f"group {number}", f"group {number}", "", "AIGC", _FIRST, _FIRST, None


def _assets(count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        at = _FIRST + number * _SPREAD
        name = f"shot {number}"
        given = {
            "id": f"asset-{number:014d}-bcdfg",
            "project_id": PROJECT_ID,
            "group_id": _group_id(number * 7919 % GROUPS),
            "name": name,
            "name_folded": folded(name),
            "type": "Image",
            "status": "Active",
            "moderation": "Default",
            "size": 170_000,
            "format": "jpeg",
            "width": 1024,
            "height": 768,
            "created_at": at,
            "updated_at": at,
        }
        yield tuple(given.get(column) for column in _COLUMNS)


def _group_id(number: int) -> str:
    return f"group-{number:014d}-bcdfg"
