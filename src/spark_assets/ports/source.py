"""Where bytes come from."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

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


class TooManyBytes(Exception):
    """The transfer was stopped because it is larger than the caller allows.

    `declared` is the length the origin announced, or None where only the limit is known to be passed.
    """

    def __init__(self, declared: int | None) -> None:
        super().__init__(declared)
        self.declared = declared


class Source(Protocol):
    """Fetches the bytes behind an address into a spool file."""

    def check(self, url: str) -> str:
        """The host that the bytes will come from; no network is used.

        Raises InvalidParameter `URL` for an address that could never be fetched.
        """

    async def fetch(self, url: str, spool: Path, *, largest: int, progress: Progress) -> Download:
        """Stream the bytes into the file `spool` (which the caller removes), hashing on the way.

        Raises TooManyBytes past `largest` bytes, IngestFailure `DownloadFailed` with a reason.
        """
