import io
import sys

import pytest
import structlog

from spark_assets.observability import configure_logging


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
