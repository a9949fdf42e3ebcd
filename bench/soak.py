"""Row `soak`: ten minutes of files at random moments, at half the rate of `ingest-small`, against their first minute.

A creation that is refused or a task that fails ends the run: what is reported had none. Times are the server's own, from a
creation to the end of its task; memory is added up as in the row `memory`, and its slope is that of the nine minutes after the first.
"""

import statistics
import threading
import time
from typing import Final

import msgspec

from bench.arrivals import submit_at_random
from bench.figures import ROUNDS, Figure, Goal, compare, percentile
from bench.ingest_small import FILES, SETTINGS
from bench.memory import memory_of
from bench.origin import serving_media
from bench.progress import tell
from bench.server import Server, creation, serving
from bench.submission import submit_all

MINUTES: Final = 10
_MINUTE: Final = 60.0
_INTERVAL: Final = 2.0
"""Seconds between two looks at the memory."""
_TAIL: Final = 0.99
_TAIL_GOAL: Final = Goal(1.2, at_least=False)
_SLOPE_GOAL: Final = Goal(1.0, at_least=False, of_ratio=False, unit=" MB a minute")


def measure() -> list[Figure]:
    """Run both rows."""
    with serving_media() as origin, serving(settings=SETTINGS) as server:
        soak = _Soak(server, origin)
        rate = soak.full_speed() / 2
        tell("soak", f"{MINUTES} minutes at {rate:.0f} files a second")
        lasted, memory = soak.run(rate)
    in_first = round(rate * _MINUTE)
    first, rest = lasted[:in_first], lasted[in_first:]
    minutes = [rest[start : start + in_first] for start in range(0, len(rest), in_first)]
    worst = max(1000 * percentile(minute, _TAIL) for minute in minutes if len(minute) == in_first)
    settled = [(at / _MINUTE, held) for at, held in memory if at >= _MINUTE]
    slope = statistics.linear_regression(*zip(*settled, strict=True)).slope
    remark = f"{len(lasted)} files, none refused or failed; the worst minute had {worst:.0f} ms"
    return [
        compare("soak p99", "ms", [1000 * percentile(rest, _TAIL)], [1000 * percentile(first, _TAIL)], _TAIL_GOAL, remark),
        compare("soak memory", "MB/minute", [slope], [settled[0][1]], _SLOPE_GOAL, "against the memory after the first minute"),
    ]


class _Soak:
    def __init__(self, server: Server, origin: str) -> None:
        self._server, self._origin = server, origin
        self._group_id = server.group_id()
        self._poll = server.request("GET", "/model/v1/generation/task/TASK")
        self._next = 0

    def full_speed(self) -> float:
        """Files a second, the median of several rounds."""
        rates = []
        for _ in range(ROUNDS):
            rates.append(FILES / submit_all(self._server.port, self._creations(FILES), self._poll))
            self._server.wait_until_idle()
        return statistics.median(rates)

    def run(self, rate: float) -> tuple[list[float], list[tuple[float, float]]]:
        """Seconds that each file took, in the order of their creations; and (seconds since the beginning, MB) again and again."""
        memory: list[tuple[float, float]] = []
        began, ended = time.monotonic(), threading.Event()

        def watch() -> None:
            while not ended.wait(_INTERVAL):
                memory.append((time.monotonic() - began, memory_of(self._server)[0]))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            lasted = submit_at_random(self._server.port, rate, self._creations(round(rate * MINUTES * _MINUTE)), self._poll, seed=1)
        finally:
            ended.set()
            watcher.join()
        return lasted, [look for look in memory if look[0] <= MINUTES * _MINUTE]

    def _creations(self, count: int) -> list[bytes]:
        first, self._next = self._next, self._next + count
        urls = [f"{self._origin}/jpeg/{number}" for number in range(first, first + count)]
        bodies = [msgspec.json.encode(creation(url, self._group_id, "Image")) for url in urls]
        return [self._server.request("POST", "/model/v1/generation", body) for body in bodies]
