"""The README's quick start, typed line by line."""

import os
import re
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0


def quick_start_lines() -> list[str]:
    """Every line of the shell blocks below the heading; installing is what made it possible to run this."""
    section = (ROOT / "README.md").read_text().partition("## Quick start\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line != "make install"]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_the_quick_start_typed_line_by_line_ends_with_the_bytes_that_went_in(tmp_path: Path) -> None:
    lines = quick_start_lines()
    assert len(lines) > 15
    script = "\n".join(lines).replace("8000", free_port()).replace("8080", free_port())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_ASSETS_", "XDG_"))}
    environment["HOME"] = str(tmp_path)
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("wb") as shown, err.open("wb") as complaints:
        shell = subprocess.Popen(
            ["bash", "-e"], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=shown, stderr=complaints, start_new_session=True
        )
    try:
        shell.communicate(f"{script}\nwait\n".encode(), timeout=PATIENCE)
    finally:
        end_session(shell)
    report = f"{out.read_text()}\n{err.read_text()}"
    assert shell.returncode == 0, report
    assert f"{tmp_path}/spark-try/copy.jpg: OK" in report
    assert (tmp_path / "spark-try" / "copy.jpg").read_bytes() == (tmp_path / "spark-try" / "moon.jpg").read_bytes()
    assert report.count('"status":"completed"') == 2, report
    assert '"status":"Active"' in report
    assert r"\"Status\":\"Active\"" in report


def end_session(shell: "subprocess.Popen[bytes]") -> None:
    """End what the shell left running, when a line failed before the last one."""
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()
