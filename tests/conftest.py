"""What every test may use: the real servers of `tests/factories/fixtures.py`, and a loopback-only network."""

import socket
from typing import Any

import pytest

pytest_plugins = ["tests.factories.fixtures"]

_real_connect = socket.socket.connect


def _loopback_only(self: socket.socket, address: Any) -> Any:
    if self.family in {socket.AF_INET, socket.AF_INET6}:
        host = str(address[0])
        if not (host.startswith("127.") or host in {"::1", "localhost"}):
            raise AssertionError(f"a test wanted to reach {host}: tests talk to loopback only")
    return _real_connect(self, address)


@pytest.fixture(autouse=True)
def network_is_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for the outside fails instead."""
    monkeypatch.setattr(socket.socket, "connect", _loopback_only)
