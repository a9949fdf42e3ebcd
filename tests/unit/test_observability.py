import io
import sys
from pathlib import Path

import pytest
import structlog

from spark_assets.cli import application
from spark_assets.observability import configure_logging
from spark_assets.settings import load_settings


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_in_the_log_shows_no_values(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    try:
        configure_logging("info", form)
        address = "https://example.com/a.jpg?token=" + "TOP" + "SECRET"
        try:
            raise ValueError(len(address))
        except ValueError:
            structlog.get_logger().exception("crashed")
    finally:
        structlog.reset_defaults()
    assert "ValueError" in written.getvalue()
    assert "TOPSECRET" not in written.getvalue()


class Pieces(io.StringIO):
    """A stream that keeps what is written to it at once."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_of_the_log_is_written_at_once_for_processes_share_the_stream(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Pieces()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("info", form)
    log = structlog.get_logger()
    log.info("first")
    log.info("second", count=2)
    assert [piece.count("\n") for piece in stream.pieces] == [1, 1]
    assert all(piece.endswith("\n") for piece in stream.pieces)


def test_a_server_says_in_one_piece_where_it_is_and_that_it_is_ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stream = Pieces()
    monkeypatch.setattr(sys, "stderr", stream)
    application._announce(load_settings(home=tmp_path))
    (said,) = stream.pieces
    assert [line.split()[0] for line in said.splitlines()] == ["console", "ready"]
