"""`/v1/keys`: API keys, made and ended by those who administer their projects."""

from typing import Final

from spark_assets.domain import own_parameters as own
from spark_assets.domain.api_key import DEFAULT_SCOPES
from spark_assets.domain.key_parameters import EXPIRES_AT, GRACE_SECONDS, KEY_NAME, PROJECTS, SCOPES
from spark_assets.operations import keys
from spark_assets.operations.paging import Paging
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.endpoint import Asked, Endpoint, changing, reading
from spark_assets.web.admin.key_bodies import key_body, new_key_body, project_names
from spark_assets.wire.keys import KeyBody, KeyList, NewKeyBody


async def _list(repositories: Repositories, asked: Asked) -> KeyList:
    listed = await keys.page(repositories, asked.call, Paging(**asked.values))
    names = await project_names(repositories)
    return KeyList([key_body(key, names) for key in listed.items], listed.next_token)


async def _create(uow: UnitOfWork, asked: Asked) -> NewKeyBody:
    key, secret = await keys.create(
        uow,
        name=asked.values["name"],
        scopes=frozenset(asked.values.get("scopes", DEFAULT_SCOPES)),
        projects=asked.values.get("projects", ()),
        expires_at=asked.values.get("expires_at"),
        now=asked.call.now,
        caller=asked.call.caller,
        origin=asked.call.origin,
    )
    return new_key_body(key, secret, await project_names(uow))


async def _get(repositories: Repositories, asked: Asked) -> KeyBody:
    key = await keys.find(repositories, asked.call.caller, asked.path["key_id"])
    return key_body(key, await project_names(repositories))


async def _rotate(uow: UnitOfWork, asked: Asked) -> NewKeyBody:
    call = asked.call
    grace = asked.values.get("grace", 0)
    key, secret = await keys.rotate(uow, asked.path["key_id"], grace=grace, now=call.now, caller=call.caller, origin=call.origin)
    return new_key_body(key, secret, await project_names(uow))


async def _revoke(uow: UnitOfWork, asked: Asked) -> None:
    await keys.revoke(uow, asked.path["key_id"], asked.call.now, asked.call.caller, asked.call.origin)


_ONE: Final = "/v1/keys/{key_id}"
ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/keys",
        summary="The API keys, masked; needs the scope project:admin, and shows the keys of its projects, or admin",
        query=own.PART,
        answer=KeyList,
        handle=reading(_list),
    ),
    Endpoint(
        method="POST",
        path="/v1/keys",
        summary="Make an API key, which is shown this once; needs the scope project:admin for its own projects, or admin",
        required=(KEY_NAME,),
        optional=(SCOPES, PROJECTS, EXPIRES_AT),
        answer=NewKeyBody,
        status=201,
        handle=changing(_create),
        errors=("NotFound.ProjectName",),
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        summary="An API key, masked; needs the scope project:admin",
        answer=KeyBody,
        handle=reading(_get),
        errors=("NotFound.key_id",),
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        summary="Revoke an API key: every server refuses it within a second; needs the scope project:admin",
        handle=changing(_revoke),
        errors=("NotFound.key_id",),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/rotate",
        summary="Replace an API key by a new one that may do the same, which is shown this once; needs the scope project:admin",
        optional=(GRACE_SECONDS,),
        answer=NewKeyBody,
        status=201,
        handle=changing(_rotate),
        errors=("NotFound.key_id", "Conflict.Status"),
    ),
)
