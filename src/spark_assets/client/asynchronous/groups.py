"""Projects and groups."""

from collections.abc import AsyncIterator, Sequence

from msgspec import UNSET, UnsetType

from spark_assets.client.asynchronous import gateway
from spark_assets.client.asynchronous.transport import AsyncTransport
from spark_assets.client.bodies import given, several, step
from spark_assets.wire.admin import GroupBody, GroupList, ProjectBody, ProjectList
from spark_assets.wire.quota import QuotaBody


class AsyncProjects:
    """`client.projects`; making and changing them needs a key with the scope `admin`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, name: str) -> ProjectBody:
        """Make a project. Raises Conflict if the name is taken."""
        return await self._transport.post("/v1/projects", ProjectBody, {"name": name})

    async def get(self, project: str) -> ProjectBody:
        """A project by its ID or name. Raises NotFound."""
        return await self._transport.get(f"/v1/projects/{step(project)}", ProjectBody)

    async def list(self) -> AsyncIterator[ProjectBody]:
        """The projects that the key may use."""
        async for project in self._transport.items("/v1/projects", ProjectList):
            yield project

    async def rename(self, project: str, name: str) -> ProjectBody:
        """Give a project another name."""
        return await self._transport.patch(f"/v1/projects/{step(project)}", ProjectBody, {"name": name})

    async def delete(self, project: str) -> None:
        """End an empty project."""
        await self._transport.delete(f"/v1/projects/{step(project)}")

    async def quota(self, project: str) -> QuotaBody:
        """What a project, by its ID or name, may hold and holds."""
        return await self._transport.get(f"/v1/quotas/{step(project)}", QuotaBody)

    async def set_quota(
        self, project: str, *, assets: int | None = None, groups: int | None = None, bytes: int | None = None
    ) -> QuotaBody:  # fmt: skip
        """Let a project hold this much and no more; None: any number. Needs the scope `project:admin`."""
        limits = {"assets": assets, "groups": groups, "bytes": bytes}
        return await self._transport.put(f"/v1/quotas/{step(project)}", QuotaBody, limits)

    async def remove_quota(self, project: str) -> None:
        """Limit a project no longer. Raises NotFound if it was not."""
        await self._transport.delete(f"/v1/quotas/{step(project)}")


class AsyncGroups:
    """`client.groups`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self, name: str, *, description: str = "", project: str | None = None, idempotency_key: str | None = None
    ) -> GroupBody:  # fmt: skip
        """Make a group of assets; under the same `idempotency_key` one, whoever sends it again."""
        if self._transport.gateway:
            return await gateway.create_group(self._transport, name, description, project)
        body = given(name=name, description=description or UNSET, project=project or UNSET)
        return await self._transport.post("/v1/groups", GroupBody, body, idempotency_key)

    async def get(self, group_id: str) -> GroupBody:
        """A group by its ID. Raises NotFound."""
        return await self._transport.get(f"/v1/groups/{step(group_id)}", GroupBody)

    async def list(
        self, *, project: str | None = None, name: str | None = None, ids: str | Sequence[str] = (), deleted: bool = False,
        sort: str | None = None, order: str | None = None,
    ) -> AsyncIterator[GroupBody]:  # fmt: skip
        """The groups of a project; `name` is a part of theirs, `deleted` shows the trash."""
        query = {"project": project, "name": name, "id": several(ids), "deleted": deleted or None, "sort": sort, "order": order}
        async for group in self._transport.items("/v1/groups", GroupList, query):
            yield group

    async def update(self, group_id: str, *, name: str | UnsetType = UNSET, description: str | UnsetType | None = UNSET) -> GroupBody:
        """Rename a group, or describe it anew."""
        return await self._transport.patch(f"/v1/groups/{step(group_id)}", GroupBody, given(name=name, description=description))

    async def delete(self, group_id: str) -> None:
        """Put a group and all its assets into the trash."""
        await self._transport.delete(f"/v1/groups/{step(group_id)}")

    async def restore(self, group_id: str) -> GroupBody:
        """Take a group out of the trash, with the assets that were deleted with it."""
        return await self._transport.post(f"/v1/groups/{step(group_id)}/restore", GroupBody)
