"""Failpoints: nothing unless one is armed, and then exactly what was asked for."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_assets import failpoints
from spark_assets.failpoints import Failpoint, UnknownFailpoint, arm, reach
from tests.factories.spark_processes import environment, run

SOURCE = Path(failpoints.__file__).parent


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm("")


def _passings(text: str, count: int) -> "subprocess.Popen[str]":
    """A process that arms itself and counts aloud how often it has passed."""
    program = (
        "from spark_assets.failpoints import Failpoint, arm, reach\n"
        f"arm({text!r})\n"
        f"for number in range({count}):\n"
        "    reach(Failpoint.BLOB_SYNCED)\n"
        "    reach(Failpoint.BLOB_RENAMED)\n"
        "    print(number, flush=True)\n"
    )
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("text", "said"), [("blob-renamed", ""), ("blob-renamed=3", "0\n1\n")])
def test_the_passing_that_is_meant_kills_the_process_at_once(text: str, said: str) -> None:
    with _passings(text, 5) as process:
        assert process.communicate(timeout=30)[0] == said
        assert process.returncode == -signal.SIGKILL


def test_a_failpoint_may_stop_the_process_until_it_is_told_to_go_on() -> None:
    with _passings("pause:blob-renamed=2", 3) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=30)[0] == "0\n1\n2\n"
        assert process.returncode == 0


def test_without_one_armed_nothing_happens() -> None:
    for point in Failpoint:
        reach(point)
    arm("blob-renamed")
    arm("")
    reach(Failpoint.BLOB_RENAMED)


@pytest.mark.parametrize("text", ["blob-renamd", "blob-renamed=0", "blob-renamed=x", "blob-renamed=", "pause", "halt:blob-renamed"])
def test_what_names_no_failpoint_is_refused(text: str) -> None:
    with pytest.raises(UnknownFailpoint):
        arm(text)


def test_a_misspelt_failpoint_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    finished = run(["serve", "--port", "1"], environment(home=tmp_path, failpoint="activation-writen"))
    assert finished.returncode == 1
    assert "SPARK_ASSETS_FAILPOINT is for tests and cannot be used: there is no failpoint 'activation-writen'" in finished.stderr
    assert "activation-written" in finished.stderr


def test_every_failpoint_stands_in_the_code() -> None:
    code = "".join(path.read_text() for path in SOURCE.rglob("*.py") if path.name != "failpoints.py")
    assert [point.name for point in Failpoint if f"reach(Failpoint.{point.name})" not in code] == []
