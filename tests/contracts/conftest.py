"""What the contract suites share: a place for received files."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def spool(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes bytes to a new file, as a finished download would be."""
    folder = tmp_path / "spool"
    folder.mkdir()

    def write(data: bytes) -> Path:
        path = folder / str(time.monotonic_ns())
        path.write_bytes(data)
        return path

    return write
