"""Whether there is room left on disk, asked often and looked up seldom."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from spark_assets.domain.errors import Unavailable

TTL: Final = 1.0
"""Seconds that an answer is used again."""


class DiskRoom:
    """Watches the file systems of some folders; `reserve` bytes of each must stay free."""

    def __init__(self, folders: Sequence[Path], reserve: int) -> None:
        self._folders = folders
        self._reserve = reserve
        self._asked_at = float("-inf")
        self._answer = True

    def has_room(self) -> bool:
        """Whether more than the reserve is free everywhere; asks at most once a second. Raises Unavailable for a missing folder."""
        now = time.monotonic()
        if now - self._asked_at >= TTL:
            self._answer = all(_free(folder) > self._reserve for folder in self._folders)
            self._asked_at = now
        return self._answer


def _free(folder: Path) -> int:
    try:
        figures = os.statvfs(folder)
    except OSError as error:
        raise Unavailable("a folder that the server needs is missing for now") from error
    return figures.f_bavail * figures.f_frsize
