"""What an ingest leaves in the tables of a service."""

from typing import Final

from tests.factories.ledger import Ledger
from tests.factories.spark_processes import Service

ADMIN: Final = ("--scope", "project:admin", "--scope", "assets:read", "--scope", "assets:write")
"""Options of a key for all that these tests do."""
_TRACES: Final = {
    "completed tasks": "SELECT count(*) FROM tasks WHERE model = 'spark_asset_create' AND status <> 'in_progress'",
    "active assets": "SELECT count(*) FROM assets WHERE status <> 'Processing'",
    "lines of usage": "SELECT count(*) FROM usage JOIN tasks ON tasks.id = usage.task_id AND tasks.model = 'spark_asset_create'",
    "events": "SELECT count(*) FROM events",
    "deliveries": "SELECT count(*) FROM deliveries",
}


def traces(service: Service) -> dict[str, int]:
    """How many there are of each."""
    ledger = Ledger(service)
    return {name: int(ledger.rows(statement)[0][0]) for name, statement in _TRACES.items()}
