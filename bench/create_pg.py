"""Row `create-pg`: the row `create` on PostgreSQL, with `synchronous_commit=on` and `fsync=on`, as they are by default."""

from typing import Final

from bench.create import measure_row
from bench.figures import Figure, Goal
from bench.fleet import postgres_database

_GOAL: Final = Goal(0.25, at_least=True)


def measure() -> list[Figure]:
    """Run the row."""
    with postgres_database() as settings:
        return [measure_row("create-pg", _GOAL, settings)]
