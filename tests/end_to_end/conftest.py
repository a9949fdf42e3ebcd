"""One running service of each size for the whole run, for tests that do it no harm, and an origin to fetch from."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient
from tests.factories.service import Service, embedded, fleet

SIZES = ("embedded", "fleet")
MakeService = Callable[..., Service]


@pytest.fixture(scope="session", params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """`embedded` (SQLite and a folder) or `fleet` (PostgreSQL, S3, a worker)."""
    return str(request.param)


@pytest.fixture(scope="session")
def make_service(size: str, request: pytest.FixtureRequest) -> MakeService:
    """Makes a service of the size at hand, not started yet, that may fetch from loopback."""

    def make(**settings: object) -> Service:
        chosen = {"source_allow": "127.0.0.0/8", "host_concurrency": 16, "drain_timeout": 5, **settings}
        if size == "embedded":
            return embedded(**chosen)
        return fleet(request.getfixturevalue("postgres_server"), request.getfixturevalue("s3_server"), **chosen)

    return make


@pytest.fixture(scope="session")
def service(make_service: MakeService) -> Iterator[Service]:
    """A service that runs as long as the tests of its size; leave it as you found it."""
    with make_service() as running:
        yield running


@pytest.fixture(scope="session")
def client(service: Service) -> SparkClient:
    """A caller with an ordinary key."""
    return service.client()


@pytest.fixture(scope="session")
def group(client: SparkClient) -> str:
    """A group in the project `default`."""
    return client.create_group("group")


@pytest.fixture(scope="session")
def shelf() -> Iterator[Shelf]:
    """An origin on loopback."""
    with Shelf() as running:
        yield running


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for media files, made once."""
    return tmp_path_factory.mktemp("media")
