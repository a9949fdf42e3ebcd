"""The secrets: from the settings, or else made in the home, where they can be made anew."""

import os
import secrets
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

from spark_assets.domain.link import SigningKey
from spark_assets.settings import BadSettings, Settings

_SIGNING_FILE: Final = "signing-keys"
_ENCRYPTION_FILE: Final = "encryption-keys"
_KEPT: Final = 4
"""Keys in a file of the home: the newest, and those before it, so that a rotation that was killed and run again takes nothing away."""
_EXPECTED: Final = "it takes 'id:secret' pairs, IDs of letters and digits, secrets of 16 characters or more"


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


def are_in_home(settings: Settings) -> bool:
    """Whether secrets lie in the home rather than in the settings: whoever changes them there must be alone on it."""
    return not (settings.signing_keys.get_secret_value() and settings.encryption_keys.get_secret_value())


def renew_signing_keys(settings: Settings, *, end_links: bool) -> None:
    """Let a fresh key sign, if they are made in the home. The newest of the others verify on, unless their links are to end."""
    if not settings.signing_keys.get_secret_value():
        keys = signing_keys(settings)
        _replace(settings.home / _SIGNING_FILE, [_fresh(key.id for key in keys), *(() if end_links else keys[: _KEPT - 1])])


def renew_encryption_keys(settings: Settings, used: Collection[str]) -> None:
    """Let a fresh key seal, if they are made in the home. All others open on; `used`: IDs that values bear, of keys that are gone too."""
    if not settings.encryption_keys.get_secret_value():
        keys = encryption_keys(settings)
        _replace(settings.home / _ENCRYPTION_FILE, [_fresh([*used, *(key.id for key in keys)]), *keys])


def retire_encryption_keys(settings: Settings, used: Collection[str]) -> None:
    """Drop what has sealed nothing that is there, except the newest: copies of the database may need those."""
    if not settings.encryption_keys.get_secret_value():
        keys = encryption_keys(settings)
        _replace(settings.home / _ENCRYPTION_FILE, [*keys[:_KEPT], *(key for key in keys[_KEPT:] if key.id in used)])


def _fresh(ids: Iterable[str]) -> SigningKey:
    """A key under the next number, so that no ID ever stands for two secrets."""
    return SigningKey(str(1 + max((int(key_id) for key_id in ids if key_id.isdecimal()), default=0)), secrets.token_urlsafe(32))


def _replace(path: Path, keys: Sequence[SigningKey]) -> None:
    """Write the file anew: whoever reads it, or a power cut, meets the old keys or the new ones."""
    for left in path.parent.glob(f".{path.name}.*"):  # by whoever was killed here before
        left.unlink()
    draft = _draft(path, keys)
    draft.replace(path)
    _sync_folder(path.parent)


def _made_in_home(path: Path) -> str:
    """The file's text; a fresh secret is written first if there is none. Two processes at once agree on one."""
    if not path.exists():
        draft = _draft(path, [_fresh(())])
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        _sync_folder(path.parent)  # what is sealed with it must not outlive it in a power cut
    return path.read_text()


def _draft(path: Path, keys: Sequence[SigningKey]) -> Path:
    """A private file beside it that holds the keys, and is on the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{key.id}:{key.secret}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
