"""What a parser asks the kernel for, seen from outside: nothing but the file that it was lent, and its own installation."""

import asyncio
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from spark_assets.domain.errors import IngestFailure
from spark_assets.ingest.sniff import recognise
from spark_assets.media.confinement import _installation
from spark_assets.media.sandbox import SandboxedInspector
from spark_assets.ports.inspector import WORKING_FOLDER
from spark_assets.ports.source import HEAD_LENGTH
from tests.factories import hostile_recordings as recordings
from tests.factories import media
from tests.integration.media.conftest import needs_seccomp

STRACE: Final = shutil.which("strace")
TRACED: Final = "trace=%file,%network,%process,%ipc,memfd_create,prctl"
ROOT: Final = Path(__file__).parents[3]
CONFINED: Final = "prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER"
QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


def can_trace() -> bool:
    if STRACE is None:
        return False
    tried = subprocess.run([STRACE, "-o", "/dev/null", "true"], capture_output=True, check=False, timeout=30)
    return tried.returncode == 0


async def inspect_all(folder: Path, spool: Path) -> None:
    """Inspect and draw every file of the folder, whatever comes of it."""
    inspector = SandboxedInspector(spool, workers=1)
    await inspector.start()
    for path in sorted(folder.iterdir()):
        try:
            found = recognise(path.read_bytes()[:HEAD_LENGTH])
            await inspector.inspect(path, found, spool / "preview")
            await inspector.preview(path, found, spool / "preview")
        except IngestFailure:
            continue
    await inspector.close()


def make_files(folder: Path, neighbour: Path, address: str) -> None:
    """A good file of every format, and files that point at a neighbour and at an address."""
    folder.mkdir()
    for maker in (media.make_jpeg, media.make_png, media.make_webp, media.make_bmp, media.make_tiff, media.make_gif, media.make_heic):
        maker(folder / maker.__name__, 320, 320)
    song = media.make_mp3(folder / "mp3", 1.0, tag=False).read_bytes()
    media.make_mp3(folder / "mp3", 1.0, cover=True)
    media.make_wav(folder / "wav", 1.0)
    video = media.make_video(folder / "mp4", 320, 320, seconds=1.0, audio=True).read_bytes()
    movie = media.make_mov(folder / "mov", 320, 320, seconds=1.0).read_bytes()
    near, far = str(neighbour).encode(), address.encode()
    (folder / "dref url").write_bytes(recordings.elsewhere(video, b"url ", far))
    (folder / "dref file").write_bytes(recordings.elsewhere(video, b"url ", b"file://" + near))
    (folder / "dref alias").write_bytes(recordings.elsewhere(movie, b"alis", near))
    (folder / "rdrf").write_bytes(recordings.movie_of_references(far))
    (folder / "rdrf file").write_bytes(recordings.movie_of_references(near))
    script = f"ffconcat version 1.0\nfile '{neighbour}'\n".encode()
    playlist = f"#EXTM3U\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n".encode()
    start = recordings.box(b"ftyp", b"isom" + bytes(4) + b"isom")
    for name, text in (("concat", script), ("playlist", playlist)):
        (folder / name).write_bytes(text)
        (folder / f"{name} in a video").write_bytes(start + text)
        (folder / f"{name} as a cover").write_bytes(recordings.tagged(song, recordings.cover(text)))
        (folder / f"{name} behind a tag").write_bytes(recordings.tagged(text + bytes(5000)))
        (folder / f"{name} as sound").write_bytes(recordings.wav(data=text * 200))


def calls_of_children(folder: Path) -> list[str]:
    """Every call that confined processes and their threads made, from the moment that they were confined."""
    traces = {path.suffix: path.read_text(errors="replace").splitlines() for path in folder.iterdir()}
    calls: list[str] = []
    for lines in traces.values():
        start = next((number for number, line in enumerate(lines) if line.startswith(CONFINED)), None)
        if start is None:
            continue
        calls += lines[start + 1 :]
        threads = [line.rsplit("= ", 1)[-1] for line in lines[start + 1 :] if line.startswith("clone")]
        calls += [line for thread in threads for line in traces.get(f".{thread}", [])]
    return calls


@needs_seccomp
@pytest.mark.skipif(not can_trace(), reason="strace is not there, or may not trace here")
def test_nothing_but_the_file_itself_is_ever_opened_or_contacted(tmp_path: Path) -> None:
    assert STRACE is not None
    (tmp_path / "spool").mkdir()
    (tmp_path / "trace").mkdir()
    neighbour = media.make_video(tmp_path / "neighbour.mp4", 64, 64, seconds=0.5)
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        make_files(tmp_path / "files", neighbour, f"http://127.0.0.1:{canary.getsockname()[1]}/x.mp4")
        command = [STRACE, "-ff", "-o", str(tmp_path / "trace" / "of"), "-e", TRACED, sys.executable, "-m", __name__]
        subprocess.run([*command, str(tmp_path / "files"), str(tmp_path / "spool")], cwd=ROOT, check=True, timeout=300)
        with pytest.raises(BlockingIOError):
            canary.accept()
    calls = calls_of_children(tmp_path / "trace")
    lent = f"{tmp_path.resolve()}/{WORKING_FOLDER}"
    opened = [QUOTED.search(line) for line in calls if line.startswith(("open", "openat"))]
    assert sum(found is not None and found[1].startswith(lent) for found in opened) > 30
    own = (lent, *(str(path) for path in _installation()))
    paths = {found[1] for line in calls for found in [QUOTED.search(line)] if found and not line.startswith(("getcwd", "prctl"))}
    assert [path for path in sorted(paths) if path and not path.startswith(own)] == []
    peaceful = ("open", "newfstatat", "stat", "lstat", "fstat", "statx", "readlink", "getcwd", "access", "faccessat", "fstatfs", "statfs")
    threads = ("clone", "exit", "prctl", "arch_prctl", "rseq", "set_robust_list", "---", "+++", "wait4", "munmap", "futex")
    assert [line for line in calls if not line.startswith((*peaceful, *threads))] == []
    assert [line for line in calls if "O_WRONLY" in line or "O_RDWR" in line or "O_CREAT" in line] == []


if __name__ == "__main__":
    asyncio.run(inspect_all(Path(sys.argv[1]), Path(sys.argv[2])))
