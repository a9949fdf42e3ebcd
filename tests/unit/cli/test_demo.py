"""What the demo promises before and around its story."""

import subprocess
import sys
from pathlib import Path

import pytest

from spark_assets.cli.demo_server import DemoFailed, DemoServer, get, origin


def test_registering_the_command_loads_neither_codecs_nor_tables() -> None:
    check = "import sys, spark_assets.cli.demo; sys.exit(bool({'av', 'PIL', 'rich.table', 'http.server'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_a_server_that_cannot_start_is_reported_with_its_exit_code_and_its_reason(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    server = DemoServer(tmp_path, "127.0.0.1:9")
    try:
        server.start()
        with pytest.raises(DemoFailed, match="exit code 1 instead of starting"):
            server.wait_until_ready()
        assert "SPARK_ASSETS_HOME cannot be used" in "\n".join(server.last_log_lines())
        with pytest.raises(DemoFailed, match=r"'spark-assets keys create --name demo' failed: .*SPARK_ASSETS_HOME"):
            server.run("keys", "create", "--name", "demo")
    finally:
        server.stop()


def test_the_origin_serves_its_folder_and_is_gone_afterwards(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("here")
    with origin(tmp_path) as port:
        assert get(port, "/note.txt") == (200, b"here")
        assert get(port, "/other.txt")[0] == 404
    with pytest.raises(DemoFailed, match=r"GET /note\.txt got no answer"):
        get(port, "/note.txt")
