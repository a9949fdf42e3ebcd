"""The blobs in a folder, in the order of their names, without ever holding more than one folder's names per level."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from spark_assets.domain import blob_names
from spark_assets.ports.blobs import StoredBlob


def walk(root: Path, prefix: str) -> Iterator[StoredBlob]:
    """Every blob whose name begins with the prefix, sorted by name; blocks on the disk between blobs.

    What is not named like a blob (hidden folders, `lost+found`) is passed over, and so is what vanishes meanwhile.
    Raises OSError, also when the root itself is missing.
    """
    with os.scandir(root):
        pass
    yield from _walk(root, "", prefix)


def _walk(folder: Path, at: str, prefix: str) -> Iterator[StoredBlob]:
    for name in _children(folder, at):
        if name.endswith("/"):
            if name.startswith(prefix) or prefix.startswith(name):
                yield from _walk(folder / name.rstrip("/").rpartition("/")[2], name, prefix)
        elif name.startswith(prefix):
            blob = _blob(folder / name.rpartition("/")[2], name)
            if blob is not None:
                yield blob


def _children(folder: Path, at: str) -> list[str]:
    """Names below the folder, sorted as whole names are: those of folders end in a slash."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except FileNotFoundError:
        return []
    return sorted(f"{at}{name}/" if is_folder else f"{at}{name}" for name, is_folder in found if blob_names.is_name(name))


def _blob(path: Path, name: str) -> StoredBlob | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return StoredBlob(name, found.st_size, found.st_mtime) if stat.S_ISREG(found.st_mode) else None
