"""What the README has typed, its quick start and the command line after it, and the long quick start: line by line, in one shell."""

import os
import re
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
EXPECTED = (
    '"status":"Active"',
    r"\"Status\":\"Active\"",
    '"width":800,"height":600',
    '"duration":3.0,"frame_rate":24.0,"codec":"h264"',
    '"code":"MissingParameter.URL"',
    '"code":"InvalidParameter.WidthTooSmall","message":"width 240 px is below the minimum of 300 px (exclusive)"',
    '"code":"NotFound.asset_id"',
)
"""What the pages show of the answers."""


def shell_lines(text: str) -> list[str]:
    """Every line of the shell blocks; installing is what made it possible to run this."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line != "make install"]


def all_lines() -> list[str]:
    """The README's quick start, the long one, and what the README goes on with; its last line stops the server."""
    readme = (ROOT / "README.md").read_text()
    short, after = (
        shell_lines(readme.partition(f"## {title}\n")[2].partition("\n## ")[0])
        for title in ("Quick start", "From the command line, and from Python")
    )
    assert after[-1] == "kill %1 %2"
    return [*short, *shell_lines((ROOT / "docs" / "quickstart.md").read_text()), *after]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_all_of_it_typed_line_by_line_does_what_it_says(tmp_path: Path) -> None:
    script = "\n".join(all_lines()).replace("8000", free_port()).replace("8080", free_port())
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
    assert "copy.jpg: OK" in report
    for name, copy in (("moon.jpg", "copy.jpg"), ("fade.mp4", "fade-copy.mp4")):
        assert (tmp_path / "spark-try" / copy).read_bytes() == (tmp_path / "spark-try" / name).read_bytes()
    (downloaded,) = (tmp_path / "spark-try").glob("copy-of-moon-*.jpg")
    assert downloaded.read_bytes() == downloaded.with_name(downloaded.name.removeprefix("copy-of-")).read_bytes()
    assert len(re.findall(r"^moon-\d\d\.jpg +added ", report, re.MULTILINE)) == 20, report
    assert len(re.findall(r"^moon-\d\d\.jpg asset-", report, re.MULTILINE)) == 20, report
    for said in EXPECTED:
        assert said in report, report


def end_session(shell: "subprocess.Popen[bytes]") -> None:
    """End what the shell left running, when a line failed before the last one."""
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()
