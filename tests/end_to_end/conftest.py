"""One running service of each size for the whole run, for tests that do it no harm, and an origin to fetch from."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.guarded import Scene, guarded
from tests.end_to_end.shelf import Shelf
from tests.end_to_end.wreckage import COUNT, Wreck, wreck
from tests.factories.http import SparkClient
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service, embedded, fleet

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
def scene() -> Iterator[Scene]:
    """A server that may fetch from one port alone, and what it must not touch."""
    with guarded() as running:
        yield running


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for media files, made once."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def contents(media: Path) -> list[bytes]:
    """Small files of which none is like another; fewer than are submitted, so that some bytes are stored once for two assets."""
    plain = make_jpeg(media / "crash.jpg", 400, 400, quality=30).read_bytes()
    return [plain + b"%d" % number for number in range(COUNT - 10)]


@pytest.fixture(scope="session")
def wrecked(make_service: MakeService, shelf: Shelf, contents: list[bytes]) -> Iterator[Wreck]:
    """A service that was killed in the middle of its work.

    For the whole run, since a fleet takes 20 seconds to notice that a worker is dead: other tests run meanwhile.
    """
    with make_service(host_concurrency=COUNT, drain_timeout=4) as service:
        yield wreck(service, shelf, contents)
