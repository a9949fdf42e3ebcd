"""What a file is, by its first bytes alone: names and Content-Type headers decide nothing.

A small table of ours for the accepted formats; well-known others are recognised too, so that the refusal can name them.
"""

from typing import Final

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import MediaFormat
from spark_assets.ingest.iso_brands import recognise_boxes
from spark_assets.ingest.mpeg_frames import adts_runs_from, verified_layer

_ACCEPTED: Final = (
    (b"\xff\xd8\xff", MediaFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", MediaFormat.PNG),
    (b"GIF87a", MediaFormat.GIF),
    (b"GIF89a", MediaFormat.GIF),
    (b"MM\x00*", MediaFormat.TIFF),
    (b"MM\x00+", MediaFormat.TIFF),
    (b"II+\x00", MediaFormat.TIFF),
)
_RIFF_KINDS: Final[dict[bytes, MediaFormat | str]] = {
    b"WEBP": MediaFormat.WEBP,
    b"WAVE": MediaFormat.WAV,
    b"AVI ": "an AVI video",
}
_OTHERS: Final = (
    (b"%!PS", "a PostScript or EPS document"),
    (b"\xc5\xd0\xd3\xc6", "an EPS document"),
    (b"PK\x03\x04", "a ZIP archive (or an office document)"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an XZ archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"fLaC", "a FLAC sound file"),
    (b"OggS", "an Ogg file"),
    (b"FLV\x01", "a Flash video"),
    (b"0&\xb2u\x8ef\xcf\x11", "a Windows Media file"),
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
    (b"\x00\x00\x01\xb3", "an MPEG video stream"),
    (b"#!AMR", "an AMR sound file"),
    (b"MThd", "a MIDI file"),
    (b"caff", "a Core Audio file"),
    (b".snd", "an AU sound file"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"\x00\x00\x02\x00", "a Windows cursor"),
    (b"icns", "an Apple icon"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"DDS ", "a DirectDraw texture"),
    (b"qoif", "a QOI picture"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"RIFX", "a big-endian RIFF file"),
    (b"riff", "a Wave64 sound file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"\x00asm", "a WebAssembly program"),
    (b"wOF2", "a web font"),
    (b"wOFF", "a web font"),
)
_TEXTS: Final = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<head", "an HTML page"),
    (b"<body", "an HTML page"),
    (b"<script", "an HTML page"),
    (b"<svg", "an SVG drawing"),
    (b"<mpd", "a DASH manifest"),
    (b"#extm3u", "an HLS playlist"),
    (b"ffconcat", "an FFmpeg concat script"),
    (b"#!", "a script"),
)
_DIB_HEADER_LENGTHS: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Bytes of the second header of a BMP, by its versions."""
_LONGEST_GARBAGE: Final = 4_096
"""Bytes before the first frame of a sound file cut from a stream."""


def recognise(head: bytes) -> MediaFormat:
    """The format of a file whose first HEAD_LENGTH bytes these are.

    Raises IngestFailure `FormatUnsupported` for something known that is not accepted, `FormatUndetectable` for anything else.
    """
    found = _judge(head)
    if isinstance(found, MediaFormat):
        return found
    if found is not None:
        accepted = ", ".join(item.value for item in MediaFormat)
        raise IngestFailure("FormatUnsupported", f"this looks like {found}; accepted are {accepted}")
    raise IngestFailure("FormatUndetectable", "the first bytes match no known media format; check that the address serves the file itself")


def _judge(head: bytes) -> MediaFormat | str | None:
    """The stations in order: exact signatures first, guesses over many bytes last."""
    for station in (recognise_boxes, _by_signature, _by_container, _by_sound, _by_text, _by_repetition):
        found = station(head)
        if found is not None:
            return found
    return None


def _by_signature(head: bytes) -> MediaFormat | str | None:
    for signature, accepted in _ACCEPTED:
        if head.startswith(signature):
            return accepted
    if head.startswith(b"II*\x00"):
        return "a Canon CR2 raw picture" if head[8:10] == b"CR" else MediaFormat.TIFF
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _DIB_HEADER_LENGTHS:
        return MediaFormat.BMP
    for signature, name in _OTHERS:
        if head.startswith(signature):
            return name
    return "a PDF document" if b"%PDF-" in head[:1024] else None


def _by_container(head: bytes) -> MediaFormat | str | None:
    kind = head[8:12]
    if head[:4] == b"RIFF":
        return _RIFF_KINDS.get(kind)
    if head[:4] in (b"RF64", b"BW64") and kind == b"WAVE":
        return MediaFormat.WAV
    if head[:4] == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return "an AIFF sound file"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "a WebM video" if b"webm" in head[:64] else "a Matroska video"
    return None


def _by_sound(head: bytes) -> MediaFormat | str | None:
    """MPEG audio behind its tags, its frames verified; a tag longer than the head is taken at its word and confirmed by decoding."""
    position = 0
    while head[position : position + 3] == b"ID3" and len(head) >= position + 10:
        position += _tag_length(head[position : position + 10])
    if position >= len(head) - 4 and position > 0:
        return MediaFormat.MP3
    while position < len(head) and head[position] == 0:
        position += 1
    if position and head[position : position + 4] == b"fLaC":
        return "a FLAC sound file"
    if adts_runs_from(head, position):
        return "an AAC (ADTS) sound file"
    return _by_frames(head, position)


def _tag_length(header: bytes) -> int:
    """Bytes of an ID3v2 tag with its header and footer; its size is written in seven bits a byte."""
    length = 10 + (10 if header[5] & 0x10 else 0)
    return length + sum((byte & 0x7F) << shift for byte, shift in zip(header[6:10], (21, 14, 7, 0), strict=True))


def _by_frames(head: bytes, position: int) -> MediaFormat | str | None:
    last = min(position + _LONGEST_GARBAGE, len(head))
    while (position := head.find(b"\xff", position, last)) >= 0:
        layer = verified_layer(head, position)
        if layer == 3:
            return MediaFormat.MP3
        if layer is not None:
            return f"MPEG audio of layer {'I' * layer}"
        position += 1
    return None


def _by_text(head: bytes) -> str | None:
    """Markup, playlists and other text."""
    text = _decoded(head[:4096])
    if text is None:
        return None
    start = text.lstrip("\ufeff \t\r\n").lower().encode()
    for prefix, name in _TEXTS:
        if start.startswith(prefix):
            return name
    if start.startswith(b"<"):
        return _markup(start)
    if start.startswith((b"{", b"[")):
        return "a JSON document"
    if start.startswith((b"file '", b'file "', b"file ")):
        return "an FFmpeg concat script"
    return "a text document" if start else None


def _markup(start: bytes) -> str:
    for needle, name in ((b"<svg", "an SVG drawing"), (b"<html", "an HTML page"), (b"<mpd", "a DASH manifest")):
        if needle in start:
            return name
    return "an XML document"


def _decoded(sample: bytes) -> str | None:
    """The sample as text, or None if it is not: a character cut at its end does not count against it."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = sample[: len(sample) // 2 * 2].decode("utf-16", errors="ignore")
    else:
        try:
            text = sample.decode()
        except UnicodeDecodeError as error:
            if error.start < len(sample) - 3:
                return None
            text = sample[: error.start].decode()
    return None if any(character < " " and character not in "\t\n\r\f\x1b" for character in text) else text


def _by_repetition(head: bytes) -> str | None:
    if len(head) >= 188 * 3 and all(head[at] == 0x47 for at in (0, 188, 376)):
        return "an MPEG transport stream"
    return None
