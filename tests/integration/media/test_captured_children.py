"""A child that was taken over by its file, and now turns on the parent, the machine, or whoever comes next."""

import asyncio
import os
import platform
import resource
import struct
import time
from pathlib import Path
from typing import Final

import psutil
import pytest

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.domain.media import MediaFormat
from spark_assets.media.sandbox import MEMORY, SandboxedInspector
from tests.factories import media
from tests.integration.media import probes
from tests.integration.media.conftest import CAPTIVE, assert_still_works, needs_landlock, needs_seccomp, run

pytestmark = pytest.mark.asyncio(loop_scope="module")
COLUMN: Final = 0 if platform.machine() == "x86_64" else 1
PRIVATE: Final = 0
NEW_SEGMENT: Final = 0o1600
CALLS: Final[dict[str, tuple[tuple[int, int], tuple[int, ...]]]] = {
    "fork": ((57, 220), (17, 0, 0, 0, 0)),
    "clone": ((56, 220), (17, 0, 0, 0, 0)),
    "execve": ((59, 221), (0, 0, 0)),
    "execveat": ((322, 281), (-100, 0, 0, 0, 0)),
    "ptrace": ((101, 117), (16, 1, 0, 0)),
    "process_vm_readv": ((310, 270), (1, 0, 0, 0, 0, 0)),
    "pidfd_open": ((434, 434), (1, 0)),
    "socket": ((41, 198), (2, 1, 0)),
    "socketpair": ((53, 199), (1, 1, 0, 0)),
    "io_uring_setup": ((425, 425), (1, 0)),
    "mount": ((165, 40), (0, 0, 0, 0, 0)),
    "unshare": ((272, 97), (0x10000000,)),
    "bpf": ((321, 280), (0, 0, 0)),
    "shmget": ((29, 194), (PRIVATE, 2**31, NEW_SEGMENT)),
    "semget": ((64, 190), (PRIVATE, 1, NEW_SEGMENT)),
    "msgget": ((68, 186), (PRIVATE, NEW_SEGMENT)),
    "memfd_create": ((319, 279), (0, 0)),
    "setpriority": ((141, 140), (0, 0, -20)),
    "sched_setscheduler": ((144, 119), (0, 0, 0)),
    "sched_setaffinity": ((203, 122), (0, 0, 0)),
    "clock_settime": ((227, 112), (0, 0)),
    "sethostname": ((170, 161), (0, 0)),
    "syslog": ((103, 116), (10, 0, 0)),
    "kexec_file_load": ((320, 294), (-1, -1, 0, 0, 0)),
}
"""Numbers on x86-64 and on 64-bit ARM, and arguments: with EPERM the filter has answered, for the kernel would say something else."""


def own_memory() -> int:
    """The most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@needs_seccomp
async def test_a_child_reaches_neither_programs_processes_networks_lasting_memory_nor_switches(inspector: SandboxedInspector) -> None:
    calls = {name: (numbers[COLUMN], *arguments) for name, (numbers, arguments) in CALLS.items()}
    assert await run(inspector, probes.attempt_calls, calls) == b""


@needs_seccomp
async def test_a_child_can_send_its_parent_no_signal(inspector: SandboxedInspector) -> None:
    for process in (os.getpid(), os.getppid(), 1, -1):
        assert await run(inspector, probes.attempt_signal, process) == b"refused 1"


@needs_landlock
async def test_a_child_sees_nothing_of_its_parent(inspector: SandboxedInspector) -> None:
    for name in ("environ", "mem", "maps", "cmdline", "fd/0", "root/etc/passwd", "cwd/pyproject.toml"):
        assert await run(inspector, probes.attempt_reading, f"/proc/{os.getpid()}/{name}") == b"refused 13", name
    assert await run(inspector, probes.attempt_reading, "/dev/mem") in {b"refused 13", b"refused 2"}


async def test_a_child_starts_with_bare_hands_in_an_empty_place(inspector: SandboxedInspector) -> None:
    child = psutil.Process(int(await run(inspector, probes.tell_process)))
    assert list(Path(f"/proc/{child.pid}/cwd").iterdir()) == []
    assert Path(f"/proc/{child.pid}/environ").read_bytes() == b""
    targets = [str(link.readlink()) for link in Path(f"/proc/{child.pid}/fd").iterdir()]
    assert all(target == "/dev/null" or target.startswith("pipe:") for target in targets), targets
    status = Path(f"/proc/{child.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert {line for line in status.splitlines() if line.startswith(("CapEff", "CapPrm", "CapInh"))} == {
        f"{name}:\t{0:016x}" for name in ("CapEff", "CapPrm", "CapInh")
    }
    limits = {name: child.rlimit(getattr(psutil, name)) for name in ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE")}
    assert limits == {"RLIMIT_AS": (MEMORY,) * 2, "RLIMIT_FSIZE": (0, 0), "RLIMIT_NOFILE": (64, 64), "RLIMIT_CORE": (0, 0)}


async def test_the_processor_time_of_a_child_ends_soon_after_its_job_should(inspector: SandboxedInspector, spool: Path) -> None:
    await assert_still_works(inspector, spool)
    child = psutil.Process(int(await run(inspector, probes.tell_process)))
    used = child.cpu_times()
    soft, _ = child.rlimit(psutil.RLIMIT_CPU)
    assert 0 < soft - (used.user + used.system) <= 2.0 + 2


async def test_a_child_cannot_raise_its_limits_nor_take_two_gibibytes(inspector: SandboxedInspector) -> None:
    assert await run(inspector, probes.hold_at_once, 2**31) == b"refused 12"
    assert await run(inspector, probes.raise_own_limits) == b""


async def test_a_child_that_spins_deaf_to_signals_ends_at_its_time(inspector: SandboxedInspector, spool: Path) -> None:
    child = int(await run(inspector, probes.tell_process))
    started = time.monotonic()
    with pytest.raises(IngestFailure) as caught:
        await run(inspector, probes.spin)
    assert caught.value.reason == "parser_timeout"
    assert time.monotonic() - started < 2.0 + 2.5
    assert not psutil.pid_exists(child)
    await assert_still_works(inspector, spool)


def framed(message: bytes) -> bytes:
    return struct.pack("!i", len(message)) + message


@pytest.mark.parametrize(
    "said",
    [
        pytest.param((b"\xff" * 60_000, 10_000), id="half a gigabyte of rubbish"),
        pytest.param((struct.pack("!iQ", -1, 2**40) + b"x" * 60_000,), id="a message of a terabyte"),
        pytest.param((framed(b"\x80\x04Nr\xff\xff\xff\x07."),), id="a place in a memo of two gigabytes"),
        pytest.param((framed(b"\x80\x04N" + b"2" * 1_000_000 + b"."),), id="a million values"),
        pytest.param((framed(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."),), id="a program to run"),
        pytest.param((framed(b""),), id="nothing"),
    ],
)
async def test_whatever_a_child_says_past_the_guards_costs_the_parent_no_memory(
    said: tuple[object, ...], inspector: SandboxedInspector, spool: Path
) -> None:
    captured = await run(inspector, probes.tell_process)
    await run(inspector, probes.say_from_now_on, *said)
    before = own_memory()
    with pytest.raises(TransientFailure) as caught:
        await inspector.inspect(media.make_jpeg(spool / "any"), MediaFormat.JPEG, None)
    assert caught.value.reason == "parser_crashed"
    assert own_memory() - before < 64 * 2**20
    await assert_still_works(inspector, spool)
    assert await run(inspector, probes.tell_process) != captured


async def test_a_message_that_never_ends_is_waited_for_no_longer_than_the_job(inspector: SandboxedInspector, spool: Path) -> None:
    started = time.monotonic()
    with pytest.raises(IngestFailure) as caught:
        await run(inspector, probes.say, struct.pack("!i", 10**6) + b"x")
    assert caught.value.reason == "parser_timeout"
    assert time.monotonic() - started < 2.0 + 5
    await assert_still_works(inspector, spool)


async def test_a_parser_whose_child_is_captured_can_still_be_closed(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    brief = SandboxedInspector(tmp_path / "spool", workers=1, program=CAPTIVE)
    child = int(await run(brief, probes.tell_process))
    waiting = asyncio.create_task(run(brief, probes.say, struct.pack("!i", 10**6) + b"x"))
    async with asyncio.timeout(10):
        while psutil.Process(child).status() != psutil.STATUS_SLEEPING or brief._idle:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        await brief.close()
    with pytest.raises(IngestFailure):
        await waiting
    assert not psutil.pid_exists(child)


async def test_no_job_however_large_its_file_passes_the_memory_of_a_child(spool: Path) -> None:
    roomy = SandboxedInspector(spool, workers=1, program=CAPTIVE)
    try:
        path = media.make_png_bomb(spool / "large", 9_990, 9_990, colour=True)
        with pytest.raises(IngestFailure):
            await roomy.inspect(path, MediaFormat.PNG, spool / "large.preview")
        child = int(await run(roomy, probes.tell_process))
        peak = int(Path(f"/proc/{child}/status").read_text().split("VmPeak:")[1].split()[0]) * 1024
        assert peak <= MEMORY
    finally:
        await roomy.close()
