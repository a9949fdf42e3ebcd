"""Videos and sounds whose tables lie, whose boxes have no end, or who point elsewhere: good bytes in, hostile bytes out."""

import struct
from typing import Final

SILENCE: Final = bytes(32_000)
NOWHERE: Final = 0xFFFFFFFF
CONTAINERS: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"edts", b"dinf"})


def box(kind: bytes, payload: bytes) -> bytes:
    """A box of ISO base media: its length, its kind, its payload."""
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def full_box(kind: bytes, payload: bytes) -> bytes:
    """A box with version 0 and no flags."""
    return box(kind, bytes(4) + payload)


def boxes(content: bytes) -> list[tuple[bytes, bytes]]:
    """The boxes of a payload: kind and payload of each."""
    found, position = [], 0
    while position + 8 <= len(content):
        length = struct.unpack_from(">I", content, position)[0] or len(content) - position
        found.append((content[position + 4 : position + 8], content[position + 8 : position + length]))
        position += max(length, 8)
    return found


def rebuilt(content: bytes, *path: bytes, replacement: bytes) -> bytes:
    """The content with every box at the path replaced; an index that stands behind its pictures keeps their places."""
    out = []
    for kind, payload in boxes(content):
        if kind != path[0]:
            out.append(box(kind, payload))
        else:
            out.append(replacement if len(path) == 1 else box(kind, rebuilt(payload, *path[1:], replacement=replacement)))
    return b"".join(out)


def within(content: bytes, *path: bytes) -> bytes:
    """The payload of the first box at the path."""
    for kind, payload in boxes(content):
        if kind == path[0]:
            return payload if len(path) == 1 else within(payload, *path[1:])
    raise AssertionError(f"there is no box {path[0]!r}")


def added(content: bytes, *path: bytes, extra: bytes) -> bytes:
    """The content with more behind the last box inside the box at the path."""
    return rebuilt(content, *path, replacement=box(path[-1], within(content, *path) + extra))


TABLES: Final = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def with_table(content: bytes, kind: bytes, payload: bytes) -> bytes:
    """The video with another table of samples."""
    return rebuilt(content, *TABLES, kind, replacement=full_box(kind, payload))


def endless_samples(content: bytes, count: int = NOWHERE) -> bytes:
    """A video whose tables promise thousands of millions of samples of one byte, each a tick long."""
    content = with_table(content, b"stts", struct.pack(">III", 1, count, 1))
    content = with_table(content, b"stsc", struct.pack(">IIII", 1, 1, count, 1))
    return with_table(content, b"stsz", struct.pack(">II", 1, count))


def with_rate_of_time(content: bytes, ticks: int) -> bytes:
    """The video with another number of ticks a second in its track."""
    header = bytearray(within(content, b"moov", b"trak", b"mdia", b"mdhd"))
    header[12:16] = struct.pack(">I", ticks)
    return rebuilt(content, b"moov", b"trak", b"mdia", b"mdhd", replacement=box(b"mdhd", bytes(header)))


def with_matrix(content: bytes, *values: int) -> bytes:
    """The video with another display matrix: nine numbers as they stand in the file (ISO/IEC 14496-12, 8.3.2)."""
    header = bytearray(within(content, b"moov", b"trak", b"tkhd"))
    header[40:76] = struct.pack(">9i", *values)
    return rebuilt(content, b"moov", b"trak", b"tkhd", replacement=box(b"tkhd", bytes(header)))


def with_displayed_size(content: bytes, width: int, height: int) -> bytes:
    """The video whose track promises another size of display."""
    header = bytearray(within(content, b"moov", b"trak", b"tkhd"))
    header[76:84] = struct.pack(">II", width << 16 & NOWHERE, height << 16 & NOWHERE)
    return rebuilt(content, b"moov", b"trak", b"tkhd", replacement=box(b"tkhd", bytes(header)))


def with_pixel_shape(content: bytes, wide: int, high: int) -> bytes:
    """The video whose pixels are so many times as wide as high."""
    description = within(content, *TABLES, b"stsd")
    head, entry = description[:8], description[8:]
    kind, payload = entry[4:8], entry[8:]
    inner = b"".join(box(name, inside) for name, inside in boxes(payload[78:]) if name != b"pasp")
    changed = box(kind, payload[:78] + inner + box(b"pasp", struct.pack(">II", wide, high)))
    return rebuilt(content, *TABLES, b"stsd", replacement=box(b"stsd", head + changed))


def with_coded_size(content: bytes, width: int, height: int) -> bytes:
    """The video whose description of samples promises another size of picture."""
    description = bytearray(within(content, *TABLES, b"stsd"))
    description[40:44] = struct.pack(">HH", width, height)
    return rebuilt(content, *TABLES, b"stsd", replacement=box(b"stsd", bytes(description)))


def with_edits(content: bytes, *edits: tuple[int, int, int]) -> bytes:
    """The video with a list of edits: (duration, place, rate as 16.16)."""
    body = struct.pack(">I", len(edits)) + b"".join(struct.pack(">Iii", *edit) for edit in edits)
    track = b"".join(box(kind, payload) for kind, payload in boxes(within(content, b"moov", b"trak")) if kind != b"edts")
    return rebuilt(content, b"moov", b"trak", replacement=box(b"trak", track + box(b"edts", full_box(b"elst", body))))


def elsewhere(content: bytes, kind: bytes, target: bytes) -> bytes:
    """The video whose samples lie in another file: an address, or an alias with a path."""
    if kind == b"url ":
        reference = box(b"url ", bytes(4) + target + b"\0")
    else:
        name = target.rsplit(b"/", 1)[-1]
        alias = bytearray(150)
        alias[10:12], alias[50] = b"\0\0", len(name)
        alias[51 : 51 + len(name)] = name
        parts = struct.pack(">hH", 2, len(target)) + target + bytes(len(target) % 2) + struct.pack(">hH", 18, len(target)) + target
        reference = box(b"alis", bytes(4) + bytes(alias) + parts + bytes(len(target) % 2) + struct.pack(">hH", -1, 0))
    table = full_box(b"dref", struct.pack(">I", 1) + reference)
    return rebuilt(content, *TABLES[:-1], b"dinf", replacement=box(b"dinf", table))


def movie_of_references(target: bytes) -> bytes:
    """A QuickTime file of nothing but a reference to another one."""
    reference = full_box(b"rdrf", b"url " + struct.pack(">I", len(target) + 1) + target + b"\0")
    return box(b"ftyp", b"qt  " + bytes(4) + b"qt  ") + box(b"moov", box(b"rmra", box(b"rmda", reference)))


def nested(depth: int, kind: bytes = b"moov") -> bytes:
    """Boxes within boxes."""
    content = b""
    for _ in range(depth):
        content = box(kind, content)
    return box(b"ftyp", b"isom" + bytes(4) + b"isom") + content


def with_many_tracks(content: bytes, count: int) -> bytes:
    """The video with its track said over so many times."""
    track = box(b"trak", within(content, b"moov", b"trak"))
    return added(content, b"moov", extra=track * count)


def with_title(content: bytes, words: bytes) -> bytes:
    """The video with a title in its user data."""
    data = box(b"data", struct.pack(">II", 1, 0) + words)
    names = full_box(b"meta", full_box(b"hdlr", bytes(4) + b"mdirappl" + bytes(9)) + box(b"ilst", box(b"\xa9nam", data)))
    return added(content, b"moov", extra=box(b"udta", names))


def with_cover(content: bytes, picture: bytes) -> bytes:
    """The video or song with a cover picture, a PNG, in its user data."""
    data = box(b"data", struct.pack(">II", 14, 0) + picture)
    names = full_box(b"meta", full_box(b"hdlr", bytes(4) + b"mdirappl" + bytes(9)) + box(b"ilst", box(b"covr", data)))
    return added(content, b"moov", extra=box(b"udta", names))


def wav(
    *,
    tag: int = 1,
    channels: int = 1,
    rate: int = 8000,
    align: int = 2,
    bits: int = 16,
    data: bytes = bytes(32000),
    length: int | None = None,
) -> bytes:
    """A WAV whose header says what it is told to; `length` is what it says of its data."""
    about = struct.pack("<HHIIHH", tag, channels, rate, rate * align & NOWHERE, align, bits)
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + about + b"data" + struct.pack("<I", len(data) if length is None else length) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tag_length(length: int) -> bytes:
    """A length in the seven bits a byte of an ID3v2 tag."""
    return bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))


def tagged(sound: bytes, *frames: bytes, length: int | None = None) -> bytes:
    """The MP3 behind an ID3v2.3 tag of these frames, which may lie about its length."""
    body = b"".join(frames)
    return b"ID3\x03\0\0" + tag_length(len(body) if length is None else length) + body + sound


def tag_frame(kind: bytes, payload: bytes) -> bytes:
    """A frame of an ID3v2.3 tag."""
    return kind + struct.pack(">IH", len(payload), 0) + payload


def cover(picture: bytes, kind: bytes = b"image/png") -> bytes:
    """The frame of an ID3v2.3 tag that holds a cover picture."""
    return tag_frame(b"APIC", b"\0" + kind + b"\0\x03\0" + picture)
