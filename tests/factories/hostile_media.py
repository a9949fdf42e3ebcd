"""Files that are damaged, disguised, or larger inside than they look."""

import struct
import zlib
from pathlib import Path


def cut(source: Path, target: Path, share: float = 0.6) -> Path:
    """A copy that ends early, as after a broken transfer."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


def spoil(source: Path, target: Path, *, at: float = 0.5, length: int = 64) -> Path:
    """A copy with a stretch of bytes inverted, starting at a share of its length."""
    content = bytearray(source.read_bytes())
    start = int(len(content) * at)
    content[start : start + length] = bytes(byte ^ 0xFF for byte in content[start : start + length])
    target.write_bytes(content)
    return target


def make_concat_script(path: Path, neighbour: Path) -> Path:
    """An FFmpeg concat script that names another file; call it `.mp4` to disguise it."""
    path.write_text(f"ffconcat version 1.0\nfile '{neighbour.name}'\nduration 5\n")
    return path


def make_playlist(path: Path, address: str) -> Path:
    """An HLS playlist that names an address."""
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{address}\n#EXT-X-ENDLIST\n")
    return path


def make_png_bomb(path: Path, width: int, height: int, *, colour: bool = False) -> Path:
    """A PNG whose header promises so many pixels and whose body is next to nothing."""

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

    header = struct.pack(">IIBBBBB", width, height, 8, 2 if colour else 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))
    return path


def make_gif_bomb(path: Path, width: int, height: int, frames: int) -> Path:
    """A GIF of tiny frames on a screen of the given size, as many as asked for."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes([0, 0, 0, 255, 255, 255])
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    path.write_bytes(screen + frame * frames + b"\x3b")
    return path
