"""Which server a command speaks to, and with which key."""

import os
from typing import Annotated, Final, NamedTuple

import typer

from spark_assets.cli.output import USAGE, fail
from spark_assets.cli.profiles import BadProfiles, Profile, Profiles, load_profiles

BASE_URL: Final = "http://127.0.0.1:8080"
"""Where `spark-assets serve` listens unless told otherwise."""
OF_THE_CLIENT: Final = frozenset({"ATTEMPTS", "BASE_URL", "KEY", "PROFILE"})
"""What the environment may say of the connection: not all of it is a setting of the server too."""
_PREFIX: Final = "SPARK_ASSETS_"

BaseUrl = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="The server. Also SPARK_ASSETS_BASE_URL.", show_default=False)
]
Key = Annotated[str | None, typer.Option("--key", metavar="KEY", help="The API key. Also SPARK_ASSETS_KEY.", show_default=False)]
ProfileName = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="A profile, from 'login'. Also SPARK_ASSETS_PROFILE.", show_default=False),
]


class Wish(NamedTuple):
    """What the command line said of the connection."""

    base_url: str | None = None
    key: str | None = None
    profile: str | None = None

    def __bool__(self) -> bool:
        """Whether it said anything."""
        return any(text is not None for text in self)


class Connection(NamedTuple):
    """A server, a key, and where they come from."""

    base_url: str
    key: str
    source: str


def find_connection(wish: Wish) -> Connection:
    """What the options say, else the environment, else the current profile. Ends the command if none of them says enough."""
    found = _find(wish, read_profiles())
    if found is None:
        fail(
            "which server? Run 'spark-assets login' once, which keeps a profile; or give --base-url and --key; "
            "or set SPARK_ASSETS_BASE_URL and SPARK_ASSETS_KEY",
            USAGE,
        )
    return found


def find_connection_or_home(wish: Wish, home: object) -> Connection | None:
    """The same for a command that also works on the server's own library: None where that is meant.

    What is said counts first, on the command line and then in the environment, and after it the current profile. An address in
    the environment means a server only with a key for it: without one it is the setting of the server whose home this is.
    """
    if wish and home is not None:
        fail("--home is the library of this computer, --base-url, --key and --profile mean one over HTTP: give one or the other", USAGE)
    if wish:
        return find_connection(wish)
    if home is not None or _said("HOME") or _said("DATABASE_URL"):
        return None
    known, address = read_profiles(), _said("BASE_URL")
    if not _said("PROFILE"):
        if address is None and known.current not in known.profiles:
            return None  # a key alone does not say where
        if address is not None and _said("KEY") is None and _key_for(known, address) is None:
            return None
    return _find(wish, known)


def read_profiles() -> Profiles:
    """The profiles of this user. Ends the command if their file cannot be used."""
    try:
        return load_profiles()
    except BadProfiles as error:
        fail(str(error), USAGE)


def checked_address(address: str) -> str:
    """An address that a server can have. Ends the command for anything else."""
    from spark_assets.client.bodies import checked_address as checked

    try:
        return checked(address)
    except ValueError as error:
        fail(str(error), USAGE)


def _check_attempts() -> None:
    from spark_assets.client.bodies import chosen_retries

    try:
        chosen_retries(None)
    except ValueError as error:
        fail(str(error), USAGE)


def _find(wish: Wish, known: Profiles) -> Connection | None:
    _check_attempts()
    if wish.profile is not None:
        return _merged(wish, _named(known, wish.profile), f"the profile '{wish.profile}'")
    if wish.base_url is not None:
        key = wish.key or _said("KEY") or _key_for(known, wish.base_url)
        if key is None:
            fail("--base-url says where, and nothing says with which key: give --key, or set SPARK_ASSETS_KEY", USAGE)
        return Connection(checked_address(wish.base_url), key, "--base-url")
    name = _said("PROFILE")
    if name is not None:
        return _merged(wish, _named(known, name), f"the profile '{name}' (SPARK_ASSETS_PROFILE)")
    return _by_address(wish, known, _said("BASE_URL"))


def _by_address(wish: Wish, known: Profiles, address: str | None) -> Connection | None:
    """What the environment's address says, else the current profile, whose server gets no key of the environment."""
    key, source = wish.key or _said("KEY"), "--key" if wish.key else "SPARK_ASSETS_KEY"
    if address is not None:
        found = key or _key_for(known, address)
        if found is None:
            fail("SPARK_ASSETS_BASE_URL says where, and nothing says with which key: give --key, or set SPARK_ASSETS_KEY", USAGE)
        return Connection(checked_address(address), found, source if key else f"the profile '{known.current}'")
    current = known.profiles.get(known.current or "")
    if current is not None:
        return _merged(wish, current, source if wish.key else f"the profile '{known.current}'")
    return None if key is None else Connection(BASE_URL, key, source)


def _merged(wish: Wish, profile: Profile, source: str) -> Connection:
    if wish.base_url is not None and wish.key is None and checked_address(wish.base_url) != profile.base_url:
        fail(f"the key of {source} is for {profile.base_url} and is not sent to {wish.base_url}: give --key too", USAGE)
    return Connection(checked_address(wish.base_url or profile.base_url), wish.key or profile.key, source)


def _named(known: Profiles, name: str) -> Profile:
    if name not in known.profiles:
        there_are = ", ".join(known.profiles) or "none; 'spark-assets login' makes one"
        fail(f"there is no profile '{name}'; there are: {there_are}", USAGE)
    return known.profiles[name]


def _key_for(known: Profiles, base_url: str) -> str | None:
    """The key of the current profile, if that is of this very server."""
    current = known.profiles.get(known.current or "")
    return current.key if current is not None and current.base_url == base_url.rstrip("/") else None


def _said(name: str) -> str | None:
    return os.environ.get(f"{_PREFIX}{name}") or None
