"""Good files of every format, damaged at random from a seed: whatever comes of it has a code and ends with its own job."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import pytest

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.ingest_codes import INGEST_CODES
from spark_assets.domain.media import MediaFormat
from spark_assets.ingest.sniff import recognise
from spark_assets.media.parser import PROGRAM
from spark_assets.media.sandbox import MEMORY, WALL_TIME, SandboxedInspector
from spark_assets.ports.source import HEAD_LENGTH
from tests.factories import media
from tests.integration.media.conftest import assert_still_works

CODES: Final = {item.code for item in INGEST_CODES}
REASONS: Final = {None, "parser_crashed", "parser_timeout"}
MAKERS: Final[dict[MediaFormat, Callable[[Path], Path]]] = {
    MediaFormat.JPEG: lambda path: media.make_jpeg(path, 96, 64, orientation=6, gps=True, progressive=True),
    MediaFormat.PNG: lambda path: media.make_png(path, 96, 64, frames=3),
    MediaFormat.WEBP: lambda path: media.make_webp(path, 96, 64, frames=3, orientation=6),
    MediaFormat.BMP: lambda path: media.make_bmp(path, 96, 64),
    MediaFormat.TIFF: lambda path: media.make_tiff(path, 96, 64, pages=3, orientation=6),
    MediaFormat.GIF: lambda path: media.make_gif(path, 96, 64, frames=3),
    MediaFormat.HEIC: lambda path: media.make_heic(path, 96, 64, orientation=6),
    MediaFormat.HEIF: lambda path: media.make_heic(path, 96, 64, major_brand=b"mif1"),
    MediaFormat.MP4: lambda path: media.make_video(path, 96, 64, seconds=1.0, audio=True, fragmented=True),
    MediaFormat.MOV: lambda path: media.make_mov(path, 96, 64, rotation=90, seconds=1.0),
    MediaFormat.WAV: lambda path: media.make_wav(path, 0.5, channels=2),
    MediaFormat.MP3: lambda path: media.make_mp3(path, 1.0, variable=True, cover=True),
}
SPECIAL: Final = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\x7f", b"\1\0\0\0")
"""Numbers that parsers stumble over, from either end."""
MARK_OF_THE_END: Final = {MediaFormat.PNG: 4, MediaFormat.GIF: 1, MediaFormat.TIFF: 8}
"""Bytes behind the last picture: a checksum of nothing, a trailer, a value that readers do not need. Without them all pixels are there."""
SEED: Final = 20261122
HEAD: Final = 400
"""Bytes: half of the damage is done where the headers are."""


def damaged(good: bytes, chance: random.Random) -> bytes:
    """One to six wounds at random."""
    content = bytearray(good)
    for _ in range(chance.randint(1, 6)):
        chance.choice(WOUNDS)(content, chance)
    return bytes(content)


def _place(content: bytearray, chance: random.Random) -> int:
    near = chance.random() < 0.5
    ends = chance.random() < 0.2
    if ends:
        return max(0, len(content) - 1 - chance.randrange(HEAD))
    return chance.randrange(min(len(content), HEAD) if near else len(content))


def _flip(content: bytearray, chance: random.Random) -> None:
    content[_place(content, chance)] ^= 1 << chance.randrange(8)


def _set(content: bytearray, chance: random.Random) -> None:
    content[_place(content, chance)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))


def _put_special(content: bytearray, chance: random.Random) -> None:
    start, number = _place(content, chance), chance.choice(SPECIAL)
    content[start : start + len(number)] = number


def _cut(content: bytearray, chance: random.Random) -> None:
    del content[max(16, _place(content, chance)) :]


def _drop(content: bytearray, chance: random.Random) -> None:
    start = max(16, _place(content, chance))
    del content[start : start + chance.randrange(1, 64)]


def _repeat(content: bytearray, chance: random.Random) -> None:
    start = _place(content, chance)
    content[start:start] = content[start : start + chance.randrange(1, 256)]


def _insert(content: bytearray, chance: random.Random) -> None:
    start = _place(content, chance)
    content[start:start] = chance.randbytes(chance.randrange(1, 32))


WOUNDS: Final = (_flip, _flip, _set, _set, _put_special, _put_special, _cut, _drop, _repeat, _insert)


async def _outcome(inspector: SandboxedInspector, path: Path, content: bytes) -> str:
    path.write_bytes(content)
    refused: IngestFailure | None = None
    try:
        facts = (await inspector.inspect(path, recognise(content[:HEAD_LENGTH]), path.with_suffix(".preview"))).facts
    except IngestFailure as failure:
        refused = failure
    if refused is not None:
        assert refused.code in CODES
        assert refused.reason in REASONS
        assert len(refused.message) < 1000
        assert str(path.parent) not in refused.message
        return refused.reason or refused.code
    assert facts.width is None or 0 < facts.width * (facts.height or 0) <= 100_000_000
    assert facts.duration is None or 0 < facts.duration <= 4 * 3600
    return "accepted"


def _living() -> list[psutil.Process]:
    return [process for process in psutil.Process().children() if PROGRAM in " ".join(process.cmdline())]


async def _peak(inspector: SandboxedInspector) -> int:
    """The most address space that a living child has had; its limit is what the kernel was told."""
    children = _living()
    assert len(children) == 2, "no dead worker is left, and none too many"
    return max(int(Path(f"/proc/{child.pid}/status").read_text().split("VmPeak:")[1].split()[0]) * 1024 for child in children)


async def _run(spool: Path, rounds: int, seed: int) -> Counter[str]:
    """So many damaged files through two children at once."""
    good = {found: make(spool / found.value).read_bytes() for found, make in MAKERS.items()}
    chance = random.Random(seed)
    formats = list(good)
    files = [damaged(good[formats[number % len(formats)]], chance) for number in range(rounds)]
    inspector = SandboxedInspector(spool, workers=2)
    outcomes: Counter[str] = Counter()

    async def take_turns(first: int) -> None:
        for number in range(first, rounds, 2):
            started = time.monotonic()
            try:
                outcome = await _outcome(inspector, spool / f"damaged-{number}", files[number])
            except BaseException as error:
                error.add_note(f"run {number} of seed {seed}: {formats[number % len(formats)].value}")
                raise
            assert time.monotonic() - started < WALL_TIME + 10, f"run {number} of seed {seed}"
            outcomes[outcome] += 1
            (spool / f"damaged-{number}").unlink()

    try:
        await inspector.start()
        await asyncio.gather(take_turns(0), take_turns(1))
        await asyncio.gather(*(assert_still_works(inspector, _own(spool, number)) for number in range(2)))
        assert await _peak(inspector) <= MEMORY
    finally:
        await inspector.close()
    assert not _living()
    return outcomes


def _own(spool: Path, number: int) -> Path:
    folder = spool / f"good-{number}"
    folder.mkdir()
    return folder


async def test_two_hundred_damaged_files_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    outcomes = await _run(tmp_path / "spool", 200, SEED)
    assert outcomes.total() == 200
    assert outcomes["MediaCorrupt"] > 20


@pytest.mark.parametrize("found", MAKERS, ids=lambda item: item.value)
async def test_a_file_cut_anywhere_is_never_taken_for_whole(found: MediaFormat, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    make = MAKERS[found] if found is not MediaFormat.MP4 else lambda path: media.make_video(path, 96, 64, seconds=1.0, audio=True)
    whole = make(tmp_path / "whole").read_bytes()
    last = len(whole) - MARK_OF_THE_END.get(found, 0)
    inspector = SandboxedInspector(tmp_path / "spool", workers=1)
    try:
        for length in sorted({*range(20, last, last // 30), *range(last - 6, last)}):
            outcome = await _outcome(inspector, tmp_path / "spool" / "cut", whole[:length])
            assert outcome in {"MediaCorrupt", "FormatUndetectable", "FormatUnsupported"}, (length, len(whole))
    finally:
        await inspector.close()


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(4))
async def test_twelve_thousand_damaged_files_do_no_harm(part: int, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    outcomes = await _run(tmp_path / "spool", 3_000, SEED + 1 + part)
    print(f"seed {SEED + 1 + part}: {dict(outcomes.most_common())}")
