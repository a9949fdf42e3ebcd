"""What a server bears from clients that keep their connections and do nothing with them."""

import socket
import time
from pathlib import Path

from tests.end_to_end.shelf import Shelf
from tests.factories.http import send
from tests.factories.media import make_wav
from tests.factories.spark_processes import embedded

SILENT = 1200
"""More than a server's usual number of connections at once."""


def test_silent_connections_keep_nobody_else_out() -> None:
    with embedded() as service:
        silent = [socket.create_connection(("127.0.0.1", service.server.port)) for _ in range(SILENT)]
        try:
            assert send("GET", f"{service.server.base_url}/healthz", timeout=5).status == 200
        finally:
            for connection in silent:
                connection.close()


def test_a_reader_that_takes_nothing_does_not_hold_up_a_stop(shelf: Shelf, media: Path) -> None:
    with embedded(source_allow="127.0.0.0/8", drain_timeout=2, media_policy="open") as service:
        client = service.client()
        url = shelf.put("/long.wav", make_wav(media / "long.wav", seconds=200))
        asset = client.get_v1_asset(client.create_asset(client.create_group(), url, "Audio"))
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", service.server.port))
            target = asset["url"].removeprefix(service.server.base_url)
            reader.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert reader.recv(100).startswith(b"HTTP/1.1 200")
            began = time.monotonic()
            service.server.stop()
        assert service.server.exit_code == 0
        assert time.monotonic() - began < 12, "two seconds to drain, five for last answers"


def test_a_key_without_the_scopes_of_assets_may_not_poll() -> None:
    with embedded() as service:
        client = service.client()
        group_task = client.submit("spark_asset_create_group", Name="group", GroupType="AIGC")
        assert client.ended(group_task)["status"] == "completed"
        answer = service.client("--scope", "metrics").request("GET", f"/model/v1/generation/task/{group_task}")
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert "assets:read" in answer.message
