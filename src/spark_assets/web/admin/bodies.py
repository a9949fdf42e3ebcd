"""The library's nouns as our own REST surface shows them."""

from spark_assets.domain.asset import Asset, Failure
from spark_assets.domain.group import Group
from spark_assets.domain.project import Project
from spark_assets.domain.task import Task
from spark_assets.domain.usage import dollars
from spark_assets.wire.admin import AssetBody, AssetError, GroupBody, ProjectBody, TaskBody
from spark_assets.wire.times import rfc3339


def project_body(project: Project) -> ProjectBody:
    """A project."""
    return ProjectBody(id=project.id, name=project.name, created_at=rfc3339(project.created_at))


def group_body(group: Group, project: Project) -> GroupBody:
    """A group of the project."""
    return GroupBody(
        id=group.id,
        name=group.name,
        description=group.description,
        type=group.type.value,
        project=project.name,
        created_at=rfc3339(group.created_at),
        updated_at=rfc3339(group.updated_at),
        deleted_at=when(group.deleted_at),
    )


def asset_body(asset: Asset, project: Project, link: str) -> AssetBody:
    """An asset of the project; `link` is its signed address, empty unless it is active."""
    facts = asset.facts
    return AssetBody(
        id=asset.id,
        name=asset.name,
        type=asset.type.value,
        status=asset.status.value,
        group_id=asset.group_id,
        project=project.name,
        url=link or None,
        sha256=asset.sha256,
        size=asset.size,
        format=None if facts is None else facts.format.value,
        width=None if facts is None else facts.width,
        height=None if facts is None else facts.height,
        duration=None if facts is None else facts.duration,
        frame_rate=None if facts is None else facts.frame_rate,
        codec=None if facts is None else facts.codec,
        tags=asset.tags,
        external_id=asset.external_id,
        metadata=asset.metadata,
        moderation=asset.moderation.value,
        task_id=asset.task_id,
        created_at=rfc3339(asset.created_at),
        updated_at=rfc3339(asset.updated_at),
        deleted_at=when(asset.deleted_at),
        error=_error(asset.failure),
    )


def task_body(task: Task, project: Project) -> TaskBody:
    """A task of the project."""
    return TaskBody(
        id=task.id,
        model=task.model,
        status=task.status.value,
        project=project.name,
        asset_id=task.asset_id,
        group_id=task.group_id,
        stage=task.stage.value,
        progress=task.progress,
        bytes_received=task.bytes_received,
        attempts=task.attempts,
        cost=dollars(task.charge.cost),
        discount=dollars(task.charge.discount),
        request_id=task.request_id,
        retry_of=task.retry_of,
        created_at=rfc3339(task.created_at),
        completed_at=when(task.completed_at),
        error=_error(task.failure),
    )


def when(microseconds: int | None) -> str | None:
    """A time that may not have come."""
    return None if microseconds is None else rfc3339(microseconds)


def _error(failure: Failure | None) -> AssetError | None:
    return None if failure is None else AssetError(failure.code, failure.message, failure.reason)
