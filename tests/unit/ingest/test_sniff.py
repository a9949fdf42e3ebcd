import contextlib
import struct
from pathlib import Path

import pytest

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import MediaFormat
from spark_assets.ingest.sniff import recognise
from spark_assets.ports.source import HEAD_LENGTH
from tests.factories import media

MAKERS = {
    MediaFormat.JPEG: lambda path: media.make_jpeg(path, 64, 64),
    MediaFormat.PNG: lambda path: media.make_png(path, 64, 64),
    MediaFormat.WEBP: lambda path: media.make_webp(path, 64, 64),
    MediaFormat.BMP: lambda path: media.make_bmp(path, 64, 64),
    MediaFormat.TIFF: lambda path: media.make_tiff(path, 64, 64),
    MediaFormat.GIF: lambda path: media.make_gif(path, 64, 64),
    MediaFormat.HEIC: lambda path: media.make_heic(path, 64, 64),
    MediaFormat.HEIF: lambda path: media.make_heic(path, 64, 64, major_brand=b"mif1"),
    MediaFormat.MP4: lambda path: media.make_video(path, 64, 64, seconds=0.2),
    MediaFormat.MOV: lambda path: media.make_mov(path, 64, 64, seconds=0.2),
    MediaFormat.WAV: lambda path: media.make_wav(path, 0.2),
    MediaFormat.MP3: lambda path: media.make_mp3(path, 0.5),
}


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    payload = major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", 8 + len(payload)) + b"ftyp" + payload + bytes(64)


def refusal(head: bytes) -> IngestFailure:
    with pytest.raises(IngestFailure) as caught:
        recognise(head)
    return caught.value


@pytest.mark.parametrize("expected", MAKERS, ids=lambda item: item.value)
def test_every_accepted_format_is_recognised_by_its_bytes(expected: MediaFormat, tmp_path: Path) -> None:
    path = MAKERS[expected](tmp_path / "neutral")
    assert recognise(path.read_bytes()[:HEAD_LENGTH]) is expected


@pytest.mark.parametrize(
    ("options", "case"),
    [
        ({"header": False, "tag": False}, "bare frames"),
        ({"header": False, "tag": False, "variable": True}, "bare frames of variable rate"),
        ({"cover": True}, "a tag longer than the head"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_an_mp3_is_recognised_with_and_without_tags(options: dict[str, bool], case: str, tmp_path: Path) -> None:
    path = media.make_mp3(tmp_path / "neutral", 1.0, **options)
    assert recognise(path.read_bytes()[:HEAD_LENGTH]) is MediaFormat.MP3, case


def test_an_mp3_cut_from_a_stream_is_recognised_behind_the_rest_of_a_frame(tmp_path: Path) -> None:
    content = media.make_mp3(tmp_path / "neutral", 1.0, header=False, tag=False).read_bytes()
    assert recognise(content[100:]) is MediaFormat.MP3


def test_a_lone_sync_word_is_no_mp3() -> None:
    assert refusal(b"\xff\xfb\x90\x00" + bytes(range(7, 256)) * 8).code == "FormatUndetectable"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (ftyp(b"isom", b"isom", b"iso2", b"avc1", b"mp41"), MediaFormat.MP4),
        (ftyp(b"mp42", b"mp42", b"isom"), MediaFormat.MP4),
        (ftyp(b"M4V ", b"M4V ", b"M4A ", b"mp42", b"isom"), MediaFormat.MP4),
        (ftyp(b"qt  ", b"qt  "), MediaFormat.MOV),
        (ftyp(b"heic", b"mif1", b"heic"), MediaFormat.HEIC),
        (ftyp(b"mif1", b"mif1", b"heic"), MediaFormat.HEIF),
        (ftyp(b"mp42", b"mp42", b"heic"), MediaFormat.HEIC),
        (struct.pack(">I", 8) + b"free" + ftyp(b"isom", b"mp41"), MediaFormat.MP4),
        (struct.pack(">I", 8) + b"wide" + struct.pack(">I", 5000) + b"mdat" + bytes(64), MediaFormat.MOV),
        (struct.pack(">I", 256) + b"ftypisom" + bytes(4) + b"iso2" * 60 + bytes(8), MediaFormat.MP4),
    ],
)
def test_the_brands_tell_relatives_apart(head: bytes, expected: MediaFormat) -> None:
    assert recognise(head) is expected


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"<!DOCTYPE html><title>404</title>", "an HTML page"),
        (b"\xef\xbb\xbf\n  <HTML lang=en>", "an HTML page"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"<svg/>", "an SVG drawing"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript or EPS document"),
        (ftyp(b"avif", b"mif1", b"miaf"), "an AVIF picture"),
        (ftyp(b"mif1", b"avif"), "an AVIF picture"),
        (ftyp(b"M4A ", b"M4A ", b"mp42", b"isom"), "an M4A sound file"),
        (ftyp(b"mp42", b"M4A ", b"mp42", b"isom"), "an M4A sound file"),
        (ftyp(b"msf1", b"hevc"), "a HEIF image sequence"),
        (ftyp(b"3gp5", b"3gp5", b"isom"), "a 3GPP mobile video"),
        (ftyp(b"crx ", b"isom"), "a Canon CR3 raw picture"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm", "a WebM video"),
        (b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\x82\x88matroska", "a Matroska video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "an AVI video"),
        (b"fLaC\x00\x00\x00\x22", "a FLAC sound file"),
        (b"OggS\x00\x02", "an Ogg file"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://example.org/a.ts\n", "an HLS playlist"),
        (b"ffconcat version 1.0\nfile 'a.mp4'\n", "an FFmpeg concat script"),
        (b"file 'a.mp4'\nfile 'b.mp4'\n", "an FFmpeg concat script"),
        (b"PK\x03\x04\x14\x00", "a ZIP archive"),
        (b'{"error": "not found"}', "a JSON document"),
        ("Grüße, dies ist nur Text.\n".encode(), "a text document"),
        ((b"\xff\xf1\x50\x80\x02\x1f\xfc\x00" + bytes(8)) * 4, "an AAC (ADTS) sound file"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL picture"),
        (b"8BPS\x00\x01", "a Photoshop document"),
        (b"\x00\x00\x01\x00\x01\x00\x10\x10", "a Windows icon"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "a Canon CR2 raw picture"),
        ((b"\x47" + bytes(187)) * 4, "an MPEG transport stream"),
        (b"\x7fELF\x02\x01", "a program"),
        (b"#!/bin/sh\necho\n", "a script"),
    ],
)
def test_what_is_known_and_not_accepted_is_named(head: bytes, words: str) -> None:
    failure = refusal(head)
    assert failure.code == "FormatUnsupported"
    assert f"this looks like {words}" in failure.message


@pytest.mark.parametrize("head", [b"", b"\x00", b"\x13\x37" * 500, b"RIFF\x00\x00\x00\x00ACON", bytes(5000), b"BMxxxxxxxxxxxxxxxxxx\x00"])
def test_what_is_not_known_is_undetectable(head: bytes) -> None:
    assert refusal(head).code == "FormatUndetectable"


def test_any_beginning_of_a_real_file_is_judged_without_an_accident(tmp_path: Path) -> None:
    for maker in MAKERS.values():
        content = maker(tmp_path / "neutral").read_bytes()
        for length in range(64):
            with contextlib.suppress(IngestFailure):
                recognise(content[:length])
