"""What `keys` and `access-keys` do on a server that is reached over HTTP."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from spark_assets.cli.output import print_json
from spark_assets.cli.remote.drawing import moment
from spark_assets.cli.session import Session
from spark_assets.domain.api_key import Scope
from spark_assets.wire.keys import KeyBody, NewAccessKeyBody, NewKeyBody

if TYPE_CHECKING:
    from spark_assets.client.synchronous.administration import AccessKeys, Keys

KEYS: Final = {
    "ID": lambda key: key.id, "Name": lambda key: key.name, "Key": lambda key: key.hint, "Scopes": lambda key: ", ".join(key.scopes),
    "Projects": lambda key: _projects(key.projects), "Expires": lambda key: moment(key.expires_at),
    "Last used": lambda key: moment(key.last_used_at), "State": lambda key: _state(key),
}  # fmt: skip
ACCESS_KEYS: Final = {"Secret" if column == "Key" else column: cell for column, cell in KEYS.items()}


def create_key(
    session: Session, keys: "Keys | AccessKeys", name: str, scopes: Iterable[Scope], projects: Sequence[str], seconds: int | None
) -> None:
    """Make a key that ends after so many seconds, and print it this once."""
    expires_at = None if seconds is None else _after(seconds)
    _print_secret(session, keys.create(name, scopes=[scope.value for scope in scopes], projects=projects, expires_at=expires_at))


def rotate_key(session: Session, keys: "Keys | AccessKeys", key_id: str, grace: int) -> None:
    """Replace a key, and print the new one this once."""
    _print_secret(session, keys.rotate(key_id, grace_seconds=grace))


def _print_secret(session: Session, made: NewKeyBody | NewAccessKeyBody) -> None:
    if session.as_json:
        print_json(msgspec.to_builtins(made))
    else:
        print(f"{made.id} {made.secret}" if isinstance(made, NewAccessKeyBody) else made.key)


def _after(seconds: int) -> str:
    return datetime.fromtimestamp(int(datetime.now(UTC).timestamp()) + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _projects(names: Sequence[str] | None) -> str:
    return "all" if names is None else ", ".join(names)


def _state(key: KeyBody) -> str:
    if key.revoked_at is not None:
        return "revoked"
    is_over = key.expires_at is not None and datetime.fromisoformat(key.expires_at) <= datetime.now(UTC)
    return "expired" if is_over else "valid"
