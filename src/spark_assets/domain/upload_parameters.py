"""The parameters of uploads on our own REST surface, beside those of the asset that an upload becomes."""

import re
from typing import Any, Final

from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.filter_values import whole
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameter_values import read_text
from spark_assets.domain.policy import SAFETY_LIMITS

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def read_sha256(name: str, value: Any) -> str:
    """A SHA-256 in hex; in lower case from here on."""
    text = read_text(name, value).lower()
    if not _SHA256.fullmatch(text):
        raise InvalidParameter(name, f"{name} must be 64 hexadecimal digits")
    return text


LENGTH: Final = Parameter(
    name="length",
    field="length",
    description="Bytes of the file",
    read=whole(1, SAFETY_LIMITS.size),
    json_type="integer",
    example=204_800,
    minimum=1,
    maximum=SAFETY_LIMITS.size,
)
SHA256: Final = Parameter(
    name="sha256",
    field="sha256",
    description="The file's SHA-256 in hex; the ingest refuses other bytes",
    read=read_sha256,
    example="0" * 64,
    min_length=64,
    max_length=64,
    pattern="^[0-9A-Fa-f]{64}$",
)
