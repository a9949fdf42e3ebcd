"""What `keys` and `access-keys` do in the home, answered as over HTTP."""

import time

from spark_assets.cli.session import AtHome
from spark_assets.cli.wanted_key import WantedKey
from spark_assets.domain.access_key import AccessKey
from spark_assets.domain.api_key import DEFAULT_SCOPES
from spark_assets.domain.usage import MICRO
from spark_assets.operations import keys
from spark_assets.operations.keys import Kind
from spark_assets.ports.repositories import AnyKey
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.key_bodies import described, project_names
from spark_assets.wire.keys import KeyBody, NewAccessKeyBody, NewKeyBody


def create_key(place: AtHome, kind: Kind[AnyKey], wanted: WantedKey) -> NewKeyBody | NewAccessKeyBody:
    """Make a key."""
    now = _now()
    expires_at = None if wanted.seconds is None else now + wanted.seconds * MICRO

    async def create(uow: UnitOfWork) -> NewKeyBody | NewAccessKeyBody:
        scopes = frozenset(wanted.scopes) or DEFAULT_SCOPES
        made = await keys.create(kind, uow, name=wanted.name, scopes=scopes, projects=wanted.projects, expires_at=expires_at, now=now)
        return await _new_body(uow, *made)

    return place.change(create)


def rotate_key(place: AtHome, kind: Kind[AnyKey], key_id: str, grace: int) -> NewKeyBody | NewAccessKeyBody:
    """Replace a key."""

    async def rotate(uow: UnitOfWork) -> NewKeyBody | NewAccessKeyBody:
        return await _new_body(uow, *await keys.rotate(kind, uow, key_id, grace=grace, now=_now()))

    return place.change(rotate)


def revoke_key(place: AtHome, kind: Kind[AnyKey], key_id: str) -> None:
    """End a key."""
    place.change(lambda uow: keys.revoke(kind, uow, key_id, _now()))


def all_keys(place: AtHome, kind: Kind[AnyKey]) -> list[KeyBody]:
    """All keys, masked."""

    async def read(repositories: Repositories) -> list[KeyBody]:
        names = await project_names(repositories)
        return [KeyBody(**described(key, names)) for key in await kind.held(repositories).all()]

    return place.read(read)


async def _new_body(uow: UnitOfWork, key: AnyKey, secret: str) -> NewKeyBody | NewAccessKeyBody:
    shown = described(key, await project_names(uow))
    return NewAccessKeyBody(secret=secret, **shown) if isinstance(key, AccessKey) else NewKeyBody(key=secret, **shown)


def _now() -> int:
    return time.time_ns() // 1000
