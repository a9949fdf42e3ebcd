"""Projects: named containers that keep assets, groups and keys apart."""

import re
from typing import Final

import msgspec

from spark_assets.domain.errors import InvalidParameter

DEFAULT_PROJECT: Final = "default"
NAME_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""What a project may be called, as a regular expression."""
_NAME: Final = re.compile(NAME_PATTERN)


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A container with a unique name; `default` always exists."""

    id: str
    name: str
    created_at: int
    """Unix microseconds."""
    has_quota: bool = False
    """Whether what it gains is limited; known where one project is looked up by its name or its ID."""


def check_project_name(name: str, parameter: str = "ProjectName") -> str:
    """The name itself if a project may be called so. Raises InvalidParameter, of the parameter that it came in."""
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            parameter,
            f"{parameter}: a project name has 1 to 64 letters, digits, dots, underscores or hyphens and begins with a letter or a digit",
        )
    return name
