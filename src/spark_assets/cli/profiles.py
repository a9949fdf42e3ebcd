"""The profiles of this user: servers with a key for each, in a file that nobody else can read."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

_FILE: Final = "profiles.json"
_PRIVATE_FOLDER: Final = 0o700
_PRIVATE_FILE: Final = 0o600


class BadProfiles(Exception):
    """The file of profiles cannot be used; the message is one sentence that names it."""


@dataclass(frozen=True)
class Profile:
    """A server, and a key for it."""

    base_url: str
    key: str


@dataclass
class Profiles:
    """What the file holds."""

    current: str | None = None
    """The one that is used where none is named."""
    profiles: dict[str, Profile] = field(default_factory=dict)


def profiles_file() -> Path:
    """Where the file is: in the user's folder of settings."""
    import platformdirs

    return platformdirs.user_config_path("spark-assets") / _FILE


def load_profiles() -> Profiles:
    """The profiles; none if there is no file yet. Raises BadProfiles."""
    path = profiles_file()
    try:
        known = json.loads(path.read_bytes())
        found = {name: Profile(str(profile["base_url"]), str(profile["key"])) for name, profile in known["profiles"].items()}
        return Profiles(known["current"], found)
    except FileNotFoundError:
        return Profiles()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadProfiles(f"{path} cannot be read: {error}; mend it, or remove it and run 'spark-assets login' again") from None


def save_profiles(profiles: Profiles) -> None:
    """Write them, whole or not at all. Raises BadProfiles."""
    path = profiles_file()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE), "w") as file:
            json.dump(asdict(profiles), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise BadProfiles(f"{path} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
