"""What is counted: its name for Prometheus, what it says, and which labels it may have."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from spark_assets.domain.error_codes import REFUSALS
from spark_assets.domain.ingest_codes import DOWNLOAD_REASONS, FAULT_REASONS, INGEST_CODES
from spark_assets.ports.metrics import Count, Level, Measure

PREFIX: Final = "spark_assets_"
OTHER: Final = "other"
"""Stands for every value that is not on a label's list."""


class Label(NamedTuple):
    """A label and the values that it may have, beside OTHER."""

    name: str
    values: tuple[str, ...]
    read: Callable[[str], str] = str
    """Finds the listed value that a given one belongs to."""

    def bound(self, value: str) -> str:
        """The listed value; OTHER if there is none."""
        found = self.read(value)
        return found if found in self.values else OTHER


class Definition(NamedTuple):
    """What is said of one count, measure or level."""

    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    begins: tuple[tuple[str, ...], ...] | None = None
    """Which combinations of its labels are shown from the start, as 0, so that an alert sees the first of its kind; None: all."""


SURFACES: Final = (
    "task", "action", "rest", "upload", "catalogue", "billing", "media", "console", "docs", "health", "metrics", "watch", "none",
)  # fmt: skip
STAGES: Final = ("queued", "fetch", "recall", "sniff", "inspect", "verify", "moderate", "store", "activate")
RESULTS: Final = ("active", "failed", "superseded", "retried", "postponed", "given_back")
CHILD_EVENTS: Final = ("started", "recycled", "killed", "died")
OUTCOMES: Final = ("delivered", "retried", "given_up")
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")
_FAULT: Final = "InternalError"
"""The code of a failure that is no fault of the file."""
_FAMILIES: Final = frozenset({"MissingParameter", "InvalidParameter", "NotFound", "Conflict"})
"""Codes whose second half names a parameter or a thing, perhaps in the client's own words."""
_SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG: Final = (0.0025, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0)
"""Seconds."""


def _family(code: str) -> str:
    family = code.partition(".")[0]
    return family if family in _FAMILIES else code


def _refusal_codes() -> tuple[str, ...]:
    return tuple(dict.fromkeys(_family(entry.code) for entry in REFUSALS))


COUNTS: Final[Mapping[Count, Definition]] = {
    Count.REFUSALS: Definition("Requests that were refused, by the code of the error", (Label("code", _refusal_codes(), _family),)),
    Count.INGESTS: Definition("Attempts at an ingest, by how they ended", (Label("result", RESULTS),)),
    Count.INGEST_FAILURES: Definition(
        "Assets that became Failed, by the code and the reason of the failure",
        (Label("code", tuple(entry.code for entry in INGEST_CODES)), Label("reason", ("none", *DOWNLOAD_REASONS, *FAULT_REASONS))),
        begins=tuple((_FAULT, reason) for reason in FAULT_REASONS),
    ),
    Count.FETCHED_BYTES: Definition("Bytes brought into the spool, by where they came from", (Label("source", ("url", "upload")),)),
    Count.PARSER_CHILDREN: Definition(
        "Processes that read files: started, recycled after many files, killed for taking too long, died by themselves",
        (Label("event", CHILD_EVENTS),),
    ),
    Count.WEBHOOK_ATTEMPTS: Definition("Messages posted to receivers, by what came of it", (Label("outcome", OUTCOMES),)),
}
MEASURES: Final[Mapping[Measure, Definition]] = {
    Measure.REQUESTS: Definition(
        "Seconds until an answer begins; on the surface watch it is held back on purpose",
        (Label("surface", SURFACES), Label("method", _METHODS), Label("status", _CLASSES)),
        _SHORT,
        begins=(),
    ),
    Measure.INGEST: Definition("Seconds from the acceptance of an asset until it is active", buckets=_LONG),
    Measure.STAGES: Definition("Seconds that an ingest waits for its turn, and spends at each station", (Label("stage", STAGES),), _LONG),
    Measure.COMMITS: Definition("Seconds until a commit is durable", buckets=_SHORT),
    Measure.COMMIT_UNITS: Definition("Units of work that shared a commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)),
    Measure.WEBHOOKS: Definition("Seconds until a receiver has answered a message, or has not", buckets=_SHORT),
}
LEVELS: Final[Mapping[Level, Definition]] = {
    Level.INGESTS_RUNNING: Definition("Ingests under way in this server or worker"),
    Level.CONNECTIONS_USED: Definition("Connections to PostgreSQL in use in this server or worker; 0 on SQLite"),
    Level.CONNECTIONS_MOST: Definition("Connections to PostgreSQL that this server or worker may open; 0 on SQLite"),
}
