"""The process that makes files durable: what becomes of requests when it dies, and of it when the server does."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from spark_assets.domain.errors import Unavailable
from spark_assets.storage.keeper import Keeper
from spark_assets.storage.local import LocalBlobStore
from tests.factories.spark_processes import environment

NAME = "originals/ab/abc"
SERVER = """
import asyncio, sys
from pathlib import Path
from spark_assets.storage.keeper import Keeper

async def serve(root):
    keeper = Keeper(root)
    await keeper.publish(root / "source", root / "target", is_synced=False)
    print(flush=True)
    await asyncio.sleep(60)

asyncio.run(serve(Path(sys.argv[1])))
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalBlobStore]:
    store = LocalBlobStore(tmp_path, keeper=Keeper(tmp_path))
    yield store
    await store.close()


@pytest.fixture
def spool(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / f"spooled-{len(data)}-{data[:6].decode()}"
        path.write_bytes(data)
        return path

    return write


def _keepers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "storage.keeper" in " ".join(child.cmdline())]


async def test_a_file_is_synced_before_it_is_named_and_nothing_of_it_changes(store: LocalBlobStore, spool: Callable[[bytes], Path]) -> None:
    source = spool(b"bytes")
    before = source.stat()
    prepared = store.prepare(source)
    assert prepared is not None
    assert await prepared
    assert (source.stat().st_ctime_ns, source.stat().st_mtime_ns) == (before.st_ctime_ns, before.st_mtime_ns)
    await store.put(source, NAME, "image/png", prepared)
    assert await store.size(NAME) == 5


async def test_a_file_that_could_not_be_synced_beforehand_is_synced_when_it_is_named(store: LocalBlobStore, tmp_path: Path) -> None:
    source = tmp_path / "late"
    prepared = store.prepare(source)
    assert prepared is not None
    assert not await prepared
    source.write_bytes(b"bytes")
    await store.put(source, NAME, "image/png", prepared)
    assert await store.size(NAME) == 5


async def test_a_keeper_that_dies_costs_its_requests_alone(store: LocalBlobStore, spool: Callable[[bytes], Path]) -> None:
    await store.put(spool(b"first"), NAME, "image/png")
    (keeper,) = _keepers()
    keeper.suspend()
    waiting = asyncio.ensure_future(store.put(spool(b"second"), "originals/cd/cde", "image/png"))
    await asyncio.sleep(0)
    keeper.kill()
    with pytest.raises(Unavailable):
        await waiting
    await store.put(spool(b"third"), "originals/ef/efg", "image/png")
    assert await store.size("originals/ef/efg") == 5
    assert [other.pid != keeper.pid for other in _keepers()] == [True]


async def test_hundreds_of_requests_at_once_are_all_answered(store: LocalBlobStore, tmp_path: Path) -> None:
    for number in range(700):
        (tmp_path / f"source-{number}").write_bytes(b"x" * number)
    names = [f"originals/{number:03d}" for number in range(700)]
    await asyncio.gather(*(store.put(tmp_path / f"source-{number}", name, "image/png") for number, name in enumerate(names)))
    assert [blob.size for name in names async for blob in store.list(name)] == list(range(700))


async def test_a_closed_store_leaves_no_process(tmp_path: Path, spool: Callable[[bytes], Path]) -> None:
    store = LocalBlobStore(tmp_path, keeper=Keeper(tmp_path))
    await store.put(spool(b"bytes"), NAME, "image/png")
    assert len(_keepers()) == 1
    await store.close()
    assert _keepers() == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_keeper_ends_with_its_server_however_that_ends(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"bytes")
    with subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, env=environment()) as server:
        assert server.stdout is not None
        server.stdout.readline()
        (keeper,) = psutil.Process(server.pid).children()
        server.send_signal(number)
    psutil.wait_procs([keeper], timeout=10)
    assert not keeper.is_running()


def test_a_failpoint_in_the_keeper_kills_the_server_too(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"bytes")
    variables = {**environment(), "SPARK_ASSETS_FAILPOINT": "blob-renamed"}
    ended = subprocess.run([sys.executable, "-c", SERVER, str(tmp_path)], capture_output=True, env=variables, check=False, timeout=30)
    assert ended.returncode == -signal.SIGKILL
    assert b"failpoint reached: blob-renamed" in ended.stderr
    assert (tmp_path / "target").exists()
    assert not (tmp_path / "source").exists()
