import asyncio
import contextlib
import importlib
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import pytest_asyncio

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.domain.media import MediaFormat
from spark_assets.media.confinement import Layers, offered_layers
from spark_assets.media.sandbox import SandboxedInspector
from tests.factories import media

pytestmark = pytest.mark.asyncio(loop_scope="module")
OFFERED = offered_layers()
needs_landlock = pytest.mark.skipif(not OFFERED.landlock, reason="this kernel offers no Landlock")
needs_seccomp = pytest.mark.skipif(not OFFERED.seccomp, reason="this kernel offers no seccomp filters")


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spool")


@pytest.fixture(scope="module")
def probes(spool: Path) -> Iterator[ModuleType]:
    """Work for children, put where a confined child may read it."""
    shutil.copy(Path(__file__).with_name("probes.py"), spool / "parser_probes.py")
    sys.path.insert(0, str(spool))
    yield importlib.import_module("parser_probes")
    sys.path.remove(str(spool))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def inspector(spool: Path, probes: ModuleType) -> AsyncIterator[SandboxedInspector]:
    os.environ["A_SECRET_OF_THE_SERVER"] = "xyzzy"
    made = SandboxedInspector(spool, workers=1, wall_time=2.0)
    await made.start()
    yield made
    await made.close()
    del os.environ["A_SECRET_OF_THE_SERVER"]


async def run(inspector: SandboxedInspector, function: Callable[..., object], *arguments: bytes) -> bytes:
    """Run a probe as if it were a job: the same pool, the same limits, the same way for errors."""
    return await inspector._call(function, *arguments)  # type: ignore[arg-type]


async def appeared(path: Path) -> str:
    async with asyncio.timeout(10):
        while not path.exists() or not path.read_text():  # noqa: ASYNC110 - another process writes the file
            await asyncio.sleep(0.01)
    return path.read_text()


async def assert_still_works(inspector: SandboxedInspector, spool: Path) -> None:
    inspection = await inspector.inspect(media.make_jpeg(spool / "next", 320, 200), MediaFormat.JPEG, None)
    assert inspection.facts.width == 320


async def test_a_picture_is_measured_and_leaves_its_preview(inspector: SandboxedInspector, spool: Path) -> None:
    inspection = await inspector.inspect(media.make_jpeg(spool / "a", 800, 600, orientation=6), MediaFormat.JPEG, spool / "a.preview")
    assert (inspection.facts.width, inspection.facts.height, inspection.has_preview) == (600, 800, True)
    assert (spool / "a.preview").stat().st_size > 500


@pytest.mark.parametrize(
    ("found", "maker"),
    [
        (MediaFormat.HEIC, lambda path: media.make_heic(path, 320, 200)),
        (MediaFormat.WEBP, lambda path: media.make_webp(path, 320, 200, frames=3)),
        (MediaFormat.TIFF, lambda path: media.make_tiff(path, 320, 200)),
        (MediaFormat.MP4, lambda path: media.make_video(path, 320, 320, audio=True)),
        (MediaFormat.MOV, lambda path: media.make_mov(path, 320, 240, rotation=90)),
        (MediaFormat.WAV, media.make_wav),
        (MediaFormat.MP3, media.make_mp3),
    ],
    ids=lambda item: item.value if isinstance(item, MediaFormat) else "",
)
async def test_every_kind_of_file_is_read_and_drawn_under_confinement(
    found: MediaFormat, maker: Callable[[Path], Path], inspector: SandboxedInspector, spool: Path
) -> None:
    path = maker(spool / "b")
    assert (await inspector.inspect(path, found, spool / "b.preview")).facts.format is found
    assert await inspector.preview(path, found, spool / "b.later")
    assert (spool / "b.later").read_bytes().startswith(b"\xff\xd8")


async def test_a_corrupt_file_is_refused_with_plain_words(inspector: SandboxedInspector, spool: Path) -> None:
    path = media.cut(media.make_jpeg(spool / "whole"), spool / "c")
    with pytest.raises(IngestFailure) as caught:
        await inspector.inspect(path, MediaFormat.JPEG, None)
    assert (caught.value.code, caught.value.reason) == ("MediaCorrupt", None)
    assert str(spool) not in caught.value.message


async def test_a_missing_file_is_no_fault_of_its_content(inspector: SandboxedInspector, spool: Path) -> None:
    with pytest.raises(TransientFailure) as caught:
        await inspector.inspect(spool / "missing", MediaFormat.JPEG, None)
    assert (caught.value.code, caught.value.reason) == ("InternalError", "storage_unavailable")


async def test_a_killed_child_costs_its_own_job_alone(inspector: SandboxedInspector, spool: Path, probes: ModuleType) -> None:
    job = asyncio.create_task(run(inspector, probes.linger, bytes(spool / "mark")))
    os.kill(int(await appeared(spool / "mark")), signal.SIGKILL)
    with pytest.raises(TransientFailure) as caught:
        await job
    assert (caught.value.code, caught.value.reason) == ("InternalError", "parser_crashed")
    await assert_still_works(inspector, spool)


async def test_a_fault_in_native_code_costs_its_own_job_alone(inspector: SandboxedInspector, spool: Path, probes: ModuleType) -> None:
    with pytest.raises(TransientFailure) as caught:
        await run(inspector, probes.crash)
    assert caught.value.reason == "parser_crashed"
    await assert_still_works(inspector, spool)


async def test_cancelling_kills_the_child(inspector: SandboxedInspector, spool: Path, probes: ModuleType) -> None:
    job = asyncio.create_task(run(inspector, probes.linger, bytes(spool / "cancelled")))
    child = int(await appeared(spool / "cancelled"))
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    await assert_still_works(inspector, spool)
    assert not Path(f"/proc/{child}").exists()


async def test_an_idle_child_that_is_killed_costs_at_most_one_attempt(
    inspector: SandboxedInspector, spool: Path, probes: ModuleType
) -> None:
    child = int(await run(inspector, probes.tell_process))
    os.kill(child, signal.SIGKILL)
    with contextlib.suppress(TransientFailure):
        await assert_still_works(inspector, spool)
    await assert_still_works(inspector, spool)


async def test_a_file_that_takes_too_long_is_stopped(inspector: SandboxedInspector, spool: Path, probes: ModuleType) -> None:
    started = time.monotonic()
    with pytest.raises(IngestFailure) as caught:
        await run(inspector, probes.linger, bytes(spool / "slow"))
    assert (caught.value.code, caught.value.reason) == ("InternalError", "parser_timeout")
    assert not isinstance(caught.value, TransientFailure)
    assert time.monotonic() - started < 4
    await assert_still_works(inspector, spool)


async def test_memory_ends_at_the_limit(inspector: SandboxedInspector, spool: Path, probes: ModuleType) -> None:
    pieces = int(await run(inspector, probes.hog_memory))
    assert 0 < pieces < 16
    await assert_still_works(inspector, spool)


async def test_a_picture_that_needs_too_much_memory_is_refused(spool: Path) -> None:
    small = SandboxedInspector(spool, workers=1, memory=300 * 2**20)
    try:
        with pytest.raises(IngestFailure) as caught:
            await small.inspect(media.make_png_bomb(spool / "large", 9_900, 9_900, colour=True), MediaFormat.PNG, None)
        assert caught.value.code == "MediaCorrupt"
        assert "memory" in caught.value.message
    finally:
        await small.close()


async def test_an_answer_that_would_run_code_is_not_unpickled(inspector: SandboxedInspector, spool: Path, probes: ModuleType) -> None:
    with pytest.raises(TransientFailure) as caught:
        await run(inspector, probes.send_poison, bytes(spool / "pwned"))  # type: ignore[arg-type]
    assert caught.value.reason == "parser_crashed"
    assert not (spool / "pwned").exists()
    await assert_still_works(inspector, spool)


async def test_a_child_knows_nothing_of_the_environment_and_holds_no_socket(inspector: SandboxedInspector, probes: ModuleType) -> None:
    variables, sockets, seen = (int(word) for word in (await run(inspector, probes.tell_surroundings)).split())
    assert (variables, sockets, seen) == (0, 0, 0)


async def test_the_layers_that_hold_are_those_the_kernel_offers(inspector: SandboxedInspector) -> None:
    layers = await inspector.active_layers()
    assert isinstance(layers, Layers)
    assert layers == OFFERED


@needs_seccomp
async def test_a_child_has_no_network(inspector: SandboxedInspector, probes: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1]).encode()
        assert await run(inspector, probes.attempt_connection, port) == b"refused 1"


@needs_seccomp
async def test_a_child_can_start_no_program_and_no_process_and_signal_nobody(inspector: SandboxedInspector, probes: ModuleType) -> None:
    assert await run(inspector, probes.attempt_program) == b"refused 1"
    assert await run(inspector, probes.attempt_process) == b"refused 1"
    assert await run(inspector, probes.attempt_signal, str(os.getpid()).encode()) == b"refused 1"


@needs_landlock
async def test_a_child_reads_and_writes_beneath_the_spool_only(
    inspector: SandboxedInspector, spool: Path, tmp_path: Path, probes: ModuleType
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (spool / "own").write_bytes(b"own")
    assert await run(inspector, probes.attempt_reading, bytes(spool / "own")) == b"read own"
    assert await run(inspector, probes.attempt_reading, bytes(tmp_path / "secret")) == b"refused 13"
    assert await run(inspector, probes.attempt_reading, b"/etc/hostname") == b"refused 13"
    assert await run(inspector, probes.attempt_reading, b"/proc/self/environ") == b"refused 13"
    assert await run(inspector, probes.attempt_writing, bytes(tmp_path / "other")) == b"refused 13"
    assert await run(inspector, probes.attempt_writing, bytes(Path(media.__file__).with_suffix(".txt"))) == b"refused 13"


async def test_children_are_replaced_after_their_share_of_files(spool: Path) -> None:
    short_lived = SandboxedInspector(spool, workers=2, jobs_per_child=2)
    try:
        path = media.make_jpeg(spool / "shared", 320, 200)
        inspections = await asyncio.gather(*(short_lived.inspect(path, MediaFormat.JPEG, None) for _ in range(9)))
        assert {inspection.facts.width for inspection in inspections} == {320}
    finally:
        await short_lived.close()


async def test_after_closing_nothing_is_left(spool: Path, probes: ModuleType) -> None:
    brief = SandboxedInspector(spool, workers=1)
    waiting = asyncio.create_task(run(brief, probes.linger, bytes(spool / "closing")))
    child = int(await appeared(spool / "closing"))
    await brief.close()
    with pytest.raises(TransientFailure):
        await waiting
    assert not Path(f"/proc/{child}").exists()
    with pytest.raises(TransientFailure):
        await brief.inspect(spool / "any", MediaFormat.JPEG, None)
