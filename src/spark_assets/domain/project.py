"""Projects: named containers that keep assets, groups and keys apart."""

import re
from typing import Final

import msgspec

from spark_assets.domain.errors import InvalidParameter

DEFAULT_PROJECT: Final = "default"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A container with a unique name; `default` always exists."""

    id: str
    name: str
    created_at: int
    """Unix microseconds."""


def check_project_name(name: str) -> str:
    """The name itself if a project may be called so. Raises InvalidParameter `ProjectName`."""
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            "ProjectName", "a project name has 1 to 64 letters, digits, dots, underscores or hyphens and begins with a letter or a digit"
        )
    return name
