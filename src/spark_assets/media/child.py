"""What runs inside a confined child: one job in, one plain answer out. Imports nothing of the server."""

import sys
import warnings
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, Annotated

import msgspec

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.domain.media import AssetType, MediaFormat
from spark_assets.domain.policy import SafetyLimits
from spark_assets.media import av_media, images
from spark_assets.media.confinement import Layers, allow_processor_time, confine
from spark_assets.ports.inspector import Inspection

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


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

_HELD: list[Layers] = []
"""The layers that hold in this process, once it is confined."""


class HeldPreview(PosixPath):
    """The place of a preview in a process that may write no file: what is written to it stays in memory."""

    content: bytes | None = None
    """What was written; None before."""

    def write_bytes(self, data: "ReadableBuffer") -> int:
        """Keep the bytes; how many."""
        self.content = bytes(data)
        return len(self.content)


def prepare(lent: str, memory: int) -> None:
    """Make this process ready, then confine it for good."""
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True  # it may not from now on, and need not try
    images.prepare_readers()
    _HELD.append(confine(Path(lent), memory))


def report_layers() -> bytes:
    """The layers that hold in this child, encoded."""
    return msgspec.msgpack.encode(_HELD[-1])


def perform(encoded: bytes) -> bytes:
    """Do one encoded Job and return the encoded Answer; what goes wrong is told in the answer, never raised."""
    job = msgspec.msgpack.decode(encoded, type=Job)
    allow_processor_time(job.processor_time)
    return msgspec.msgpack.encode(_answer(job))


def _answer(job: Job) -> Answer:
    try:
        return _work(job)
    except IngestFailure as failure:
        return Refused(failure.code, failure.message, failure.reason, isinstance(failure, TransientFailure))
    except OSError:
        return Refused("InternalError", "the spooled file could not be read", "storage_unavailable", transient=True)
    except MemoryError:
        return Refused("MediaCorrupt", "decoding the file needs more memory than a parser may use; it is damaged or far too large", None)


def _work(job: Job) -> Measured | Drawn:
    path, preview = Path(job.path), HeldPreview("preview")
    path.open("rb").close()  # a file that cannot be read is no fault of its contents
    picture = job.found.asset_type is AssetType.IMAGE
    if job.measure:
        inspect = images.inspect_picture if picture else av_media.inspect_recording
        inspection = inspect(path, job.found, preview if job.preview else None, job.limits)
        return Measured(inspection, preview.content)
    draw = images.draw_thumbnail if picture else av_media.draw_preview
    draw(path, job.found, preview, job.limits)
    return Drawn(preview.content)
