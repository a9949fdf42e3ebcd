"""Rows `list` and `list-pg`: pages of 10 assets, the first and one 9,990 items deep by cursor, at 1,000,000 assets.

The baseline is the same server with 10,000 assets; both run at once and are asked in turns, one request after another.
"""

import http.client
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from bench.figures import ROUNDS, Figure, Goal, compare
from bench.fleet import postgres_database
from bench.library import fill_postgres, fill_sqlite
from bench.progress import tell
from bench.server import Server, serving

MANY: Final = 1_000_000
FEW: Final = 10_000
DEPTH: Final = 9_990
PAGE: Final = 10
REQUESTS: Final = 300
"""Of one round of one side."""
_WALK: Final = 90
_GOAL: Final = Goal(1.3, at_least=False)
_HEADERS: Final = {"Content-Type": "application/json"}


def measure() -> list[Figure]:
    """Run both rows."""
    return [*_measure("list", _on_sqlite), *_measure("list-pg", _on_postgres)]


def _measure(row: str, opened: Any) -> list[Figure]:
    with ExitStack() as stack:
        many = Reader(stack.enter_context(opened(MANY)))
        few = Reader(stack.enter_context(opened(FEW)))
        figures = []
        for place in ("first", "deep"):
            ours, baseline = [], []
            for number in range(1, ROUNDS + 1):
                ours.append(many.time_page(deep=place == "deep"))
                baseline.append(few.time_page(deep=place == "deep"))
                tell(row, f"{place} page, round {number} of {ROUNDS}: {ours[-1]:.3f} ms, with {FEW} assets {baseline[-1]:.3f} ms")
            figures.append(compare(f"{row} {place}", "ms", ours, baseline, _GOAL))
        return figures


class Reader:
    """Asks one server for pages over a kept connection."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._headers = {**_HEADERS, "Authorization": f"Bearer {server.key}"}
        self._cursor = self._walk()

    def time_page(self, *, deep: bool) -> float:
        """Milliseconds of a page, the median of many requests."""
        wanted: dict[str, Any] = {"NextToken": self._cursor} if deep else {}
        times = []
        for _ in range(REQUESTS):
            begin = time.perf_counter()
            items = self._page(MaxResults=PAGE, **wanted)["Items"]
            times.append((time.perf_counter() - begin) * 1000)
            assert len(items) == PAGE
        return statistics.median(times)

    def _walk(self) -> str:
        """The cursor behind the first 9,990 items, as a client comes by it."""
        cursor: dict[str, Any] = {}
        for _ in range(DEPTH // _WALK):
            cursor = {"NextToken": self._page(MaxResults=_WALK, **cursor)["NextToken"]}
        return str(cursor["NextToken"])

    def _page(self, **part: Any) -> dict[str, Any]:
        self._connection.request("POST", "/open/ListAssets", json.dumps({"Filter": {}, **part}), self._headers)
        found: dict[str, Any] = json.loads(self._connection.getresponse().read())
        return found


@contextmanager
def _on_sqlite(count: int) -> Iterator[Server]:
    with serving("--no-ingest", prepare=lambda home: fill_sqlite(home / "library.db", count)) as server:
        yield server


@contextmanager
def _on_postgres(count: int) -> Iterator[Server]:
    with postgres_database() as settings:
        url = settings["DATABASE_URL"]
        with serving("--no-ingest", settings=settings, prepare=lambda _home: fill_postgres(url, count)) as server:
            yield server
