"""`/v1/keys` and `/v1/access-keys`: keys of both kinds, made and ended by those who administer their projects."""

from typing import Any, Final, Generic

import msgspec

from spark_assets.domain import own_parameters as own
from spark_assets.domain.api_key import DEFAULT_SCOPES
from spark_assets.domain.key_parameters import EXPIRES_AT, GRACE_SECONDS, KEY_NAME, PROJECTS, SCOPES
from spark_assets.operations import keys
from spark_assets.operations.access_keys import ACCESS_KEYS
from spark_assets.operations.api_keys import API_KEYS
from spark_assets.operations.paging import Paging
from spark_assets.ports.repositories import AnyKey
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.endpoint import Asked, Endpoint, changing, reading
from spark_assets.web.admin.key_bodies import described, project_names
from spark_assets.wire.keys import AccessKeyBody, AccessKeyList, KeyBody, KeyList, NewAccessKeyBody, NewKeyBody


class _Handlers(msgspec.Struct, Generic[AnyKey], frozen=True, kw_only=True):
    """What is asked of keys of one kind, in the shapes that show them."""

    kind: keys.Kind[AnyKey]
    body: type[KeyBody]
    new_body: type[KeyBody]
    secret: str
    """The field of the secret in the latter."""
    list_body: type[KeyList] | type[AccessKeyList]

    async def page(self, repositories: Repositories, asked: Asked) -> msgspec.Struct:
        listed = await keys.page(self.kind, repositories, asked.call, Paging(**asked.values))
        names = await project_names(repositories)
        shown: list[Any] = [self.body(**described(key, names)) for key in listed.items]
        return self.list_body(shown, listed.next_token)

    async def get(self, repositories: Repositories, asked: Asked) -> msgspec.Struct:
        key = await keys.find(self.kind, repositories, asked.call.caller, asked.path["key_id"])
        return self.body(**described(key, await project_names(repositories)))

    async def create(self, uow: UnitOfWork, asked: Asked) -> msgspec.Struct:
        made = await keys.create(
            self.kind,
            uow,
            name=asked.values["name"],
            scopes=frozenset(asked.values.get("scopes", DEFAULT_SCOPES)),
            projects=asked.values.get("projects", ()),
            expires_at=asked.values.get("expires_at"),
            now=asked.call.now,
            caller=asked.call.caller,
            origin=asked.call.origin,
        )
        return await self._with_secret(uow, *made)

    async def rotate(self, uow: UnitOfWork, asked: Asked) -> msgspec.Struct:
        call, grace = asked.call, asked.values.get("grace", 0)
        made = await keys.rotate(self.kind, uow, asked.path["key_id"], grace=grace, now=call.now, caller=call.caller, origin=call.origin)
        return await self._with_secret(uow, *made)

    async def revoke(self, uow: UnitOfWork, asked: Asked) -> None:
        await keys.revoke(self.kind, uow, asked.path["key_id"], asked.call.now, asked.call.caller, asked.call.origin)

    async def _with_secret(self, uow: UnitOfWork, key: AnyKey, secret: str) -> msgspec.Struct:
        return self.new_body(**{**described(key, await project_names(uow)), self.secret: secret})


def _endpoints(path: str, noun: str, shown_once: str, handlers: _Handlers[AnyKey]) -> tuple[Endpoint, ...]:
    """The endpoints of keys of one kind."""
    one = f"{path}/{{key_id}}"
    return (
        Endpoint(
            method="GET",
            path=path,
            summary=f"The {noun}s, masked; needs the scope project:admin, and shows the keys of its projects, or admin",
            query=own.PART,
            answer=handlers.list_body,
            handle=reading(handlers.page),
        ),
        Endpoint(
            method="POST",
            path=path,
            summary=f"Make an {noun}, {shown_once} shown this once; needs the scope project:admin for its own projects, or admin",
            required=(KEY_NAME,),
            optional=(SCOPES, PROJECTS, EXPIRES_AT),
            answer=handlers.new_body,
            status=201,
            handle=changing(handlers.create),
            errors=("NotFound.ProjectName",),
        ),
        Endpoint(
            method="GET",
            path=one,
            summary=f"An {noun}, masked; needs the scope project:admin",
            answer=handlers.body,
            handle=reading(handlers.get),
            errors=("NotFound.key_id",),
        ),
        Endpoint(
            method="DELETE",
            path=one,
            summary=f"Revoke an {noun}: every server refuses it within a second; needs the scope project:admin",
            handle=changing(handlers.revoke),
            errors=("NotFound.key_id",),
        ),
        Endpoint(
            method="POST",
            path=f"{one}/rotate",
            summary=f"Replace an {noun} by a new one that may do the same, {shown_once} shown this once; needs the scope project:admin",
            optional=(GRACE_SECONDS,),
            answer=handlers.new_body,
            status=201,
            handle=changing(handlers.rotate),
            errors=("NotFound.key_id", "Conflict.Status"),
        ),
    )


_API_KEYS: Final = _Handlers(kind=API_KEYS, body=KeyBody, new_body=NewKeyBody, secret="key", list_body=KeyList)
_ACCESS_KEYS: Final = _Handlers(kind=ACCESS_KEYS, body=AccessKeyBody, new_body=NewAccessKeyBody, secret="secret", list_body=AccessKeyList)
ENDPOINTS: Final = (
    *_endpoints("/v1/keys", "API key", "which is", _API_KEYS),
    *_endpoints("/v1/access-keys", "access key", "whose secret is", _ACCESS_KEYS),
)
