"""The first boxes of ISO base media and QuickTime files, and what their brands say."""

from collections.abc import Iterator
from typing import Final

from spark_assets.domain.media import MediaFormat

_LEADING_BOXES: Final = frozenset({b"free", b"skip", b"wide"})
_OLD_QUICKTIME: Final = frozenset({b"moov", b"mdat", b"pnot"})
_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis"})
_HEIF: Final = frozenset({b"mif1", b"mif2"})
_HEIF_SEQUENCES: Final = frozenset({b"msf1", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF: Final = frozenset({b"avif", b"avis"})
_SOUND: Final = frozenset({b"M4A ", b"M4B ", b"M4P "})
_MP4: Final = frozenset({b"mp41", b"mp42", b"mp71", b"avc1", b"av01", b"hvc1", b"hev1", b"isom", b"MSNV", b"dash", b"mmp4", b"NDXC"})
_VIDEO_HINTS: Final = frozenset({b"avc1", b"hvc1", b"hev1", b"av01", b"qt  "})
_OTHERS: Final = {
    b"crx ": "a Canon CR3 raw picture",
    b"f4v ": "a Flash F4V video",
    b"jp2 ": "a JPEG 2000 picture",
    b"jpx ": "a JPEG 2000 picture",
    b"mjp2": "a Motion JPEG 2000 video",
    b"aax ": "an Audible audio book",
}


def recognise_boxes(head: bytes) -> MediaFormat | str | None:
    """The accepted format of a file made of boxes, or words for what else it is, or None if it has no such boxes."""
    for kind, start, end in _boxes(head):
        if kind == b"ftyp":
            return _judge(_brands(head[start:end]))
        if kind == b"styp":
            return "a single segment of a streamed MP4; send the whole video"
        if kind in _OLD_QUICKTIME:
            return MediaFormat.MOV
        if kind not in _LEADING_BOXES:
            return None
    return None


def _boxes(head: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each top-level box whose start lies in the head: its kind, and where its payload begins and ends."""
    position = 0
    while position + 8 <= len(head):
        length = int.from_bytes(head[position : position + 4])
        header = 16 if length == 1 else 8
        if length == 1:
            length = int.from_bytes(head[position + 8 : position + 16])
        elif length == 0:
            length = len(head) - position
        if length < header:
            return
        yield head[position + 4 : position + 8], position + header, position + length
        position += length


def _brands(payload: bytes) -> tuple[bytes, frozenset[bytes]]:
    """The major brand, and all brands with it. The four bytes after the major brand are its version."""
    compatible = (payload[at : at + 4] for at in range(8, len(payload) - 3, 4))
    return payload[:4], frozenset({payload[:4], *compatible})


def _judge(brands: tuple[bytes, frozenset[bytes]]) -> MediaFormat | str | None:
    major, every = brands
    picture = _picture(major, every)
    if picture is not None:
        return picture
    if major in _SOUND or (every & _SOUND and not (every & _VIDEO_HINTS or _any_starts(every, b"M4V"))):
        return "an M4A sound file"
    if major in _OTHERS:
        return f"{_OTHERS[major]}"
    if major.startswith((b"3gp", b"3g2", b"3gr", b"3gs")):
        return "a 3GPP mobile video"
    if major == b"qt  ":
        return MediaFormat.MOV
    if every & _MP4 or _any_starts(every, b"M4V") or _any_starts(every, b"iso"):
        return MediaFormat.MP4
    if b"qt  " in every:
        return MediaFormat.MOV
    return None


def _picture(major: bytes, every: frozenset[bytes]) -> MediaFormat | str | None:
    """HEIF and its relatives: the major brand decides, and a still picture's brand among the others is never a video."""
    if major in _HEIC:
        return MediaFormat.HEIC
    if major in _AVIF or (every & _AVIF and not every & _HEIC):
        return "an AVIF picture"
    if major in _HEIF:
        return MediaFormat.HEIF
    if every & _HEIC:
        return MediaFormat.HEIC
    if every & _HEIF:
        return MediaFormat.HEIF
    if every & _HEIF_SEQUENCES:
        return "a HEIF image sequence without a still picture"
    return None


def _any_starts(brands: frozenset[bytes], prefix: bytes) -> bool:
    return any(brand.startswith(prefix) for brand in brands)
