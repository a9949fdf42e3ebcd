"""What every test may use: the real servers of `tests/factories/fixtures.py`, and a loopback-only network; and how tests are shared out."""

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["tests.factories.fixtures"]


_SIZE = re.compile(r"[\[-](embedded|fleet)[\]-]")
"""The size of the service in a test's ID."""
_DOORS = re.compile(r"command_line|client|how_to")
"""Files about what stands before a service: they take as long as all others, with another service of that size."""


_LONGEST_FIRST = ("tests/end_to_end/", "tests/console/", "tests/chaos/", "tests/contracts/", "tests/integration/", "tests/architecture/")
"""Folders by how long what one process takes of them lasts: what is short, or is in many pieces, evens out the end of a run."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that take long come first; processes that share them out take them in this order."""
    ranks = {folder: rank for rank, folder in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: next((rank for folder, rank in ranks.items() if item.nodeid.startswith(folder)), len(ranks)))


class _BySize(LoadScopeScheduling):
    """Keeps in one process the tests that share a service: half of one size end to end, all of the console, else those of one file."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if file.startswith("tests/console/"):
            return "console"
        size = _SIZE.search(test)
        if size is None:
            return file
        if not file.startswith("tests/end_to_end/"):
            return f"{file} {size[1]}"
        return f"{size[1]} {'doors' if _DOORS.search(file) else 'service'}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _BySize:
    """How tests are shared out among processes."""
    return _BySize(config, log)


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


@pytest.fixture(autouse=True)
def logging_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command that a test runs in this process sets up logging; no logger keeps that for the tests that follow."""
    configure = structlog.configure
    monkeypatch.setattr(structlog, "configure", lambda **how: configure(**{**how, "cache_logger_on_first_use": False}))
    yield
    structlog.reset_defaults()
