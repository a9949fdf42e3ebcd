"""Logs: structured, on stderr, readable on a terminal and JSON elsewhere."""

import io
import logging
import sys
from typing import Any, TextIO, cast

import structlog


class CurrentStderr(io.TextIOBase):
    """Whatever stderr is at the moment of writing: loggers live on when it is exchanged."""

    def write(self, text: str) -> int:
        """Write to stderr."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush stderr."""
        sys.stderr.flush()


def configure_logging(level: str, form: str) -> None:
    """Set up structlog, and let the libraries' own loggers through from WARNING on.

    `form`: `text`, `json`, or `auto`, which is text on a terminal.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    # Tracebacks without the values of variables: a source address with its credentials may be among them.
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Any = console if as_text else structlog.processors.JSONRenderer(sort_keys=True)
    if as_text:
        shared.pop()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, CurrentStderr())),  # a line at once: several processes share stderr
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
