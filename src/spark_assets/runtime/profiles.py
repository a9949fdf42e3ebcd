"""Settings that name a profile, or a TOML file which says the same in full."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from spark_assets.settings import PREFIX, BadSettings

Profile = TypeVar("Profile")


def load_profile(setting: str, value: str, profiles: Mapping[str, Profile], read: Callable[[dict[str, Any], str], Profile]) -> Profile:
    """The profile of that name, or what `read` makes of the file's keys and its name without the ending.

    Raises BadSettings, also for a ValueError of `read`.
    """
    if value in profiles:
        return profiles[value]
    path = Path(value)
    if path.suffix != ".toml":
        raise BadSettings(f"{PREFIX}{setting} names neither a profile ({', '.join(profiles)}) nor a .toml file")
    try:
        return read(tomllib.loads(path.read_text()), path.stem)
    except OSError as error:
        raise BadSettings(f"{PREFIX}{setting} names a file that cannot be read: {error.strerror}") from None
    except (ValueError, msgspec.ValidationError) as error:
        raise BadSettings(f"{PREFIX}{setting} names a file that cannot be used: {error}") from None
