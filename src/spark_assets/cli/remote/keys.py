"""What `keys` and `access-keys` do on a server that is reached over HTTP."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from spark_assets.cli.output import print_json
from spark_assets.cli.remote.drawing import moment
from spark_assets.cli.session import Session
from spark_assets.domain.api_key import Scope

if TYPE_CHECKING:
    from spark_assets.wire.keys import KeyBody

T = TypeVar("T")
KEYS: Final = {
    "ID": lambda key: key.id, "Name": lambda key: key.name, "Key": lambda key: key.hint, "Scopes": lambda key: ", ".join(key.scopes),
    "Projects": lambda key: _projects(key.projects), "Expires": lambda key: moment(key.expires_at),
    "Last used": lambda key: moment(key.last_used_at), "State": lambda key: _state(key),
}  # fmt: skip
ACCESS_KEYS: Final = {
    "ID": lambda key: key.id, "Name": lambda key: key.name, "Scopes": lambda key: ", ".join(key.scopes),
    "Projects": lambda key: _projects(key.projects), "State": lambda key: "valid" if key.revoked_at is None else "revoked",
}  # fmt: skip


def create_key(session: Session, name: str, scopes: Iterable[Scope], projects: Sequence[str], seconds: int | None) -> None:
    """Make an API key that ends after so many seconds, and print it this once."""
    expires_at = None if seconds is None else _after(seconds)
    made = session.client.keys.create(name, scopes=[scope.value for scope in scopes], projects=projects, expires_at=expires_at)
    _print_secret(session, made, made.key)


def rotate_key(session: Session, key_id: str, grace: int) -> None:
    """Replace an API key, and print the new one this once."""
    made = session.client.keys.rotate(key_id, grace_seconds=grace)
    _print_secret(session, made, made.key)


def create_access_key(session: Session, name: str, scopes: Iterable[Scope], projects: Sequence[str]) -> None:
    """Make an access key, and print it with its secret this once."""
    made = session.client.access_keys.create(name, scopes=[scope.value for scope in scopes], projects=projects)
    _print_secret(session, made, f"{made.id} {made.secret}")


def _print_secret(session: Session, body: object, secret: str) -> None:
    if session.as_json:
        print_json(msgspec.to_builtins(body))
    else:
        print(secret)


def _after(seconds: int) -> str:
    return datetime.fromtimestamp(int(datetime.now(UTC).timestamp()) + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _projects(names: Sequence[str] | None) -> str:
    return "all" if names is None else ", ".join(names)


def _state(key: "KeyBody") -> str:
    if key.revoked_at is not None:
        return "revoked"
    is_over = key.expires_at is not None and datetime.fromisoformat(key.expires_at) <= datetime.now(UTC)
    return "expired" if is_over else "valid"
