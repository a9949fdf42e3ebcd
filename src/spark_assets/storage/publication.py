"""Files become blobs: synced, named, and their names synced. Everything here blocks on the disk."""

import errno
from pathlib import Path
from typing import Final

from spark_assets.failpoints import Failpoint, reach
from spark_assets.storage import durable_files

INCOMING: Final = ".incoming"
"""The folder of copies under way, beside the blobs: no blob's name begins with a dot."""
_ATTEMPTS: Final = 2


class Publisher:
    """Publishes files below one folder, which must exist. Its methods raise OSError; threads may call them at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._synced_folders: set[Path] = set()

    def publish(self, source: Path, target: Path, *, is_synced: bool = False) -> None:
        """Move the file to its place, durably; one on another file system is copied and then removed. `is_synced`: its bytes are already.

        If as many bytes are there already, they stay and only their time is renewed.
        """
        found = source.stat()
        is_near = found.st_dev == self._root.stat().st_dev
        if durable_files.has_size(target, found.st_size) and durable_files.renew(target):
            reach(Failpoint.BLOB_RENEWED)
            durable_files.discard_spooled(source)
            return
        reach(Failpoint.BLOB_WRITTEN)
        if is_near:
            durable_files.finish_file(source, is_synced=is_synced)
            reach(Failpoint.BLOB_SYNCED)
            try:
                self._place(source, target)
                return
            except OSError as error:
                # Two mounts of one device look near, and still allow no rename.
                if error.errno != errno.EXDEV:
                    raise
        copy = durable_files.copy_aside(source, self.incoming())
        reach(Failpoint.BLOB_SYNCED)
        try:
            self._place(copy, target)
        finally:
            copy.unlink(missing_ok=True)
        durable_files.discard_spooled(source)

    def incoming(self) -> Path:
        """The folder of copies under way."""
        folder = self._root / INCOMING
        durable_files.make_folder(folder)
        return folder

    def _place(self, source: Path, target: Path) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._make_folders(target.parent)
                durable_files.rename_durably(source, target)
                return
            except FileNotFoundError:
                # The whole root was exchanged: make the folders again.
                self._synced_folders.clear()
                if attempt == _ATTEMPTS:
                    raise

    def _make_folders(self, folder: Path) -> None:
        """Make what is missing between root and folder, and sync the names of what this process has not yet seen synced."""
        if folder in self._synced_folders:
            return
        parts = folder.relative_to(self._root).parts
        for depth in range(1, len(parts) + 1):
            path = self._root.joinpath(*parts[:depth])
            if path not in self._synced_folders:
                durable_files.make_folder(path)
                self._synced_folders.add(path)
