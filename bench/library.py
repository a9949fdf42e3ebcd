"""Fills a database with many assets, straight through its driver: what a library of years looks like."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import asyncpg

from spark_assets.db.tables import assets
from spark_assets.domain.ids import TaskIds
from spark_assets.domain.listing import folded

PROJECT_ID: Final = "project-default"
GROUPS: Final = 100
_AGE: Final = 20 * 86_400_000_000
"""Microseconds since the first asset was made: nothing of it is old enough to be swept."""
_SPREAD: Final = 1_000_003
"""Microseconds between two assets: not in step with seconds."""
_COLUMNS: Final = [column.name for column in assets.columns if column.name != "rendition_pending"]

_TASK: Final[dict[str, Any]] = {
    "key_id": "key-bench", "model": "spark_asset_create", "status": "completed", "request_id": "bench", "stage": "active", "progress": 1,
    "attempts": 1, "fence": 1, "cost": 0, "discount": 0,
}  # fmt: skip
"""What all finished creations have alike."""


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
    names = ["id", "project_id", "asset_id", "group_id", "bytes_received", "created_at", "completed_at", *_TASK]
    ids = TaskIds()
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT project_id, id, group_id, size, created_at, created_at + 1000000 FROM assets").fetchall()
        rows = ((ids.new(row[4]), *row, *_TASK.values()) for row in found)
        connection.executemany(f"INSERT INTO tasks ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})", rows)
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
    first = _first()
    for number in range(GROUPS):
        yield _group_id(number), PROJECT_ID, f"group {number}", f"group {number}", "", "AIGC", first, first, None


def _first() -> int:
    return time.time_ns() // 1000 - _AGE


def _assets(count: int) -> Iterator[tuple[Any, ...]]:
    first = _first()
    for number in range(count):
        at = first + number * _SPREAD
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
