"""What is counted while the service runs, for whoever watches it. What each is called and says: `metrics/definitions.py`.

Labels come from short, closed lists. Never is one a project, a key, an address or a host: their number has no bound, and some are secret.
"""

from enum import StrEnum
from typing import Protocol

import msgspec


class Count(StrEnum):
    """What only grows; in brackets, its labels."""

    REFUSALS = "refusals"
    """Requests that were refused (code)."""
    INGESTS = "ingests"
    """Attempts at an ingest (result)."""
    INGEST_FAILURES = "ingest_failures"
    """Assets that became `Failed` (code, reason)."""
    FETCHED_BYTES = "fetched_bytes"
    """Bytes brought into the spool (source: `url` or `upload`)."""
    PARSER_CHILDREN = "parser_children"
    """What became of the processes that read files (event)."""
    WEBHOOK_ATTEMPTS = "webhook_attempts"
    """Messages posted to receivers (outcome)."""


class Measure(StrEnum):
    """What is measured each time it happens; in brackets, its labels."""

    REQUESTS = "request_seconds"
    """Until an answer begins (surface, method, class of the status)."""
    INGEST = "ingest_seconds"
    """From the acceptance of an asset until it is active."""
    STAGES = "ingest_stage_seconds"
    """What an ingest spends waiting for its first claim, and then at each station (stage)."""
    COMMITS = "commit_seconds"
    """Until a commit is durable."""
    COMMIT_UNITS = "commit_units"
    """Units of work that share a commit."""
    WEBHOOKS = "webhook_seconds"
    """Until a receiver has answered, or has not."""


class Level(StrEnum):
    """What rises and falls in this process."""

    INGESTS_RUNNING = "ingests_running"
    """Ingests that have a place."""
    CONNECTIONS_USED = "database_connections_used"
    """Connections to PostgreSQL that somebody holds."""
    CONNECTIONS_MOST = "database_connections_most"
    """Connections to PostgreSQL that there may be."""


class Metrics(Protocol):
    """Takes note; never fails, never waits, and costs about a microsecond. A label that is not on its list counts as `other`."""

    def count(self, what: Count, *labels: str, by: float = 1) -> None:
        """It happened, or so much of it."""

    def observe(self, what: Measure, value: float, *labels: str) -> None:
        """It happened and took so many seconds, or was so large."""

    def shift(self, what: Level, by: float) -> None:
        """It rose by so much, or fell."""


class Silence:
    """Where nobody measures."""

    def count(self, what: Count, *labels: str, by: float = 1) -> None:
        """Nothing."""

    def observe(self, what: Measure, value: float, *labels: str) -> None:
        """Nothing."""

    def shift(self, what: Level, by: float) -> None:
        """Nothing."""


SILENCE = Silence()


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What the whole service has to do, as the database and the queue know it. Ages are in seconds, 0 where nothing waits."""

    in_line: int
    """Ingests that wait for their turn."""
    called: int
    """Ingests that have had their turn and are not over: they wait in the queue, or run."""
    oldest_task: float
    """Age of the ingest that was accepted first and is not over."""
    jobs: int
    """Jobs of every kind in the queue that nobody works on."""
    due: int
    """Deliveries to webhooks that are due."""
    oldest_due: float
    """How long the first of them has been due."""


class Exposition(Protocol):
    """Shows what was counted, to Prometheus."""

    media_type: str

    def gather(self) -> None:
        """Have ready what was measured until now; in the event loop, before `render`."""

    def render(self, load: Load | None) -> bytes:
        """All of it as text, with the load, or without where the database did not tell. Takes milliseconds: call it in a thread."""
