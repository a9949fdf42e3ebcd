"""The home folder: what lies in it, and who may use it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from spark_assets.domain.errors import OperatorError
from spark_assets.ports.inspector import WORKING_FOLDER
from spark_assets.settings import BadSettings, Settings

_PRIVATE: Final = 0o700
_MEMORY: Final = Path("/dev/shm")
_COUNTS: Final = f"spark-assets-{os.getuid()}-counts-"


class HomeInUse(OperatorError):
    """Another server runs on the same home."""


def make_home(settings: Settings) -> None:
    """Make the folders that are missing. Raises BadSettings if that is not possible."""
    folders = [settings.home, spool_folder(settings)]
    if settings.storage_url == f"file://{settings.home / 'blobs'}":
        folders.append(settings.home / "blobs")
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        except OSError as error:
            raise BadSettings(f"SPARK_ASSETS_HOME cannot be used: {folder}: {error.strerror}") from None


def spool_folder(settings: Settings) -> Path:
    """Where downloads wait to be stored."""
    return settings.home / "spool"


@contextmanager
def lock_home(settings: Settings) -> Iterator[None]:
    """Keep a second server off the home, and off its SQLite file, for as long as this lasts.

    Homes may share a file: each server would take the tasks of the other for lost ones. Raises HomeInUse, BadSettings.
    """
    database = settings.sqlite_path.resolve()
    with (
        _locked(settings.home / "lock", f"is running on {settings.home}; stop it, or use another --home"),
        _locked(database.with_name(f"{database.name}.lock"), f"uses the database {database}; stop it, or set another DATABASE_URL"),
    ):
        yield


@contextmanager
def _locked(path: Path, in_use: str) -> Iterator[None]:
    """A lock file beside what it guards: whoever closes any descriptor of SQLite's own file takes the process's locks off it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadSettings(f"the lock file {path} cannot be made: {error.strerror}; name a folder that the server may write to") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUse(f"another spark-assets server {in_use}") from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def hold_spool(settings: Settings) -> Iterator[None]:
    """Use the spool folder for as long as this lasts. What killed processes left in it is removed first, unless another one uses it."""
    descriptor = os.open(settings.home / "spool.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            for left in (*spool_folder(settings).iterdir(), *settings.home.glob(f"{WORKING_FOLDER}*")):
                _clear(left)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def counting_folder(settings: Settings, memory: Path = _MEMORY) -> Iterator[Path]:
    """A folder in which the processes of one server add up what they count. What killed servers left is removed first.

    It lies in memory where the machine has a place for that, else in the home: its files are mapped, and a process that writes to a new
    page of one on a full disk is killed. `memory`: a seam.
    """
    try:
        folder, held = _make_counts(memory, fcntl.LOCK_EX | fcntl.LOCK_NB)  # whoever holds the lock there may be a stranger
    except OSError:
        folder, held = _make_counts(settings.home, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        os.close(held)
        _clear(folder)


def _make_counts(place: Path, how: int) -> tuple[Path, int]:
    """A new folder there, and the descriptor that holds it. Raises OSError."""
    descriptor = os.open(place / f"{_COUNTS}lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, how)
        for left in place.glob(f"{_COUNTS}*/"):
            _clear_unless_held(left)
        folder = Path(tempfile.mkdtemp(prefix=_COUNTS, dir=place))
        held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(held, fcntl.LOCK_SH)
        return folder, held
    finally:
        os.close(descriptor)


def _clear_unless_held(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # none of ours
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)
    _clear(folder)


def _clear(left: Path) -> None:
    """Remove a file or a folder with all that is in it. What cannot be removed stays: it is no reason not to start."""
    if left.is_dir() and not left.is_symlink():
        shutil.rmtree(left, ignore_errors=True)
    else:
        with suppress(OSError):
            left.unlink()
