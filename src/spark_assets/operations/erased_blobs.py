"""The bytes of what was erased: removed at once where no one else refers to them."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from spark_assets.domain.erasure import RemovedBlob
from spark_assets.domain.errors import SparkError
from spark_assets.operations.housekeeping import STEP, remove_blob
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.clock import Clock
from spark_assets.ports.erasure import Doomed
from spark_assets.ports.unit_of_work import Database

log = structlog.get_logger()

_AT_ONCE: Final = 8
"""Blobs that are removed at the same time: most of it is waiting for a disk or a store."""


class Library(msgspec.Struct, frozen=True):
    """Rows, bytes, the time, and a folder for files on their way into the store."""

    database: Database
    blobs: BlobStore
    clock: Clock
    spool: Path


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the bytes."""

    removed: tuple[RemovedBlob, ...]
    kept: tuple[str, ...]
    pending: tuple[str, ...]
    renditions: int
    bytes_freed: int


async def foresee_removal(library: Library, sizes: Mapping[str, int], doomed: Sequence[Doomed]) -> Removal:
    """What would become of these bytes, by their SHA-256, if the assets went."""
    own = Counter(asset.sha256 for asset in doomed if asset.sha256 is not None)
    kept: set[str] = set()
    for some in _steps(sorted(sizes), STEP):
        async with library.database.read() as repositories:
            references = await repositories.erasure.references(some)
        kept |= {sha256 for sha256, count in references.items() if count > own[sha256]}
    renditions = await _renditions(library, sizes)
    return _removal(sizes, set(sizes) - kept, kept, renditions)


async def remove_blobs(library: Library, sizes: Mapping[str, int]) -> Removal:
    """Remove those of the bytes, by their SHA-256, that no asset refers to."""
    renditions = await _renditions(library, sizes)
    removed: set[str] = set()
    for some in _steps(sorted(sizes), _AT_ONCE):
        fates = await asyncio.gather(*(_remove(library, sha256) for sha256 in some))
        removed |= {sha256 for sha256, is_gone in zip(some, fates, strict=True) if is_gone}
    kept: set[str] = set()
    for some in _steps(sorted(set(sizes) - removed), STEP):
        async with library.database.read() as repositories:
            kept |= await repositories.blobs.referenced(some)
    return _removal(sizes, removed, kept, renditions)


async def _remove(library: Library, sha256: str) -> bool:
    """Whether they are gone. What a store that is away keeps is the sweeper's: the assets are gone either way."""
    try:
        return await remove_blob(sha256, library.database, library.blobs, library.clock, despite_holds=True)
    except SparkError as error:
        log.warning("erased_blob_left_to_sweeper", sha256=sha256, code=error.code)
        return False


async def _renditions(library: Library, sizes: Mapping[str, int]) -> dict[str, list[int]]:
    """Bytes of each rendition on record, by the SHA-256 of its original."""
    found: dict[str, list[int]] = {}
    for some in _steps(sorted(sizes), STEP):
        async with library.database.read() as repositories:
            for rendition in await repositories.blobs.renditions_of(some):
                found.setdefault(rendition.blob_sha256, []).append(rendition.size)
    return found


def _removal(sizes: Mapping[str, int], removed: set[str], kept: set[str], renditions: Mapping[str, list[int]]) -> Removal:
    gone = [size for sha256 in removed for size in renditions.get(sha256, [])]
    return Removal(
        removed=tuple(RemovedBlob(sha256, sizes[sha256]) for sha256 in sorted(removed)),
        kept=tuple(sorted(kept)),
        pending=tuple(sorted(set(sizes) - removed - kept)),
        renditions=len(gone),
        bytes_freed=sum(sizes[sha256] for sha256 in removed) + sum(gone),
    )


def _steps(hashes: Sequence[str], step: int) -> list[Sequence[str]]:
    return [hashes[start : start + step] for start in range(0, len(hashes), step)]
