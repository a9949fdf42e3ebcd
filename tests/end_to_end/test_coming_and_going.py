"""Programs that use the SDK do not notice that the servers, the workers, PostgreSQL and S3 go away in turn and come back.

The long form, with each of them several times and S3 away for 20 s: `tests/chaos/test_coming_and_going.py`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.chaos.coming_and_going import Fleet
from tests.factories.media import make_jpeg


@pytest.fixture(scope="module")
def ours(media: Path) -> Iterator[Fleet]:
    """A fleet that nobody else uses."""
    picture = make_jpeg(media / "going.jpg", 400, 400, quality=30).read_bytes()
    with Fleet(picture) as running:
        yield running


def test_programs_notice_nothing_of_kills_restarts_and_outages(ours: Fleet) -> None:
    with ours.load:
        ours.load.wait_for(4)
        with ThreadPoolExecutor() as threads:  # one server and one worker stay, at any moment
            list(threads.map(ours.kill, [ours.servers[0], ours.workers[0]]))
            list(threads.map(ours.restart, [ours.servers[1], ours.workers[1]]))
        ours.load.wait_for(2)
        ours.restart_postgres()
        ours.load.wait_for(4)
        with ours.without_s3(3.0):
            pass
        ours.load.wait_for(4)
    broken = ours.judge()
    print(ours.figures)
    assert broken == []
