"""The server as a container has it: nothing can be written but its home, and it may do nothing that root may."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import send
from tests.factories.media import make_jpeg, make_video
from tests.factories.spark_processes import PROGRAM, ServeProcess, Service, embedded

CONFINED: Final = """
set -e
mount --make-rprivate /
mount --bind "$0" "$0"
for place in /run /tmp /var/tmp; do if mountpoint -q $place; then mount -o remount,bind,ro $place; fi; done
mount -o remount,bind,ro /
if touch /tmp/probe /var/tmp/probe 2>/dev/null; then exit 9; fi
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
"""
"""$0: the one folder that stays as it is, beside the shared memory that every container has of its own."""


class ConfinedServer(ServeProcess):
    """A server in a mount namespace of its own."""

    def launch(self, log: int) -> "subprocess.Popen[bytes]":
        """Start it there."""
        self.home.mkdir(exist_ok=True)
        serve = [str(PROGRAM), "serve", "--port", str(self.port)]
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", CONFINED, str(self.home), *serve],
            env=self.variables, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


@pytest.fixture
def service() -> Iterator[Service]:
    """An embedded service whose server is confined."""
    tools = all(shutil.which(name) for name in ("unshare", "setpriv", "mountpoint"))
    if not tools or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces are not to be had here: they are root's")
    found = embedded(source_allow="127.0.0.0/8")
    found.server = ConfinedServer(found.variables)  # type: ignore[misc]  # it stands in for the other
    found.server.variables["SPARK_ASSETS_HOME"] = found.variables["SPARK_ASSETS_HOME"] = str(found.server.home)
    found.server.variables["TMPDIR"] = str(found.server.home)  # as in the image: SQLite puts things aside
    with found:
        yield found


def test_a_server_on_a_read_only_root_without_any_right_ingests_uploads_delivers_and_stops(
    service: Service, shelf: Shelf, tmp_path: Path
) -> None:
    client = service.client()
    group = client.create_group()
    for file, kind in ((make_jpeg(tmp_path / "a.jpg"), "Image"), (make_video(tmp_path / "a.mp4", 640, 640), "Video")):
        asset = client.get_v1_asset(client.create_asset(group, shelf.put(f"/{file.name}", file), kind))
        assert send("GET", asset["url"]).body == file.read_bytes()
    process = psutil.Process(service.server.pid)
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in {0, None}
