"""The least that ingesting a picture takes, in a process of its own: fetch with aiohttp, hash, decode with Pillow, write.

It takes a line of JSON, an array of addresses, works on a set number of them at once, answers with an empty line when all
are done, and waits for the next.
"""

import asyncio
import hashlib
import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import msgspec
from PIL import Image

from bench.child_process import module_command, running


class BaselineIngest:
    """One such process, seen from outside."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout

    def begin(self, urls: list[str]) -> None:
        """Hand over addresses."""
        self._stdin.write(msgspec.json.encode(urls) + b"\n")
        self._stdin.flush()

    def wait(self) -> None:
        """Return when all of them are done."""
        if not self._stdout.readline():
            raise RuntimeError("the baseline ended before its work was done")


@contextmanager
def ingesting(folder: Path, *, at_once: int) -> Iterator[BaselineIngest]:
    """A process that writes to the folder."""
    command = module_command("bench.baseline_ingest", str(folder), str(at_once))
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield BaselineIngest(process)


async def _ingest(session: aiohttp.ClientSession, url: str, folder: Path) -> None:
    async with session.get(url) as response:
        content = await response.read()
    digest = hashlib.sha256(content).hexdigest()
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        image.load()
    (folder / digest).write_bytes(content)


async def _ingest_all(session: aiohttp.ClientSession, urls: list[str], folder: Path, at_once: int) -> None:
    waiting = iter(urls)

    async def work() -> None:
        for url in waiting:
            await _ingest(session, url, folder)

    await asyncio.gather(*(work() for _ in range(at_once)))


async def _serve(folder: Path, at_once: int) -> None:
    async with aiohttp.ClientSession() as session:
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            await _ingest_all(session, msgspec.json.decode(line, type=list[str]), folder, at_once)
            print(flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
