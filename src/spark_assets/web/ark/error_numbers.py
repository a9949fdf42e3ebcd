"""The numbers that the vendor documents beside some codes."""

from typing import Final

from spark_assets.domain.errors import SparkError

_NUMBERS: Final = {
    "MissingParameter": 100002,
    "MissingAuthenticationToken": 100003,
    "MissingSignature": 100005,
    "InvalidTimestamp": 100006,
    "InvalidActionOrVersion": 100008,
    "InvalidAccessKey": 100009,
    "SignatureDoesNotMatch": 100010,
    "AccessDenied": 100013,
    "InvalidSecretToken": 100026,
}


def error_number(error: SparkError) -> int | None:
    """The number of an error's code, by its part before the first dot; None for a code without a known one."""
    return _NUMBERS.get(error.code.partition(".")[0])
