"""A real server that is sent files made to hurt, sixteen at once: it stays small, and so does whatever parses them."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.end_to_end.shelf import Shelf
from tests.end_to_end.test_hostile_transfers import AT_ONCE, GROWTH, Footprint
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service, embedded
from tests.integration.media.test_hostile_files import PICTURES, RECORDINGS, Good

CHILD: Final = 2**30
"""Bytes that a parser may have."""
PATIENCE: Final = 300.0


class Children:
    """The most that any process has held that parses for the server."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.largest = 0

    def look(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        while not stop.wait(0.02):
            for child in self._service.server.descendants():
                try:
                    if "serve" not in child.cmdline():
                        self.largest = max(self.largest, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue


@pytest.fixture(scope="module")
def generous() -> Iterator[Service]:
    """A server whose policy accepts whatever can be verified, so that every file reaches its parser."""
    with embedded(source_allow="127.0.0.0/8", host_concurrency=AT_ONCE, ingest_concurrency=AT_ONCE, media_policy="open") as service:
        yield service


def besiege(service: Service, shelf: Shelf, files: dict[str, bytes], picture: bytes) -> None:
    """Ingest them all, sixteen at once; all end, with a code of the catalogue if they fail, and the server is well afterwards."""
    client = service.client()
    group = client.create_group()
    client.create_asset(group, shelf.put("/before.jpg", picture))
    footprint, children, stop = Footprint(service), Children(service), threading.Event()
    watching = threading.Thread(target=children.look, args=(stop,))
    watching.start()
    try:
        with footprint.watched():
            tasks = {}
            for number, (name, content) in enumerate(files.items()):
                kind = "Image" if name in PICTURES else "Video"
                tasks[name] = client.submit_asset(group, shelf.put(f"/hostile-media-{number}", content), asset_type=kind)
            ended = {name: client.ended(task_id, PATIENCE) for name, task_id in tasks.items()}
    finally:
        stop.set()
        watching.join()
    strange = {
        name: task["error"] for name, task in ended.items() if task["status"] == "failed" and task["error"]["code"] == "InternalError"
    }
    assert strange == {}
    began = time.monotonic()
    assert client.create_asset(group, shelf.put("/after.jpg", picture + b"after"))
    assert time.monotonic() - began < 10
    service.wait_for_empty_spool()
    grown, parsed = footprint.growth // 2**20, children.largest // 2**20
    print(f"{len(files)} files: the server grew by {grown} MiB, a parser had {parsed} MiB at most")
    assert footprint.growth < GROWTH
    assert 0 < children.largest < CHILD
    assert "ingest_crashed" not in service.server.log


@pytest.fixture(scope="module")
def picture(media: Path) -> bytes:
    """A picture without fault."""
    return make_jpeg(media / "besieged.jpg", 400, 400).read_bytes()


def test_hostile_files_of_every_kind_sixteen_at_once_leave_the_server_small(
    generous: Service, shelf: Shelf, picture: bytes, media: Path
) -> None:
    good = Good(media)
    files = {name: make() for name, (make, _) in PICTURES.items()} | {name: make(good) for name, (make, _) in RECORDINGS.items()}
    besiege(generous, shelf, files, picture)
