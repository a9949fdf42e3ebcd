"""`/v1/access-keys`: key pairs that sign requests of the action dialect."""

from typing import Final

from spark_assets.domain import own_parameters as own
from spark_assets.domain.api_key import DEFAULT_SCOPES
from spark_assets.domain.key_parameters import KEY_NAME, PROJECTS, SCOPES
from spark_assets.operations import access_keys
from spark_assets.operations.paging import Paging
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.endpoint import Asked, Endpoint, changing, reading
from spark_assets.web.admin.key_bodies import access_key_body, new_access_key_body, project_names
from spark_assets.wire.keys import AccessKeyList, NewAccessKeyBody


async def _list(repositories: Repositories, asked: Asked) -> AccessKeyList:
    listed = await access_keys.page(repositories, asked.call, Paging(**asked.values))
    names = await project_names(repositories)
    return AccessKeyList([access_key_body(key, names) for key in listed.items], listed.next_token)


async def _create(uow: UnitOfWork, asked: Asked) -> NewAccessKeyBody:
    key, secret = await access_keys.create(
        uow,
        name=asked.values["name"],
        scopes=frozenset(asked.values.get("scopes", DEFAULT_SCOPES)),
        projects=asked.values.get("projects", ()),
        now=asked.call.now,
        caller=asked.call.caller,
        origin=asked.call.origin,
    )
    return new_access_key_body(key, secret, await project_names(uow))


async def _revoke(uow: UnitOfWork, asked: Asked) -> None:
    await access_keys.revoke(uow, asked.path["key_id"], asked.call.now, asked.call.caller, asked.call.origin)


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/access-keys",
        summary="The access keys, without their secrets; needs the scope project:admin, and shows those of its projects, or admin",
        query=own.PART,
        answer=AccessKeyList,
        handle=reading(_list),
    ),
    Endpoint(
        method="POST",
        path="/v1/access-keys",
        summary="Make an access key, whose secret is shown this once; needs the scope project:admin for its own projects, or admin",
        required=(KEY_NAME,),
        optional=(SCOPES, PROJECTS),
        answer=NewAccessKeyBody,
        status=201,
        handle=changing(_create),
        errors=("NotFound.ProjectName",),
    ),
    Endpoint(
        method="DELETE",
        path="/v1/access-keys/{key_id}",
        summary="Revoke an access key: every server refuses it within a second; needs the scope project:admin",
        handle=changing(_revoke),
        errors=("NotFound.key_id",),
    ),
)
