"""Where bytes come from."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from spark_assets.domain.errors import IngestFailure

Progress = Callable[[int, int | None], None]
"""Told the bytes received so far and, where the origin declared one, the total."""


HEAD_LENGTH: Final = 65_536
"""Bytes of the beginning that a download keeps at hand, for whoever recognises formats."""


class Download(msgspec.Struct, frozen=True):
    """A finished transfer: the spool file, its length in bytes, its SHA-256 in lower-case hex, and its first bytes."""

    path: Path
    size: int
    sha256: str
    head: bytes
    """At most HEAD_LENGTH of them."""


class SpoolFile(Protocol):
    """A new file under writing; at most two blocks of it are in memory. `add` and `finish` raise OSError when the disk fails."""

    size: int
    """Bytes so far."""
    head: bytes
    """The first of them, at most HEAD_LENGTH."""

    async def add(self, piece: bytes) -> None:
        """Take the next piece of the file."""

    async def finish(self) -> str:
        """Write what is left, and give the file's SHA-256 in lower-case hex."""

    def close(self) -> None:
        """Let go of the file, in any case."""


OpenSpool = Callable[[Path], SpoolFile]


class TooManyBytes(Exception):
    """The transfer was stopped because it is larger than the caller allows.

    `declared` is the length the origin announced, or None where only the limit is known to be passed.
    """

    def __init__(self, declared: int | None) -> None:
        super().__init__(declared)
        self.declared = declared


class SourceExpired(IngestFailure):
    """The origin refuses the address, or knows nothing behind it (any more): the link has probably expired."""


class Source(Protocol):
    """Fetches the bytes behind an address into a spool file."""

    def check(self, url: str) -> str:
        """The host that the bytes will come from; no network is used.

        Raises InvalidParameter `URL` for an address that could never be fetched.
        """

    async def fetch(self, url: str, spool: Path, *, largest: int, progress: Progress) -> Download:
        """Stream the bytes into the file `spool` (which the caller removes), hashing on the way.

        Raises TooManyBytes past `largest` bytes, IngestFailure `DownloadFailed` with a reason, SourceExpired among them.
        """
