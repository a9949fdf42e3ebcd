"""The task dialect: what a client posts and polls."""

import msgspec
from msgspec import UNSET, UnsetType


class TaskCreated(msgspec.Struct):
    """The answer to a creation: only what is known at once."""

    id: str
    created_at: int
    status: str
    model: str


class TaskError(msgspec.Struct, omit_defaults=True):
    """Why a task failed."""

    code: str
    message: str
    error_message: str
    reason: str | None = None


class Content(msgspec.Struct, omit_defaults=True):
    """One piece of a result: JSON in `text`; `id` and `jobId` repeat the ID in it for clients that keep nothing else."""

    type: str
    url: str = msgspec.field(default_factory=str)
    text: str = msgspec.field(default_factory=str)
    id: str | None = None
    jobId: str | None = None  # noqa: N815  # the wire's spelling


class Output(msgspec.Struct):
    """One output of a task."""

    content: list[Content]


class Usage(msgspec.Struct):
    """What a task cost: a decimal string in US dollars, and the amount taken off."""

    cost: str
    discount: int | float


class TaskMetadata(msgspec.Struct, omit_defaults=True):
    """What is known of a task besides its result; times are Unix seconds."""

    in_queue_at: float
    stage: str
    bytes: int
    attempts: int
    request_id: str
    upload_at: float | None = None
    completed_at: float | None = None
    asset_id: str | None = None
    group_id: str | None = None
    retry_of: str | None = None
    """The failed task that this one tries again."""


class TaskObject(msgspec.Struct):
    """A task as it is polled."""

    id: str
    model: str
    created_at: int
    status: str
    metadata: TaskMetadata
    progress: float | UnsetType = UNSET
    error: TaskError | UnsetType = UNSET
    output: list[Output] | UnsetType = UNSET
    usage: Usage | UnsetType = UNSET
