"""How a command ends when the SDK raises: one sentence on stderr, and the exit code of the command line's contract."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from spark_assets.cli.connection import Connection
from spark_assets.cli.output import AUTHENTICATION, FAILURE, NOT_FOUND, RETRYABLE, USAGE, fail
from spark_assets.client.errors import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    ConnectionFailed,
    NotFound,
    PermissionDenied,
    SparkAssetsError,
    TaskFailed,
    WaitTimedOut,
)

TASK_FAILED: Final = 5
TIMED_OUT: Final = 6
_QUOTA: Final = "QuotaExceeded"
"""Answered with 429, and no better in a minute."""


@contextmanager
def explained(connection: Connection) -> Iterator[None]:
    """Turn what the SDK raises into one sentence and an exit code."""
    try:
        yield
    except (SparkAssetsError, OSError, ValueError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        fail(sentence(error, connection), exit_code(error))


def exit_code(error: Exception) -> int:
    """The exit code of the command line's contract."""
    match error:
        case TaskFailed():
            return TASK_FAILED
        case WaitTimedOut():
            return TIMED_OUT
        case ConnectionFailed():
            return RETRYABLE
        case AuthenticationFailed():
            return AUTHENTICATION
        case NotFound():
            return NOT_FOUND
        case ApiError():
            if error.retryable and error.code != _QUOTA:
                return RETRYABLE
            return USAGE if isinstance(error, BadRequest) else FAILURE
        case ValueError() | FileNotFoundError() | IsADirectoryError() | PermissionError():
            return USAGE
        case _:
            return FAILURE


def common_code(errors: Iterable[Exception]) -> int:
    """The exit code of several: theirs if they are alike, else 1; 0 for none."""
    codes = {exit_code(error) for error in errors}
    return (codes.pop() if len(codes) == 1 else FAILURE) if codes else 0


def sentence(error: Exception, connection: Connection | None = None) -> str:
    """What went wrong, in words; with the connection, also where and by which key where that matters."""
    match error:
        case AuthenticationFailed() | PermissionDenied() if connection is not None:
            return f"{error} at {connection.base_url}, with the key of {connection.source}"
        case TaskFailed():
            return f"{error.code}: {error.message}"
        case OSError() if error.strerror is not None:
            return f"{error.filename}: {error.strerror}" if error.filename is not None else str(error.strerror)
        case _:
            return str(error)
