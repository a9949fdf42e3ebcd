"""What is said between us and a child: jobs and answers, each a length of four bytes and then so many bytes of MessagePack.

Nothing here loads a parser, so that the server need not either.
"""

from typing import Annotated, Final

import msgspec

from spark_assets.domain.media import MediaFormat
from spark_assets.domain.policy import SafetyLimits
from spark_assets.ports.inspector import Inspection

HEADER: Final = 4
"""Bytes that tell the length."""


class Job(msgspec.Struct, frozen=True):
    """A file to work on. Without a `measure` only the preview is drawn."""

    path: str
    found: MediaFormat
    preview: bool
    """Whether one is wanted."""
    measure: bool
    limits: SafetyLimits
    processor_time: float
    """Seconds."""


class Measured(msgspec.Struct, frozen=True, tag="measured"):
    """The facts, and the preview if one was wanted and drawn."""

    inspection: Inspection
    preview: bytes | None


class Drawn(msgspec.Struct, frozen=True, tag="drawn"):
    """The preview, if there is one to give."""

    preview: bytes | None


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Why the file is refused: the parts of an IngestFailure. Their lengths are bounded, as a captured child writes what it likes."""

    code: Annotated[str, msgspec.Meta(max_length=64)]
    message: Annotated[str, msgspec.Meta(max_length=1000)]
    reason: Annotated[str, msgspec.Meta(max_length=64)] | None
    transient: bool = False


Answer = Measured | Drawn | Refused


def with_header(message: bytes) -> bytes:
    """The message as it travels."""
    return len(message).to_bytes(HEADER) + message


def length_of(received: bytes | bytearray) -> int | None:
    """The length of the message that begins here; None before its header is complete."""
    return int.from_bytes(received[:HEADER]) if len(received) >= HEADER else None
