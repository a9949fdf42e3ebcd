"""Moves of files that survive a loss of power.

Every function here blocks on the disk, and all but `discard_spooled` raise OSError; callers run them in a thread.
The order is always: the file's bytes reach the disk, then it gets its name, then the folder reaches the disk.
"""

import errno
import os
import shutil
import stat
import uuid
from pathlib import Path
from typing import Final

import structlog

from spark_assets.failpoints import Failpoint, reach

FILE_MODE: Final = 0o640
"""Blobs can be read by the service's user and group alone."""
FOLDER_MODE: Final = 0o750
_log = structlog.get_logger()


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make one folder, durably, inside an existing one.

    The parent is brought to the disk even if the folder was there: another thread may have made it a moment ago.
    """
    try:
        folder.mkdir(FOLDER_MODE)
    except FileExistsError:
        if not stat.S_ISDIR(folder.stat().st_mode):  # or FileNotFoundError: a deletion beside us has removed it since
            raise
    sync_folder(folder.parent)


def has_size(path: Path, size: int) -> bool:
    """Whether there is a regular file of exactly so many bytes."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == size


def renew(path: Path) -> bool:
    """Set the file's time to now, and bring its name to the disk; False if it vanished meanwhile.

    The folder is synced because whoever gave the file its name may not have come to that yet.
    """
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    sync_folder(path.parent)
    return True


def sync_file(path: Path) -> None:
    """Bring the bytes of a file to the disk; nothing of it changes, not even a time."""
    descriptor = _open(path)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def finish_file(path: Path, *, is_synced: bool = False) -> None:
    """Give a file the permissions of a blob, and bring its bytes to the disk unless they are there."""
    descriptor = _open(path)
    try:
        os.fchmod(descriptor, FILE_MODE)
        if not is_synced:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename_durably(source: Path, target: Path) -> None:
    """Give a synced file its final name, replacing what was there, and bring that to the disk."""
    source.rename(target)
    reach(Failpoint.BLOB_RENAMED)
    sync_folder(target.parent)
    reach(Failpoint.BLOB_FOLDER_SYNCED)


def copy_aside(source: Path, folder: Path) -> Path:
    """Copy a file into the folder under a name of its own, synced; nothing is left behind if that fails."""
    copy = folder / f"{uuid.uuid4().hex}.part"
    try:
        shutil.copyfile(source, copy, follow_symlinks=False)
        finish_file(copy)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return copy


def discard_spooled(path: Path) -> None:
    """Remove a spool file whose bytes are stored, or are wanted no more. It never raises: where that fails, the sweeper comes later."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("spool_file_left_to_sweeper", error=errno.errorcode.get(error.errno or 0, "unknown"), file=path.name)


def copy_out(source: Path, target: Path) -> None:
    """Copy a file without haste to make it durable; nothing is left behind if that fails."""
    try:
        shutil.copyfile(source, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
