"""Projects and groups."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET, UnsetType

from spark_assets.client.bodies import given, several, step
from spark_assets.client.synchronous import gateway
from spark_assets.client.synchronous.transport import Transport
from spark_assets.wire.admin import GroupBody, GroupList, ProjectBody, ProjectList
from spark_assets.wire.quota import QuotaBody


class Projects:
    """`client.projects`; making and changing them needs a key with the scope `admin`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, name: str) -> ProjectBody:
        """Make a project. Raises Conflict if the name is taken."""
        return self._transport.post("/v1/projects", ProjectBody, {"name": name})

    def get(self, project: str) -> ProjectBody:
        """A project by its ID or name. Raises NotFound."""
        return self._transport.get(f"/v1/projects/{step(project)}", ProjectBody)

    def list(self) -> Iterator[ProjectBody]:
        """The projects that the key may use."""
        yield from self._transport.items("/v1/projects", ProjectList)

    def rename(self, project: str, name: str) -> ProjectBody:
        """Give a project another name."""
        return self._transport.patch(f"/v1/projects/{step(project)}", ProjectBody, {"name": name})

    def delete(self, project: str) -> None:
        """End an empty project."""
        self._transport.delete(f"/v1/projects/{step(project)}")

    def quota(self, project: str) -> QuotaBody:
        """What a project, by its ID or name, may hold and holds."""
        return self._transport.get(f"/v1/quotas/{step(project)}", QuotaBody)

    def set_quota(
        self, project: str, *, assets: int | None = None, groups: int | None = None, bytes: int | None = None
    ) -> QuotaBody:  # fmt: skip
        """Let a project hold this much and no more; None: any number. Needs the scope `project:admin`."""
        limits = {"assets": assets, "groups": groups, "bytes": bytes}
        return self._transport.put(f"/v1/quotas/{step(project)}", QuotaBody, limits)

    def remove_quota(self, project: str) -> None:
        """Limit a project no longer. Raises NotFound if it was not."""
        self._transport.delete(f"/v1/quotas/{step(project)}")


class Groups:
    """`client.groups`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self, name: str, *, description: str = "", project: str | None = None, idempotency_key: str | None = None
    ) -> GroupBody:  # fmt: skip
        """Make a group of assets; under the same `idempotency_key` one, whoever sends it again."""
        if self._transport.gateway:
            return gateway.create_group(self._transport, name, description, project)
        body = given(name=name, description=description or UNSET, project=project or UNSET)
        return self._transport.post("/v1/groups", GroupBody, body, idempotency_key)

    def get(self, group_id: str) -> GroupBody:
        """A group by its ID. Raises NotFound."""
        return self._transport.get(f"/v1/groups/{step(group_id)}", GroupBody)

    def list(
        self, *, project: str | None = None, name: str | None = None, ids: str | Sequence[str] = (), deleted: bool = False,
        sort: str | None = None, order: str | None = None,
    ) -> Iterator[GroupBody]:  # fmt: skip
        """The groups of a project; `name` is a part of theirs, `deleted` shows the trash."""
        query = {"project": project, "name": name, "id": several(ids), "deleted": deleted or None, "sort": sort, "order": order}
        yield from self._transport.items("/v1/groups", GroupList, query)

    def update(self, group_id: str, *, name: str | UnsetType = UNSET, description: str | UnsetType | None = UNSET) -> GroupBody:
        """Rename a group, or describe it anew."""
        return self._transport.patch(f"/v1/groups/{step(group_id)}", GroupBody, given(name=name, description=description))

    def delete(self, group_id: str) -> None:
        """Put a group and all its assets into the trash."""
        self._transport.delete(f"/v1/groups/{step(group_id)}")

    def restore(self, group_id: str) -> GroupBody:
        """Take a group out of the trash, with the assets that were deleted with it."""
        return self._transport.post(f"/v1/groups/{step(group_id)}/restore", GroupBody)
