"""Services that may be killed, in both sizes, and an origin to fetch from."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.media import make_jpeg
from tests.factories.servers import S3Server
from tests.factories.spark_processes import Service, embedded, fleet

SIZES = ("embedded", "fleet")
MakeService = Callable[..., Service]


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """`embedded` (SQLite and a folder) or `fleet` (PostgreSQL, S3, a worker)."""
    return str(request.param)


@pytest.fixture
def make_service(size: str, request: pytest.FixtureRequest) -> MakeService:
    """Makes a service of the size at hand, not started yet, that may fetch from loopback and post to it."""

    def make(**settings: object) -> Service:
        chosen = {"source_allow": "127.0.0.0/8", "webhook_allow": "127.0.0.0/8", "webhook_timeout": 1, "drain_timeout": 5, **settings}
        if size == "embedded":
            return embedded(**chosen)
        return fleet(request.getfixturevalue("postgres_server"), request.getfixturevalue("s3_server"), **chosen)

    return make


@pytest.fixture
def own_s3_server() -> Iterator[S3Server]:
    """An S3 server that may be restarted."""
    with S3Server() as server:
        yield server


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """An origin on loopback."""
    with Shelf() as running:
        yield running


@pytest.fixture
def picture(tmp_path: Path) -> bytes:
    """A small picture."""
    return make_jpeg(tmp_path / "picture.jpg", 400, 400, quality=30).read_bytes()
