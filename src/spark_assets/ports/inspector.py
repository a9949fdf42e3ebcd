"""The measuring of media, in a process that may die without harm."""

from pathlib import Path
from typing import Final, Protocol

import msgspec

from spark_assets.domain.media import MediaFacts, MediaFormat

PREVIEW_FORMAT: Final = MediaFormat.JPEG
"""The format of every preview. At 512 x 384 px JPEG is written in 0.65 ms, WebP at its fastest in 5.3 ms: longer than the decoding."""
PREVIEW_SIDE: Final = 512
"""Pixels: the longest side of a thumbnail or poster."""

WORKING_FOLDER: Final = "parsing-"
"""Beside the spool folder, a folder of this prefix holds what children may read: the file of a job, for as long as the job lasts."""


class Inspection(msgspec.Struct, frozen=True):
    """What was measured, and whether a preview was written on the way."""

    facts: MediaFacts
    has_preview: bool


class Inspector(Protocol):
    """Parses hostile files and reports facts."""

    async def inspect(self, path: Path, found: MediaFormat, preview: Path | None) -> Inspection:
        """Decode (pictures) or demux (video, audio) the whole file and measure it.

        Writes a picture's thumbnail or a video's poster (PREVIEW_FORMAT, longest side PREVIEW_SIDE, no metadata) to `preview` if given.
        What parses reads this file alone and writes none; a file that changes meanwhile fails with `parser_crashed`, so that its
        bytes are still those that were hashed. Links to it should neither be made nor removed meanwhile.
        Raises IngestFailure: `MediaCorrupt`, `FormatUnsupported`, `TypeMismatch`, `FrameCountTooLarge`, `PixelCountTooLarge`,
        `DurationTooLong`, or `InternalError` with reason `parser_timeout`; TransientFailure with `parser_crashed`.
        """

    async def preview(self, path: Path, found: MediaFormat, preview: Path) -> bool:
        """Write the thumbnail, poster or waveform of a file already known to be good; False if it has none to give.

        Fails as `inspect` does; such a failure says nothing against the asset.
        """

    async def close(self) -> None:
        """End the children."""
