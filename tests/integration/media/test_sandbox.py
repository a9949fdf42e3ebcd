import asyncio
import contextlib
import os
import pickle
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.domain.media import MediaFormat
from spark_assets.media.sandbox import SandboxedInspector
from spark_assets.ports.inspector import WORKING_FOLDER
from spark_assets.ports.metrics import Count
from tests.factories import media
from tests.factories.tallies import Tally
from tests.integration.media import probes
from tests.integration.media.conftest import CAPTIVE, assert_gone, assert_still_works, run, start_lingering

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Poison:
    """Unpickled, it would run a function of its choice."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.target,)


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


async def test_a_killed_child_costs_its_own_job_alone(inspector: SandboxedInspector, spool: Path) -> None:
    child, job = await start_lingering(inspector)
    os.kill(child, signal.SIGKILL)
    with pytest.raises(TransientFailure) as caught:
        await job
    assert (caught.value.code, caught.value.reason) == ("InternalError", "parser_crashed")
    await assert_still_works(inspector, spool)


async def test_a_fault_in_native_code_costs_its_own_job_alone(inspector: SandboxedInspector, spool: Path) -> None:
    with pytest.raises(TransientFailure) as caught:
        await run(inspector, probes.crash)
    assert caught.value.reason == "parser_crashed"
    await assert_still_works(inspector, spool)


async def test_cancelling_kills_the_child(inspector: SandboxedInspector, spool: Path) -> None:
    child, job = await start_lingering(inspector)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    await assert_still_works(inspector, spool)
    await assert_gone(child)


async def test_an_idle_child_that_is_killed_costs_at_most_one_attempt(inspector: SandboxedInspector, spool: Path) -> None:
    child = int(await run(inspector, probes.tell_process))
    os.kill(child, signal.SIGKILL)
    with contextlib.suppress(TransientFailure):
        await assert_still_works(inspector, spool)
    await assert_still_works(inspector, spool)


async def test_a_file_that_takes_too_long_is_stopped(inspector: SandboxedInspector, spool: Path) -> None:
    started = time.monotonic()
    with pytest.raises(IngestFailure) as caught:
        await run(inspector, probes.linger)
    assert (caught.value.code, caught.value.reason) == ("InternalError", "parser_timeout")
    assert not isinstance(caught.value, TransientFailure)
    assert time.monotonic() - started < 4
    await assert_still_works(inspector, spool)


async def test_memory_ends_at_the_limit(spool: Path) -> None:
    # Filling the memory takes longer than the other tests' time limit on a busy machine.
    patient = SandboxedInspector(spool, workers=1, program=CAPTIVE)
    try:
        assert 0 < int(await run(patient, probes.hog_memory)) < 16
        await assert_still_works(patient, spool)
    finally:
        await patient.close()


async def test_a_picture_that_needs_too_much_memory_is_refused(spool: Path) -> None:
    small = SandboxedInspector(spool, workers=1, memory=300 * 2**20)
    try:
        with pytest.raises(IngestFailure) as caught:
            await small.inspect(media.make_png_bomb(spool / "large", 9_900, 9_900, colour=True), MediaFormat.PNG, None)
        assert caught.value.code == "MediaCorrupt"
        assert "memory" in caught.value.message
    finally:
        await small.close()


async def test_an_answer_that_would_run_code_is_not_unpickled(inspector: SandboxedInspector, spool: Path) -> None:
    await run(inspector, probes.answer_from_now_on, pickle.dumps(Poison(str(spool / "pwned"))))
    with pytest.raises(TransientFailure) as caught:
        await inspector.inspect(media.make_jpeg(spool / "any"), MediaFormat.JPEG, None)
    assert caught.value.reason == "parser_crashed"
    assert not (spool / "pwned").exists()
    await assert_still_works(inspector, spool)


async def test_children_are_replaced_after_their_share_of_files(spool: Path) -> None:
    tally = Tally()
    short_lived = SandboxedInspector(spool, workers=2, jobs_per_child=2, metrics=tally)
    try:
        paths = [media.make_jpeg(spool / f"one of {number}", 320, 200) for number in range(9)]
        inspections = await asyncio.gather(*(short_lived.inspect(path, MediaFormat.JPEG, None) for path in paths))
        assert {inspection.facts.width for inspection in inspections} == {320}
        assert tally.counts[Count.PARSER_CHILDREN, "recycled"] == 4
        assert tally.counts[Count.PARSER_CHILDREN, "started"] == 5
    finally:
        await short_lived.close()


async def test_after_closing_nothing_is_left(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    brief = SandboxedInspector(spool, workers=1, program=CAPTIVE)
    child, waiting = await start_lingering(brief)
    await brief.close()
    with pytest.raises(TransientFailure):
        await waiting
    assert not Path(f"/proc/{child}").exists()
    assert list(tmp_path.iterdir()) == [spool]
    with pytest.raises(TransientFailure):
        await brief.inspect(media.make_jpeg(spool / "any"), MediaFormat.JPEG, None)


async def test_a_file_of_another_file_system_is_lent_as_a_copy(inspector: SandboxedInspector, spool: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == spool.stat().st_dev:
        pytest.skip("there is no second file system here")
    with tempfile.TemporaryDirectory(dir=elsewhere) as folder:
        path = media.make_jpeg(Path(folder) / "far", 320, 200)
        assert (await inspector.inspect(path, MediaFormat.JPEG, spool / "far.preview")).has_preview


async def test_a_symbolic_link_is_not_followed(inspector: SandboxedInspector, spool: Path) -> None:
    (spool / "pointing").symlink_to(media.make_jpeg(spool / "pointed at"))
    with pytest.raises(TransientFailure) as caught:
        await inspector.inspect(spool / "pointing", MediaFormat.JPEG, None)
    assert caught.value.reason == "storage_unavailable"


async def test_a_preview_that_cannot_be_written_is_no_fault_of_the_file(inspector: SandboxedInspector, spool: Path) -> None:
    path = media.make_jpeg(spool / "drawn", 320, 200)
    with pytest.raises(TransientFailure) as caught:
        await inspector.inspect(path, MediaFormat.JPEG, spool / "no folder" / "preview")
    assert caught.value.reason == "storage_unavailable"


async def test_a_lending_folder_that_somebody_removed_is_made_anew(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    lasting = SandboxedInspector(spool, workers=1)
    try:
        await assert_still_works(lasting, spool)
        for folder in tmp_path.glob(f"{WORKING_FOLDER}*"):
            shutil.rmtree(folder)
        await assert_still_works(lasting, spool)
    finally:
        await lasting.close()
