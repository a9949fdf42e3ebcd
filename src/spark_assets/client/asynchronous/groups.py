"""Projects and groups."""

from collections.abc import AsyncIterator, Sequence

from msgspec import UNSET, UnsetType

from spark_assets.client.asynchronous import gateway
from spark_assets.client.asynchronous.transport import AsyncTransport
from spark_assets.client.bodies import given
from spark_assets.wire.admin import GroupBody, GroupList, ProjectBody, ProjectList


class AsyncProjects:
    """`client.projects`; making and changing them needs a key with the scope `admin`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, name: str) -> ProjectBody:
        """Make a project. Raises Conflict if the name is taken."""
        return await self._transport.post("/v1/projects", ProjectBody, {"name": name})

    async def get(self, project: str) -> ProjectBody:
        """A project by its ID or name. Raises NotFound."""
        return await self._transport.get(f"/v1/projects/{project}", ProjectBody)

    async def list(self) -> AsyncIterator[ProjectBody]:
        """The projects that the key may use."""
        async for project in self._transport.items("/v1/projects", ProjectList):
            yield project

    async def rename(self, project: str, name: str) -> ProjectBody:
        """Give a project another name."""
        return await self._transport.patch(f"/v1/projects/{project}", ProjectBody, {"name": name})

    async def delete(self, project: str) -> None:
        """End an empty project."""
        await self._transport.delete(f"/v1/projects/{project}")


class AsyncGroups:
    """`client.groups`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, name: str, *, description: str = "", project: str | None = None) -> GroupBody:
        """Make a group of assets."""
        if self._transport.gateway:
            return await gateway.create_group(self._transport, name, description, project)
        return await self._transport.post(
            "/v1/groups", GroupBody, given(name=name, description=description or UNSET, project=project or UNSET)
        )

    async def get(self, group_id: str) -> GroupBody:
        """A group by its ID. Raises NotFound."""
        return await self._transport.get(f"/v1/groups/{group_id}", GroupBody)

    async def list(
        self, *, project: str | None = None, name: str | None = None, ids: Sequence[str] = (), deleted: bool = False,
        sort: str | None = None, order: str | None = None,
    ) -> AsyncIterator[GroupBody]:  # fmt: skip
        """The groups of a project; `name` is a part of theirs, `deleted` shows the trash."""
        query = {"project": project, "name": name, "id": tuple(ids), "deleted": deleted or None, "sort": sort, "order": order}
        async for group in self._transport.items("/v1/groups", GroupList, query):
            yield group

    async def update(self, group_id: str, *, name: str | UnsetType = UNSET, description: str | UnsetType | None = UNSET) -> GroupBody:
        """Rename a group, or describe it anew."""
        return await self._transport.patch(f"/v1/groups/{group_id}", GroupBody, given(name=name, description=description))

    async def delete(self, group_id: str) -> None:
        """Put a group and all its assets into the trash."""
        await self._transport.delete(f"/v1/groups/{group_id}")

    async def restore(self, group_id: str) -> GroupBody:
        """Take a group out of the trash, with the assets that were deleted with it."""
        return await self._transport.post(f"/v1/groups/{group_id}/restore", GroupBody)
