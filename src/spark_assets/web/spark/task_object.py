"""A task as the dialect shows it."""

from typing import Any, Final, assert_never

import msgspec

from spark_assets.domain.parameters import OPERATIONS
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.domain.usage import MICRO, dollar_number, dollars
from spark_assets.wire.ark import SERVICE, VERSION, Envelope, IdResult, ResponseMetadata
from spark_assets.wire.spark import Content, Output, TaskCreated, TaskError, TaskMetadata, TaskObject, Usage

_encode: Final = msgspec.json.Encoder().encode


def created(task: Task) -> TaskCreated:
    """The answer to a creation: `in_progress`, however quick the operation was."""
    return TaskCreated(task.id, task.created_at // MICRO, TaskStatus.IN_PROGRESS.value, task.model)


def task_object(task: Task, region: str) -> TaskObject:
    """The answer to a poll."""
    shown = TaskObject(
        id=task.id,
        model=task.model,
        created_at=task.created_at // MICRO,
        status=task.status.value,
        metadata=_metadata(task),
    )
    match task.status:
        case TaskStatus.IN_PROGRESS:
            shown.progress = task.progress
        case TaskStatus.COMPLETED:
            shown.output = [Output([_content(task, region)])]
            shown.usage = Usage(dollars(task.charge.cost), dollar_number(task.charge.discount))
        case TaskStatus.FAILED:
            shown.error = _error(task)
        case _:
            assert_never(task.status)
    return shown


def _metadata(task: Task) -> TaskMetadata:
    return TaskMetadata(
        in_queue_at=task.created_at / MICRO,
        upload_at=None if task.uploaded_at is None else task.uploaded_at / MICRO,
        completed_at=None if task.completed_at is None else task.completed_at / MICRO,
        asset_id=task.asset_id,
        group_id=task.group_id,
        stage=task.stage.value,
        bytes=task.bytes_received,
        attempts=task.attempts,
        request_id=task.request_id,
        retry_of=task.retry_of,
    )


def _content(task: Task, region: str) -> Content:
    known = task.asset_id or task.group_id
    result: Any = _encode(IdResult(known or "")) if task.result is None else task.result.encode()
    head = ResponseMetadata(task.request_id, OPERATIONS[task.model].action, VERSION, SERVICE, region)
    text = _encode(Envelope(head, msgspec.Raw(result))).decode()
    return Content(type="text", url="", text=text, id=known, jobId=known)


def _error(task: Task) -> TaskError:
    assert task.failure is not None
    code, message = task.failure.code, task.failure.message
    return TaskError(code, message, f"{code}: {message}", task.failure.reason)
