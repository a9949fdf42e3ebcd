"""What runs inside a confined child: one job in, one plain answer out. Imports nothing of the server."""

import os
import sys
import warnings
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING

import msgspec

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.domain.media import AssetType
from spark_assets.media import av_media, images
from spark_assets.media.confinement import Layers, allow_processor_time, confine
from spark_assets.media.messages import HEADER, Answer, Drawn, Job, Measured, Refused, with_header

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class HeldPreview(PosixPath):
    """The place of a preview in a process that may write no file: what is written to it stays in memory."""

    content: bytes | None = None
    """What was written; None before."""

    def write_bytes(self, data: "ReadableBuffer") -> int:
        """Keep the bytes; how many."""
        self.content = bytes(data)
        return len(self.content)


def run(jobs: int, answers: int, lent: str, memory: int) -> None:
    """The life of a child: confined, it says which layers hold, then answers jobs until the pipe they come by is closed."""
    _say(answers, msgspec.msgpack.encode(prepare(lent, memory)))
    while header := _read(jobs, HEADER):
        _say(answers, perform(_read(jobs, int.from_bytes(header))))


def prepare(lent: str, memory: int) -> Layers:
    """Make this process ready, then confine it for good."""
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True  # it may not from now on, and need not try
    images.prepare_readers()
    return confine(Path(lent), memory)


def perform(encoded: bytes) -> bytes:
    """Do one encoded Job and return the encoded Answer; what goes wrong is told in the answer, never raised."""
    job = msgspec.msgpack.decode(encoded, type=Job)
    allow_processor_time(job.processor_time)
    return msgspec.msgpack.encode(_answer(job))


def _read(pipe: int, length: int) -> bytes:
    """So many bytes, or none if the pipe is closed."""
    received = b""
    while len(received) < length:
        piece = os.read(pipe, length - len(received))
        if not piece:
            return b""
        received += piece
    return received


def _say(pipe: int, message: bytes) -> None:
    framed = memoryview(with_header(message))
    while framed:
        framed = framed[os.write(pipe, framed) :]


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
