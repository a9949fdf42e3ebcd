"""What `keys` and `access-keys` do in the home, whether a server runs on it or not."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path

from spark_assets.cli.local import in_transaction, reading
from spark_assets.cli.output import explained, print_ids, print_json, print_table
from spark_assets.domain.access_key import AccessKey
from spark_assets.domain.api_key import DEFAULT_SCOPES, Key, Scope
from spark_assets.domain.usage import MICRO
from spark_assets.operations import keys
from spark_assets.operations.keys import Kind
from spark_assets.ports.repositories import AnyKey
from spark_assets.wire.times import utc_seconds


def create_key(
    kind: Kind[AnyKey],
    home: Path | None,
    name: str,
    scopes: Collection[Scope],
    projects: Sequence[str],
    seconds: int | None,
    *,
    as_json: bool,
) -> None:
    """Make a key that ends after so many seconds, and print it this once."""
    now = _now()
    granted = frozenset(scopes) or DEFAULT_SCOPES
    expires_at = None if seconds is None else now + seconds * MICRO
    with explained():
        made = in_transaction(
            home, lambda uow: keys.create(kind, uow, name=name, scopes=granted, projects=projects, expires_at=expires_at, now=now)
        )
    _print_secret(*made, as_json=as_json)


def rotate_key(kind: Kind[AnyKey], home: Path | None, key_id: str, grace: int, *, as_json: bool) -> None:
    """Replace a key, and print the new one this once."""
    with explained():
        made = in_transaction(home, lambda uow: keys.rotate(kind, uow, key_id, grace=grace, now=_now()))
    _print_secret(*made, as_json=as_json)


def revoke_key(kind: Kind[AnyKey], home: Path | None, key_id: str) -> None:
    """End a key."""
    with explained():
        in_transaction(home, lambda uow: keys.revoke(kind, uow, key_id, _now()))


def print_keys(kind: Kind[AnyKey], home: Path | None, *, as_json: bool, quiet: bool) -> None:
    """All keys, masked."""
    with explained():
        found = reading(home, lambda repositories: kind.held(repositories).all())
    if as_json:
        print_json([_described(key) for key in found])
    elif quiet:
        print_ids(found)
    else:
        masked = "Secret" if kind.key is AccessKey else "Key"
        rows = [(key.id, key.name, key.hint, _scopes(key), _when(key.expires_at), _when(key.last_used_at), _state(key)) for key in found]
        print_table(("ID", "Name", masked, "Scopes", "Expires", "Last used", "State"), rows)


def _print_secret(key: Key, secret: str, *, as_json: bool) -> None:
    is_pair = isinstance(key, AccessKey)
    if as_json:
        print_json({"id": key.id, "secret" if is_pair else "key": secret, **_described(key)})
    else:
        print(f"{key.id} {secret}" if is_pair else secret)


def _described(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "scopes": sorted(scope.value for scope in key.scopes),
        "project_ids": None if key.project_ids is None else sorted(key.project_ids),
        "created_at": _when(key.created_at),
        "expires_at": _when(key.expires_at) or None,
        "revoked_at": _when(key.revoked_at) or None,
        "last_used_at": _when(key.last_used_at) or None,
    }


def _scopes(key: Key) -> str:
    return ", ".join(sorted(scope.value for scope in key.scopes))


def _when(microseconds: int | None) -> str:
    return "" if microseconds is None else utc_seconds(microseconds)


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if key.is_usable(_now()) else "expired"


def _now() -> int:
    return time.time_ns() // 1000
