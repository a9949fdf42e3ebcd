"""The home folder: what lies in it, who may use it, and the secrets that are made in it."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from spark_assets.domain.errors import OperatorError
from spark_assets.domain.link import SigningKey
from spark_assets.ports.inspector import WORKING_FOLDER
from spark_assets.settings import BadSettings, Settings

_PRIVATE: Final = 0o700
_SIGNING_FILE: Final = "signing-keys"
_ENCRYPTION_FILE: Final = "encryption-keys"
_EXPECTED: Final = "it takes 'id:secret' pairs, IDs of letters and digits, secrets of 16 characters or more"


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


def _clear(left: Path) -> None:
    """Remove a file or a folder with all that is in it. What cannot be removed stays: it is no reason not to start."""
    if left.is_dir() and not left.is_symlink():
        shutil.rmtree(left, ignore_errors=True)
    else:
        with suppress(OSError):
            left.unlink()


def signing_keys(settings: Settings) -> tuple[SigningKey, ...]:
    """The keys of signed links: from the settings, else made in the home."""
    return _keys(settings, "SIGNING_KEYS", settings.signing_keys.get_secret_value(), _SIGNING_FILE)


def encryption_keys(settings: Settings) -> tuple[SigningKey, ...]:
    """The keys that seal source addresses: from the settings, else made in the home."""
    return _keys(settings, "ENCRYPTION_KEYS", settings.encryption_keys.get_secret_value(), _ENCRYPTION_FILE)


def _keys(settings: Settings, setting: str, given: str, file_name: str) -> tuple[SigningKey, ...]:
    text = given or _made_in_home(settings.home / file_name)
    keys = []
    for pair in text.replace("\n", ",").split(","):
        if not pair.strip():
            continue
        key_id, colon, secret = pair.strip().partition(":")
        if not colon or not key_id.isalnum() or not key_id.isascii() or len(secret) < 16:
            raise BadSettings(f"SPARK_ASSETS_{setting} cannot be used: {_EXPECTED}")
        keys.append(SigningKey(key_id, secret))
    if not keys:
        raise BadSettings(f"SPARK_ASSETS_{setting} cannot be used: it holds no 'id:secret' pair")
    return tuple(keys)


def _made_in_home(path: Path) -> str:
    """The file's text; a fresh secret is written first if there is none. Two processes at once agree on one."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"1:{secrets.token_urlsafe(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        _sync_folder(path.parent)  # what is sealed with it must not outlive it in a power cut
    return path.read_text()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
