"""Uploads that were begun and not ended, remembered on this computer so that the same command goes on with them."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_KEPT: Final = 2 * 86_400
"""Seconds; a server forgets an upload a day after its last byte."""


class Resumptions:
    """A folder with a small file for each upload under way."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self._folder = folder
        self._base_url = base_url

    def mark(self, path: Path, fields: Mapping[str, Any]) -> str:
        """What tells one upload from others: the server, the file as it is now, and what is said of the asset. Raises OSError."""
        state = path.stat()
        told = [self._base_url, os.fsencode(path.resolve()).hex(), state.st_size, state.st_mtime_ns, dict(fields)]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def find(self, mark: str) -> str | None:
        """Where the server keeps what has arrived of it."""
        try:
            return str(json.loads(self._file(mark).read_bytes())["upload"])
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def keep(self, mark: str, upload: str) -> None:
        """Remember an upload. Where nothing can be written it is not resumed, which is no reason to stop."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = self._folder / f".{mark}.{os.getpid()}"
            draft.write_text(json.dumps({"upload": upload}))
            draft.replace(self._file(mark))

    def forget(self, mark: str) -> None:
        """It has ended."""
        with suppress(OSError):
            self._file(mark).unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget what the server has forgotten."""
        with suppress(OSError):
            for file in self._folder.iterdir():
                if file.stat().st_mtime < time.time() - _KEPT:
                    file.unlink(missing_ok=True)

    def _file(self, mark: str) -> Path:
        return self._folder / f"{mark}.json"


def open_resumptions(base_url: str) -> Resumptions:
    """Those of this user: in the user's cache folder."""
    import platformdirs

    found = Resumptions(platformdirs.user_cache_path("spark-assets") / "uploads", base_url)
    found.clear()
    return found
