import asyncio
import math
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from spark_assets.domain.errors import TransientFailure
from spark_assets.domain.media import MediaFacts, MediaFormat
from spark_assets.media.confinement import Layers
from spark_assets.media.messages import Drawn, Measured, Refused
from spark_assets.media.sandbox import SandboxedInspector
from spark_assets.ports.inspector import Inspection
from tests.factories import media
from tests.integration.media import probes
from tests.integration.media.conftest import (
    CAPTIVE,
    OFFERED,
    PROBES,
    assert_still_works,
    attempt,
    needs_landlock,
    needs_seccomp,
    run,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
FACTS = MediaFacts(format=MediaFormat.JPEG, width=1, height=1, frame_count=1)
JPEG = b"\xff\xd8\xff\xe0"


async def test_the_layers_that_hold_are_those_the_kernel_offers(inspector: SandboxedInspector) -> None:
    layers = await inspector.active_layers()
    assert isinstance(layers, Layers)
    assert layers == OFFERED


async def test_a_child_knows_nothing_of_the_environment_and_holds_no_socket(inspector: SandboxedInspector) -> None:
    variables, sockets, seen = (int(word) for word in (await run(inspector, probes.tell_surroundings)).split())
    assert (variables, sockets, seen) == (0, 0, 0)


@needs_seccomp
async def test_a_child_has_no_network(inspector: SandboxedInspector) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert await run(inspector, probes.attempt_connection, server.getsockname()[1]) == b"refused 1"


@needs_seccomp
async def test_a_child_can_start_no_program_and_no_process_and_signal_nobody(inspector: SandboxedInspector) -> None:
    assert await run(inspector, probes.attempt_program) == b"refused 1"
    assert await run(inspector, probes.attempt_process) == b"refused 1"
    assert await run(inspector, probes.attempt_signal, os.getpid()) == b"refused 1"


@needs_landlock
async def test_a_child_reads_the_file_of_its_job_and_no_other(inspector: SandboxedInspector, spool: Path, tmp_path: Path) -> None:
    (spool / "own").write_bytes(b"own")
    (spool / "foreign").write_bytes(b"of another project")
    (tmp_path / "secret").write_bytes(b"secret")
    async with inspector._turn() as parser, parser.lend(spool / "own") as lent:
        assert await attempt(parser, probes.attempt_reading, str(lent)) == b"read own"
        for other in (spool / "own", spool / "foreign", tmp_path / "secret", Path("/etc/hostname"), Path("/proc/self/environ")):
            assert await attempt(parser, probes.attempt_reading, str(other)) == b"refused 13"


@needs_landlock
async def test_a_child_learns_no_names(inspector: SandboxedInspector, spool: Path) -> None:
    (spool / "own").write_bytes(b"own")
    async with inspector._turn() as parser, parser.lend(spool / "own") as lent:
        for folder in (lent.parent, lent.parents[1], spool, spool.parent, Path("/"), Path("/proc")):
            assert await attempt(parser, probes.attempt_listing, str(folder)) == b"refused 13"


@needs_landlock
async def test_a_child_cannot_read_what_another_child_is_lent(spool: Path) -> None:
    pair = SandboxedInspector(spool, workers=2, program=CAPTIVE)
    for name in ("first", "second"):
        (spool / name).write_bytes(name.encode())
    try:
        async with (
            pair._turn() as one,
            pair._turn() as other,
            one.lend(spool / "first") as first,
            other.lend(spool / "second") as second,
        ):
            assert await attempt(one, probes.attempt_reading, str(first)) == b"read first"
            assert await attempt(one, probes.attempt_reading, str(second)) == b"refused 13"
            assert await attempt(other, probes.attempt_reading, str(second)) == b"read second"
    finally:
        await pair.close()


async def test_a_file_is_lent_for_as_long_as_its_job_only(inspector: SandboxedInspector, spool: Path) -> None:
    (spool / "own").write_bytes(b"own")
    async with inspector._turn() as parser:
        async with parser.lend(spool / "own") as lent:
            pass
        assert await attempt(parser, probes.attempt_reading, str(lent)) == b"refused 2"
        assert list(lent.parent.iterdir()) == []
    assert (spool / "own").stat().st_nlink == 1


@pytest.mark.skipif(not (OFFERED.landlock or OFFERED.seccomp), reason="this kernel offers neither Landlock nor seccomp filters")
async def test_a_child_can_change_neither_its_own_file_nor_another(inspector: SandboxedInspector, spool: Path) -> None:
    for name in ("own", "foreign"):
        (spool / name).write_bytes(b"as it was hashed")
    async with inspector._turn() as parser, parser.lend(spool / "own") as lent:
        before = lent.stat()
        for path in (lent, spool / "own", spool / "foreign"):
            assert await attempt(parser, probes.attempt_changing, str(path)) == b""
        assert (lent.stat().st_ctime_ns, lent.read_bytes()) == (before.st_ctime_ns, b"as it was hashed")
    assert (spool / "foreign").read_bytes() == b"as it was hashed"


@pytest.mark.skipif(not (OFFERED.landlock or OFFERED.seccomp), reason="this kernel offers neither Landlock nor seccomp filters")
async def test_a_child_can_make_nothing_anywhere(inspector: SandboxedInspector, spool: Path, tmp_path: Path) -> None:
    (spool / "own").write_bytes(b"own")
    async with inspector._turn() as parser, parser.lend(spool / "own") as lent:
        for folder in (lent.parent, lent.parents[1] / "empty", spool, tmp_path, Path("/tmp"), Path(media.__file__).parent):
            outcome = await attempt(parser, probes.attempt_making, str(folder / "made by a child"))
            assert outcome == (b"refused 1" if OFFERED.seccomp else b"refused 13")
            assert not (folder / "made by a child").exists()


def confined_alone(confinement: str, probe: str, *arguments: object) -> str:
    """What a probe achieves in a process with one layer alone."""
    program = (
        f"import ctypes; from pathlib import Path\n{PROBES}\nassert ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0\n"
        f"{confinement}\nprint({probe}(*{arguments!r}).decode())"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    return ended.stdout.strip()


async def test_the_ways_to_change_a_file_work_for_a_process_that_is_not_confined(tmp_path: Path) -> None:
    (tmp_path / "own").write_bytes(b"own")
    changed = await asyncio.to_thread(confined_alone, "", "attempt_changing", str(tmp_path / "own"))
    assert set(changed.split(", ")) >= {
        *("write", "update", "append", "write through its descriptor", "empty by opening", "truncate"),
        *("chmod", "utime", "link", "rename", "unlink"),
    }
    assert await asyncio.to_thread(confined_alone, "", "attempt_making", str(tmp_path / "new")) == "done and refused 17"


@needs_landlock
async def test_landlock_alone_keeps_contents_and_names_of_files(tmp_path: Path) -> None:
    (tmp_path / "own").write_bytes(b"own")
    layer = f"from spark_assets.media.landlock import restrict_files; assert restrict_files([], [Path({str(tmp_path)!r})])"
    changed = await asyncio.to_thread(confined_alone, layer, "attempt_changing", str(tmp_path / "own"))
    assert set(changed.split(", ")) <= {"chmod", "utime", "setxattr", "empty by opening", "truncate"}
    assert await asyncio.to_thread(confined_alone, layer, "attempt_making", str(tmp_path / "new")) == "refused 13"


@needs_seccomp
async def test_seccomp_alone_keeps_every_file_from_change(tmp_path: Path) -> None:
    (tmp_path / "own").write_bytes(b"own")
    layer = "from spark_assets.media.seccomp import refuse_calls; assert refuse_calls()"
    assert await asyncio.to_thread(confined_alone, layer, "attempt_changing", str(tmp_path / "own")) == ""
    assert await asyncio.to_thread(confined_alone, layer, "attempt_making", str(tmp_path / "new")) == "refused 1"
    assert (tmp_path / "own").read_bytes() == b"own"


async def test_a_file_that_changes_while_it_is_parsed_is_not_accepted(inspector: SandboxedInspector, spool: Path) -> None:
    async def change(how: str) -> None:
        path = spool / "changing"
        path.write_bytes(b"as it was hashed")
        async with inspector._turn() as parser, parser.lend(path) as lent:
            if how == "gone":
                path.unlink()
            elif how == "replaced":
                (spool / "other").write_bytes(b"as it was hashed")
                (spool / "other").replace(path)
            else:
                lent.write_bytes(b"other bytes than" + (b"" if how == "content" else b" before"))

    for how in ("content", "length", "replaced", "gone"):
        with pytest.raises(TransientFailure) as caught:
            await change(how)
        assert caught.value.reason == "parser_crashed", how
    await assert_still_works(inspector, spool)


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(b"no message at all", id="garbage"),
        pytest.param("words", id="no bytes"),
        pytest.param(b"\x00" * (3 * 2**20), id="a message that is too long"),
        pytest.param(Drawn(JPEG), id="an answer to another question"),
        pytest.param(Measured(Inspection(FACTS, True), b"<svg onload='...'/>"), id="a preview that is no picture"),
        pytest.param(Measured(Inspection(FACTS, True), JPEG * 2**18 + JPEG), id="a preview that is too large"),
        pytest.param(Measured(Inspection(MediaFacts(format=MediaFormat.PNG), True), JPEG), id="facts of another format"),
        pytest.param(Measured(Inspection(msgspec.structs.replace(FACTS, duration=math.nan), True), JPEG), id="facts that are no numbers"),
        pytest.param(Measured(Inspection(msgspec.structs.replace(FACTS, width=2**63), True), JPEG), id="facts too large to store"),
        pytest.param(Refused("MediaCorrupt", "x" * 100_000, None), id="a message without end"),
    ],
)
async def test_a_captured_child_that_lies_beyond_belief_is_replaced(lie: object, inspector: SandboxedInspector, spool: Path) -> None:
    answer = lie if isinstance(lie, bytes | str) else msgspec.msgpack.encode(lie)
    captured = await run(inspector, probes.tell_process)
    await run(inspector, probes.answer_from_now_on, answer)
    with pytest.raises(TransientFailure) as caught:
        await inspector.inspect(media.make_jpeg(spool / "lied about"), MediaFormat.JPEG, spool / "lied.preview")
    assert caught.value.reason == "parser_crashed"
    assert not (spool / "lied.preview").exists()
    await assert_still_works(inspector, spool)
    assert await run(inspector, probes.tell_process) != captured


async def test_a_preview_nobody_asked_for_is_not_taken(inspector: SandboxedInspector, spool: Path) -> None:
    await run(inspector, probes.answer_from_now_on, msgspec.msgpack.encode(Measured(Inspection(FACTS, True), JPEG)))
    with pytest.raises(TransientFailure):
        await inspector.inspect(media.make_jpeg(spool / "unasked"), MediaFormat.JPEG, None)
    await assert_still_works(inspector, spool)
