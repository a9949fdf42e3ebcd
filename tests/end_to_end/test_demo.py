"""The demo as a newcomer runs it: the real command, the real server, the real files."""

import os
import re
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "spark-assets")
SIGNED_URL = re.compile(
    r"^http://127\.0\.0\.1:\d+/media/asset-[0-9a-z-]+/original\.(\w+)\?expires=\d+&key=1&signature=[\w-]{43}$", re.MULTILINE
)
PATIENCE = 60.0


class Demo:
    """A running demo with a folder for temporary files of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._out, self._err = folder / "out", folder / "err"
        environment = {**os.environ, "TMPDIR": str(self.temporary), "SPARK_ASSETS_DATABASE_URL": "sqlite:////nowhere/at-all.db"}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [PROGRAM, "demo", *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.err:
            assert self.process.poll() is None, self.err
            assert time.monotonic() < deadline, self.err
            time.sleep(0.02)

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def is_alive(process: psutil.Process) -> bool:
    """A zombie is not: it only waits for whoever adopted it."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_all_end(processes: list[psutil.Process]) -> None:
    """Those that lose their parent notice that by themselves, in a moment."""
    assert processes
    deadline = time.monotonic() + 5
    while any(map(is_alive, processes)):
        assert time.monotonic() < deadline, [process.cmdline() for process in processes if is_alive(process)]
        time.sleep(0.02)


@contextmanager
def running_demo(folder: Path, *arguments: str) -> Iterator[Demo]:
    demo = Demo(folder, *arguments)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.send_signal(signal.SIGTERM)
        demo.process.wait(PATIENCE)


def test_the_demo_shows_three_assets_with_whole_signed_urls_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        assert demo.process.wait(PATIENCE) == 0, demo.err
    assert SIGNED_URL.findall(demo.out) == ["jpg", "mp4", "wav"]
    assert demo.out.count("Active") == 3
    assert "download  sunset.mp4" in demo.err
    assert all(len(line) <= 80 for line in demo.out.splitlines() if not line.startswith("http"))
    assert list(demo.temporary.iterdir()) == []


def test_a_kept_server_answers_the_commands_that_were_printed_until_it_is_interrupted(tmp_path: Path) -> None:
    with running_demo(tmp_path, "--keep") as demo:
        demo.wait_for("/task/")
        printed = [line for line in demo.err.splitlines() if line.startswith(("export ", "curl "))]
        script = "\n".join(line.replace("curl ", "curl -sS --fail ") + "\necho" for line in printed)
        answered = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert answered.returncode == 0, answered.stderr
        assert '"status":"Active"' in answered.stdout
        assert '"status":"in_progress","model":"spark_asset_create"' in answered.stdout
        assert '"status":"completed"' in answered.stdout
        assert (tmp_path / "hills.jpg").read_bytes().startswith(b"\xff\xd8")
        started = demo.descendants()
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(PATIENCE) == 0, demo.err
    assert_all_end(started)
    assert list(demo.temporary.iterdir()) == []


def test_an_interrupted_demo_ends_its_server_and_removes_its_home(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        demo.wait_for("is ready after")
        started = demo.descendants()
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(PATIENCE) == 130, demo.err  # interrupted
    assert_all_end(started)
    assert list(demo.temporary.iterdir()) == []


def test_a_demo_whose_server_dies_says_so_with_the_last_lines_of_its_log(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        demo.wait_for("is ready after")
        for process in demo.descendants():
            if "serve" in process.cmdline() or process.ppid() != demo.process.pid:
                process.kill()
        assert demo.process.wait(PATIENCE) == 1
    assert "failed    POST /model/v1/generation got no answer" in demo.err
    assert "The last lines of the server's log:\n" in demo.err
    assert re.search(r"^  ready .*http://127\.0\.0\.1", demo.err, re.MULTILINE)
    assert list(demo.temporary.iterdir()) == []
