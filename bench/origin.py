"""The origin: a process of its own on loopback that serves as many distinct files as are asked for.

`/jpeg/N` is one of a few pictures with a comment that holds N; `/mp4/N` is the clip named on the command line, with a box
at its end that holds N. The clip is sent by the kernel straight from its file, so that the origin costs next to nothing.
"""

import http.server
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.child_process import module_command, running
from bench.media import free_box, jpeg_with_comment, make_jpegs

_PICTURES: Final = 16
_NUMBER_WIDTH: Final = 12
_LISTEN_QUEUE: Final = 128


@contextmanager
def serving_media(clip: Path | None = None, *, delay: float = 0.0) -> Iterator[str]:
    """The base address of an origin that begins each answer after so many seconds."""
    arguments = [str(delay)] if clip is None else [str(delay), str(clip)]
    with running(module_command("bench.origin", *arguments), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


class _Origin(http.server.ThreadingHTTPServer):
    request_queue_size = _LISTEN_QUEUE

    def __init__(self, delay: float, clip: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.delay = delay
        self.jpegs = make_jpegs(_PICTURES)
        self.clip = clip


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Origin

    def do_GET(self) -> None:
        _, kind, number = self.path.split("/")
        tag = number.zfill(_NUMBER_WIDTH).encode()
        time.sleep(self.server.delay)
        if kind == "jpeg":
            jpeg = jpeg_with_comment(self.server.jpegs[int(number) % _PICTURES], tag)
            self.wfile.write(_head("image/jpeg", len(jpeg)) + jpeg)
        else:
            assert self.server.clip is not None
            self._send_clip(self.server.clip, free_box(tag))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def _send_clip(self, clip: Path, end: bytes) -> None:
        with clip.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            self.wfile.write(_head("video/mp4", size + len(end)))
            self.connection.sendfile(file)
            self.wfile.write(end)


def _head(media_type: str, length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n".encode()


if __name__ == "__main__":
    origin = _Origin(float(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    print(origin.server_port, flush=True)
    origin.serve_forever()
