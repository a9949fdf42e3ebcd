"""Files that are two things at once, or another than they look: what is accepted is one thing, and says nothing of the other."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import MediaFormat
from spark_assets.ingest.sniff import recognise
from spark_assets.media.sandbox import SandboxedInspector
from spark_assets.ports.source import HEAD_LENGTH
from tests.factories import hostile_pictures as pictures
from tests.factories import hostile_recordings as recordings
from tests.factories import media

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCRIPT: Final = b"<script>alert(document.domain)</script>"
PAGE: Final = b"<!DOCTYPE html><html><body>" + SCRIPT + b"</body></html>"


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("run.sh", "#!/bin/sh\n")
    return buffer.getvalue()


def gif_and_script(folder: Path) -> bytes:
    """A GIF whose width is `/*`, which begins a remark of JavaScript; behind its end stands the program."""
    content = bytearray(pictures.gif(64, 64, (0, 0, 1, 1)))
    content[6:8] = b"/*"
    return bytes(content) + b"*/=1;alert(document.domain)//"


def jpeg_and(*extra: bytes) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        content = media.make_jpeg(folder / "made", 320, 320).read_bytes()
        return content[:2] + pictures.segment(0xFE, extra[0]) + content[2:] + b"".join(extra[1:])

    return make


def png_that_says(folder: Path) -> bytes:
    Image.new("RGB", (320, 320)).save(folder / "made", "PNG", pnginfo=pictures.metadata_with(SCRIPT.decode()))
    return (folder / "made").read_bytes()


def jpeg_that_says(folder: Path) -> bytes:
    exif = Image.Exif()
    for tag in (0x010E, 0x013B, 0x8298, 0x9C9B):  # description, artist, copyright, title
        exif[tag] = SCRIPT.decode()
    words = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SCRIPT + b"</x:xmpmeta>"
    Image.new("RGB", (320, 320)).save(folder / "made", "JPEG", exif=exif, comment=SCRIPT)
    content = (folder / "made").read_bytes()
    return content[:2] + pictures.segment(0xE1, words) + content[2:]


def video_that_says(folder: Path) -> bytes:
    good = media.make_video(folder / "made", 320, 320, seconds=1.0).read_bytes()
    return recordings.with_title(good, SCRIPT)


def song_that_says(folder: Path) -> bytes:
    good = media.make_mp3(folder / "made", 1.0, tag=False).read_bytes()
    frames = (recordings.tag_frame(kind, b"\0" + SCRIPT) for kind in (b"TIT2", b"TPE1", b"TALB"))
    return recordings.tagged(good, *frames, recordings.cover(PAGE, b"text/html"))


def video_with_a_page(folder: Path) -> bytes:
    """A page in a box that players pass over, before anything else but the kind of file."""
    good = media.make_video(folder / "made", 320, 320, seconds=1.0, index_first=False).read_bytes()
    rest = b"".join(recordings.box(kind, payload) for kind, payload in recordings.boxes(good)[1:])
    head = recordings.box(*recordings.boxes(good)[0])
    page = recordings.box(b"free", PAGE)
    moved = bytearray(head + page + rest)
    at = moved.rindex(b"stco") + 12
    count = struct.unpack_from(">I", moved, at - 4)[0]
    places = struct.unpack_from(f">{count}I", moved, at)
    struct.pack_into(f">{count}I", moved, at, *(place + len(page) for place in places))
    return bytes(moved)


TWOFOLD: Final[dict[str, tuple[MediaFormat, Callable[[Path], bytes]]]] = {
    "a GIF that is a program": (MediaFormat.GIF, gif_and_script),
    "a JPEG that is an archive": (MediaFormat.JPEG, jpeg_and(b"-", archive())),
    "a JPEG that is a document": (MediaFormat.JPEG, jpeg_and(b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n", b"%%EOF")),
    "a JPEG that is a page": (MediaFormat.JPEG, jpeg_and(PAGE, PAGE)),
    "a video that is a page": (MediaFormat.MP4, video_with_a_page),
    "a PNG that says scripts": (MediaFormat.PNG, png_that_says),
    "a JPEG that says scripts": (MediaFormat.JPEG, jpeg_that_says),
    "a video that says scripts": (MediaFormat.MP4, video_that_says),
    "a song that says scripts": (MediaFormat.MP3, song_that_says),
}


@pytest.mark.parametrize("case", TWOFOLD)
async def test_a_file_of_two_kinds_is_the_one_that_its_bytes_begin_with_and_its_rendition_neither(
    case: str, inspector: SandboxedInspector, spool: Path
) -> None:
    expected, make = TWOFOLD[case]
    content = make(spool)
    path, preview = spool / "twofold", spool / "twofold.preview"
    path.write_bytes(content)
    assert recognise(content[:HEAD_LENGTH]) is expected
    facts = (await inspector.inspect(path, expected, preview)).facts
    assert facts.format is expected
    assert b"script" not in repr(facts).encode()
    assert await inspector.preview(path, expected, preview)
    drawn = preview.read_bytes()
    assert b"script" not in drawn and b"PK\x03\x04" not in drawn and b"%PDF" not in drawn and b"http" not in drawn
    with Image.open(preview) as image:
        assert image.format == "JPEG" and not image.getexif() and set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


PROGRAMS: Final[dict[str, bytes]] = {
    "an HLS playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "an HLS playlist behind a mark of byte order": b"\xef\xbb\xbf#EXTM3U\nhttp://127.0.0.1/\n",
    "an HLS playlist behind blanks": b" \r\n\t\n#extm3u\nhttp://127.0.0.1/\n",
    "an HLS playlist in UTF-16": "\ufeff#EXTM3U\nhttp://127.0.0.1/\n".encode("utf-16-le"),
    "an HLS playlist behind a tag": recordings.tagged(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n" + b"#\n" * 3000),
    "a concat script": b"ffconcat version 1.0\nfile 'concat:/etc/passwd'\n",
    "a concat script without a name": b"file '/etc/passwd'\n",
    "a DASH manifest": b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>file:///etc/</BaseURL></MPD>',
    "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "a drawing behind a remark": b"<!-- " + b"x" * 900 + b' --><svg xmlns="http://www.w3.org/2000/svg"/>',
    "a PostScript program": b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n",
    "an EPS document with a preview": b"\xc5\xd0\xd3\xc6" + bytes(28) + b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "a description of a session": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n",
    "a shell script": b"#!/bin/sh\nid\n",
    "a Python program": b"import os\nos.system('id')\n",
    "a page": PAGE,
    "a Matroska file with attachments": b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\xf7\x81\x01B\x82\x88matroska" + b"\x19A\xa4i" + bytes(64),
    "a list of Windows media": b"[playlist]\nFile1=file:///etc/passwd\n",
    "a reference of Windows media": b"<ASX version='3.0'><entry><ref href='file:///etc/passwd'/></entry></ASX>",
    "an old Ogg": b"OggS\0\2" + bytes(30),
    "a font": b"wOF2" + bytes(30),
    "a WMF picture": b"\xd7\xcd\xc6\x9a" + bytes(40),
    "an SGI picture": b"\x01\xda\x01\x01" + bytes(600),
    "a PCX picture": b"\x0a\x05\x01\x08" + bytes(200),
    "a FITS picture": b"SIMPLE  =                    T" + b" " * 2850,
    "an XBM picture": b"#define x_width 16\n#define x_height 16\nstatic char x_bits[] = {0};\n",
    "an XPM picture": b'/* XPM */\nstatic char *x[] = {"1 1 1 1", "a c #000", "a"};\n',
    "a Targa picture": bytes((0, 0, 2)) + bytes(9) + b"\x40\x01\x40\x01\x18\0" + bytes(2000),
}


@pytest.mark.parametrize("case", PROGRAMS)
async def test_a_program_or_playlist_in_disguise_is_opened_by_nobody(case: str, inspector: SandboxedInspector, spool: Path) -> None:
    content = PROGRAMS[case]
    with pytest.raises(IngestFailure) as caught:
        recognise(content[:HEAD_LENGTH])
    assert caught.value.code in {"FormatUnsupported", "FormatUndetectable"}
    (spool / "disguised").write_bytes(content)
    for found in MediaFormat:  # and were it taken for any accepted format, that one's reader alone would see it
        with pytest.raises(IngestFailure) as refused:
            await inspector.inspect(spool / "disguised", found, None)
        assert refused.value.code in {"MediaCorrupt", "TypeMismatch", "FormatUnsupported"}, found


@pytest.mark.parametrize("said", MediaFormat, ids=lambda item: item.value)
async def test_a_file_is_read_by_the_reader_of_its_own_format_only(said: MediaFormat, inspector: SandboxedInspector, spool: Path) -> None:
    kin = [{MediaFormat.MP4, MediaFormat.MOV}, {MediaFormat.HEIC, MediaFormat.HEIF}]
    files: dict[MediaFormat, Callable[[Path], Path]] = {
        MediaFormat.JPEG: lambda path: media.make_jpeg(path, 64, 64),
        MediaFormat.PNG: lambda path: media.make_png(path, 64, 64),
        MediaFormat.GIF: lambda path: media.make_gif(path, 64, 64),
        MediaFormat.TIFF: lambda path: media.make_tiff(path, 64, 64),
        MediaFormat.WAV: lambda path: media.make_wav(path, 0.2),
        MediaFormat.MP4: lambda path: media.make_mov(path, 64, 64, seconds=0.2),
    }
    for real, make in files.items():
        if real is said or {real, said} in kin:
            continue
        make(spool / "other")
        with pytest.raises(IngestFailure) as caught:
            await inspector.inspect(spool / "other", said, None)
        assert caught.value.code in {"MediaCorrupt", "TypeMismatch"}, real
