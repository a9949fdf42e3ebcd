"""What one ingest leaves behind and costs, in both sizes: `python -m bench.footprint`.

Counts, not times: rows, transactions, bytes in the database and in its log, bytes written by the server. They hardly depend
on how busy the machine is. Processor time is measured by `bench.simulate`.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
from rich.console import Console
from rich.table import Table

from bench.fleet import engines
from bench.ingest_small import SETTINGS
from bench.origin import serving_media
from bench.progress import tell
from bench.server import Server, creation, serving
from bench.submission import submit_all

FILES: Final = 1_000
_WARM: Final = 50
_FIRST: Final = 20_000_000
"""Number of the first file: the origin gives a file of its own for each number."""
_SETTLED_TABLES: Final = {"alembic_version"}
_COUNTERS: Final = ("xact_commit", "tup_inserted", "tup_updated", "tup_deleted")

Counts = dict[str, float]


def main() -> int:
    """Measure both sizes and print what a file costs of each."""
    table = Table("of one ingest of a 170 KB picture", box=None)
    table.add_column("embedded", justify="right")
    table.add_column("fleet", justify="right")
    embedded, fleet = _embedded(), _fleet()
    for name in dict.fromkeys([*embedded, *fleet]):
        table.add_row(name, *(f"{found[name]:,.1f}" if name in found else "" for found in (embedded, fleet)))
    Console(width=100).print(table)
    return 0


def _embedded() -> Counts:
    homes: list[Path] = []
    with serving_media() as origin, serving(settings=SETTINGS, prepare=homes.append) as server:
        return _measure(server, origin, lambda: _read_sqlite(homes[0] / "library.db"))


def _fleet() -> Counts:
    with ExitStack() as stack:
        origin = stack.enter_context(serving_media())
        settings = stack.enter_context(engines())
        server = stack.enter_context(serving(settings={**SETTINGS, **settings}))
        return _measure(server, origin, lambda: asyncio.run(_read_postgres(settings["DATABASE_URL"])))


def _measure(server: Server, origin: str, read: Callable[[], Counts]) -> Counts:
    """What a file costs, by the difference of two readings."""
    group_id = server.group_id()
    _ingest(server, group_id, [f"{origin}/jpeg/{_FIRST + number}" for number in range(_WARM)])
    before = {**read(), **_written(server)}
    _ingest(server, group_id, [f"{origin}/jpeg/{_FIRST + _WARM + number}" for number in range(FILES)])
    after = {**read(), **_written(server)}
    tell("footprint", f"{FILES} files ingested")
    return {name: (after[name] - before.get(name, 0.0)) / FILES for name in after if after[name] != before.get(name)}


def _ingest(server: Server, group_id: str, urls: list[str]) -> None:
    creations = [server.request("POST", "/model/v1/generation", msgspec.json.encode(creation(url, group_id, "Image"))) for url in urls]
    submit_all(server.port, creations, server.request("GET", "/model/v1/generation/task/TASK"))
    server.wait_until_idle()


def _written(server: Server) -> Counts:
    """Bytes that the server's processes have handed to the disk."""
    written = [process.io_counters().write_bytes for process in server.processes()]
    return {"bytes written to disk by the server": float(sum(written))}


def _read_sqlite(path: Path) -> Counts:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
        (pages,), (size,) = connection.execute("PRAGMA page_count").fetchone(), connection.execute("PRAGMA page_size").fetchone()
    return {**_named(rows), "bytes of the database": float(pages * size)}


async def _read_postgres(url: str) -> Counts:
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        rows = {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for (name,) in names}
        await connection.execute("SELECT pg_stat_force_next_flush()")
        counters = await connection.fetchrow(f"SELECT {', '.join(_COUNTERS)} FROM pg_stat_database WHERE datname = current_database()")
        size = await connection.fetchval("SELECT pg_database_size(current_database())")
        log = await connection.fetchval("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
    finally:
        await connection.close()
    titles = ("transactions", "rows inserted", "rows updated", "rows deleted")
    told = {title: float(counters[counter]) for title, counter in zip(titles, _COUNTERS, strict=True)}
    return {**_named(rows), **told, "bytes of the database": float(size), "bytes of its log": float(log)}


def _named(rows: dict[str, int]) -> Counts:
    return {f"rows kept in {name}": float(count) for name, count in sorted(rows.items()) if name not in _SETTLED_TABLES}


if __name__ == "__main__":
    sys.exit(main())
