"""Pictures whose headers lie, whose insides swell, or whose structure has no end: each function gives the bytes of one."""

import io
import struct
import zlib
from functools import cache
from typing import Final

import pillow_heif
from PIL import Image, PngImagePlugin

PNG_START: Final = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, payload: bytes) -> bytes:
    """A chunk of a PNG with its right checksum."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(width: int, height: int, *before: bytes, depth: int = 8, colour: int = 0, data: bytes | None = None, after: bytes = b"") -> bytes:
    """A grey PNG of so many pixels; `before` and `after` are chunks around its data."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    packed = zlib.compress(bytes((width + 1) * height)) if data is None else data
    return PNG_START + header + b"".join(before) + chunk(b"IDAT", packed) + after + chunk(b"IEND", b"")


@cache
def swelling(length: int = 80 * 2**20) -> bytes:
    """Zeros, so many bytes of them, compressed to a thousandth."""
    packer = zlib.compressobj(9)
    piece = bytes(2**20)
    return b"".join(packer.compress(piece) for _ in range(length // len(piece))) + packer.flush()


def png_with_swelling_text(kind: bytes) -> bytes:
    """A small PNG with a chunk of compressed text, international text, or colour profile that swells to 80 MB."""
    packed = swelling()
    payload = {
        b"zTXt": b"title\0\0" + packed,
        b"iTXt": b"title\0\1\0\0\0" + packed,
        b"iCCP": b"profile\0\0" + packed,
    }[kind]
    return png(320, 320, chunk(kind, payload))


def png_with_swelling_data() -> bytes:
    """A small PNG whose picture data go on for 80 MB beyond its pixels."""
    return png(320, 320, data=swelling())


def animated_png(width: int, height: int, frames: int, *, announced: int | None = None, frame_width: int | None = None) -> bytes:
    """An APNG of so many small frames on a canvas of the given size; it may announce another number of them."""
    control = chunk(b"acTL", struct.pack(">II", frames if announced is None else announced, 0))
    wide = width if frame_width is None else frame_width
    first = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 10, 0, 0))
    packed = zlib.compress(bytes(2))
    others = []
    for number in range(1, frames):
        size = (wide, height) if frame_width else (1, 1)
        others.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", 2 * number - 1, *size, 0, 0, 1, 10, 0, 0)))
        others.append(chunk(b"fdAT", struct.pack(">I", 2 * number) + packed))
    return png(width, height, control, first, after=b"".join(others))


def gif(width: int, height: int, *frames: tuple[int, int, int, int]) -> bytes:
    """A GIF whose frames each have a place and a size of their own (left, top, width, height), whatever the screen's is."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes([0, 0, 0, 255, 255, 255])
    pictures = (b"\x2c" + struct.pack("<HHHHB", *frame, 0) + b"\x02\x02\x44\x01\x00" for frame in frames)
    return screen + b"".join(pictures) + b"\x3b"


def webp(width: int, height: int, frames: int) -> bytes:
    """An animated WebP: a canvas of the given size, and so many frames of one pixel."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "WEBP", lossless=True)
    still = buffer.getvalue()[12:]
    frame = b"ANMF" + struct.pack("<I", 16 + len(still)) + bytes(6) + bytes(6) + (100).to_bytes(3, "little") + b"\0" + still
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas + b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame * frames
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def tiff(*entries: tuple[int, int, int, int], next_page: int = 0, tail: bytes = b"") -> bytes:
    """A TIFF of one directory whose entries are (tag, type, count, value or place)."""
    ordered = sorted(entries)
    directory = struct.pack("<H", len(ordered)) + b"".join(struct.pack("<HHII", *entry) for entry in ordered)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", next_page) + tail


def grey_tiff(width: int, height: int, *more: tuple[int, int, int, int], next_page: int = 0) -> bytes:
    """A TIFF of one page that promises so many pixels and holds a thousand bytes."""
    entries = {256: (256, 4, 1, width), 257: (257, 4, 1, height), 258: (258, 3, 1, 8), 259: (259, 3, 1, 1), 262: (262, 3, 1, 1),
               273: (273, 4, 1, 200), 277: (277, 3, 1, 1), 278: (278, 4, 1, height), 279: (279, 4, 1, 1000)}  # fmt: skip
    entries |= {entry[0]: entry for entry in more}
    return tiff(*entries.values(), next_page=next_page, tail=bytes(1200))


def jpeg(width: int, height: int, *, segments: bytes = b"", size: tuple[int, int] | None = None) -> bytes:
    """A grey JPEG of so many pixels with further segments before its tables; its header may be made to promise another size."""
    buffer = io.BytesIO()
    Image.new("L", (width, height), 128).save(buffer, "JPEG")
    content = bytearray(buffer.getvalue())
    if size is not None:
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = struct.pack(">HH", size[1], size[0])
    return bytes(content[:2]) + segments + bytes(content[2:])


def segment(marker: int, payload: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def jpeg_of_many_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan is said over and over: a few bytes each, a pass over every pixel each."""
    buffer = io.BytesIO()
    Image.new("L", (width, height), 128).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * scans + content[-2:]


def bmp(width: int, height: int, *, compression: int = 0, data: bytes = b"", bits: int = 8, offset: int | None = None) -> bytes:
    """A BMP whose header promises so many pixels; its data are what is given."""
    palette = bytes(4 * 256) if bits == 8 else b""
    start = 54 + len(palette) if offset is None else offset
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(palette) + len(data), 0, 0, start) + head + palette + data


def heic(*sizes: tuple[int, int], primary: int = 0) -> bytes:
    """A HEIC of several pictures, each of a size of its own."""
    buffer = io.BytesIO()
    file = pillow_heif.HeifFile()
    for number, size in enumerate(sizes):
        file.add_from_pillow(Image.new("RGB", size, (number * 40 % 256, 90, 90)))
    file.save(buffer, primary_index=primary, quality=30, enc_params={"preset": "ultrafast"})
    return buffer.getvalue()


def heic_that_promises(width: int, height: int, promised: tuple[int, int]) -> bytes:
    """A HEIC whose property of size says another than its pictures have."""
    content = bytearray(heic((width, height)))
    at = content.index(b"ispe") + 8
    while content[at : at + 8] != struct.pack(">II", width, height):
        at = content.index(b"ispe", at) + 8
    content[at : at + 8] = struct.pack(">II", *promised)
    return bytes(content)


def exif_without_end() -> bytes:
    """EXIF data whose directory leads to itself, and whose entries promise four thousand million values."""
    entries = [(0x0112, 3, 0xFFFFFFFF, 8), (0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0x9286, 7, 0xFFFFFFF0, 8)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 8)


def metadata_with(words: str) -> PngImagePlugin.PngInfo:
    """The text chunks of a PNG that say the words wherever a title may stand."""
    info = PngImagePlugin.PngInfo()
    for name in ("Title", "Author", "Comment", "Description"):
        info.add_text(name, words)
    info.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{words}</x:xmpmeta>")
    return info


def heic_with_a_huge_second() -> bytes:
    """A HEIC of two pictures, of which the second promises 30,000 pixels on each side."""
    content = bytearray(heic((320, 320), (640, 480)))
    at = content.index(b"ispe" + bytes(4) + struct.pack(">II", 640, 480)) + 8
    content[at : at + 8] = struct.pack(">II", 30_000, 30_000)
    return bytes(content)


def heic_with_a_damaged_first() -> bytes:
    """A HEIC that names the second of its pictures as the one to show, and whose first one is rubbish."""
    content = bytearray(heic((320, 320), (640, 480), primary=1))
    start = content.index(b"mdat") + 4
    content[start + 4 : start + 60] = b"\xff" * 56
    return bytes(content)
