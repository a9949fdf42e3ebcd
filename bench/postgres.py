"""A PostgreSQL of its own for a measured server, as durable as in production."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.factories.servers import PostgresServer

_SECRET: Final = "1:0123456789abcdef0123"


@contextmanager
def postgres_database() -> Iterator[dict[str, str]]:
    """The settings of a server on an empty database of its own PostgreSQL (fsync and synchronous commits on)."""
    with PostgresServer() as postgres:
        yield {"DATABASE_URL": postgres.create_database(), "SIGNING_KEYS": _SECRET, "ENCRYPTION_KEYS": _SECRET}
