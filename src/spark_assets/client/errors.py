"""What the client raises.

SparkAssetsError
├── ConnectionFailed        no answer, after all attempts
├── NotUnderstood           an answer that is none of Spark Assets
├── NotAtGateway            the hosted gateway has no such operation
├── TransferBroken          bytes that arrived are not those that were announced
├── TaskFailed              a task that was waited for has failed
├── WaitTimedOut            a task was still in progress when the time was up
└── ApiError                the server refused; by status:
    ├── BadRequest          400 and every other refusal of what was asked
    ├── AuthenticationFailed    401
    ├── PermissionDenied        403
    ├── NotFound                404
    ├── Conflict                409
    ├── TooLarge                413
    ├── RateLimited             429
    └── ServerFailed        500 and above
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from spark_assets.wire.admin import TaskBody


class SparkAssetsError(Exception):
    """Whatever the client raises."""


class ConnectionFailed(SparkAssetsError):
    """The server could not be reached, or the connection broke, as often as it was tried."""


class NotUnderstood(SparkAssetsError):
    """What came is no answer of Spark Assets; most often, something else answers at the address."""

    def __init__(self, whence: str) -> None:
        super().__init__(f"{whence} answered with what is no answer of Spark Assets: is the address right?")


class NotAtGateway(SparkAssetsError):
    """The hosted gateway knows three operations; this is none of them, or asks more of one than it can do."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the hosted gateway has no {what}: it can create groups, create assets by URL, and get an asset")


class TransferBroken(SparkAssetsError):
    """The bytes that arrived are not those of the asset; nothing of them is kept."""


class TaskFailed(SparkAssetsError):
    """A task has failed; `code`, `message` and `reason` say why, `task` is how it ended, `request_id` what the server's log calls it."""

    def __init__(self, task: "TaskBody") -> None:
        self.task: Final = task
        self.code: Final = task.error.code if task.error else "InternalError"
        self.message: Final = task.error.message if task.error else "the task failed without a reason"
        self.reason: Final = task.error.reason if task.error else None
        self.request_id: Final = task.request_id
        super().__init__(f"{self.code}: {self.message} (task {task.id})")


class WaitTimedOut(SparkAssetsError, TimeoutError):
    """A task was still in progress when the time was up; it goes on, and can be waited for again."""

    def __init__(self, task: "TaskBody", seconds: float) -> None:
        self.task: Final = task
        super().__init__(f"task {task.id} was still {task.stage} after {seconds:g} s; it goes on, wait for it again")


class Detail(msgspec.Struct):
    """What an answer says of an error; as little as any gateway says."""

    code: str
    message: str
    param: str | None = None
    reason: str | None = None


class _Refusal(msgspec.Struct):
    error: Detail
    request_id: str | None = None


class ApiError(SparkAssetsError):
    """The server refused a request."""

    def __init__(self, status: int, detail: "Detail", request_id: str | None = None, retry_after: float | None = None) -> None:
        self.status: Final = status
        """The HTTP status."""
        self.code: Final = detail.code
        """Stable, such as `NotFound.GroupId`."""
        self.message: Final = detail.message
        self.param: Final = detail.param
        """The parameter at fault."""
        self.reason: Final = detail.reason
        """A finer cause than the code, where there is one."""
        self.request_id: Final = request_id
        """What the server's log calls the request."""
        self.retry_after: Final = retry_after
        """Seconds after which it is worth trying again, where the server says so."""
        super().__init__(f"{detail.code}: {detail.message}" + (f" (request {request_id})" if request_id else ""))

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in RETRYABLE


class BadRequest(ApiError):
    """Something is wrong with what was asked."""


class AuthenticationFailed(ApiError):
    """The key is missing, unknown, expired or revoked."""


class PermissionDenied(ApiError):
    """The key may not do this."""


class NotFound(ApiError):
    """There is no such thing, or the key may not see it."""


class Conflict(ApiError):
    """It does not fit the state of things."""


class TooLarge(ApiError):
    """More bytes than are taken."""


class RateLimited(ApiError):
    """Too many requests, or a quota is used up."""


class ServerFailed(ApiError):
    """The server, or something it needs, does not work at present."""


RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which a request that may be repeated is sent again."""
PASSING: Final = frozenset({429, 502, 503, 504})
"""Those of them that are over as soon as a server, or what it needs, is back."""
_BY_STATUS: Final[dict[int, type[ApiError]]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    429: RateLimited,
}


def api_error(status: int, body: bytes, request_id: str | None, retry_after: float | None) -> ApiError:
    """The error that an answer tells of, whether it is the server's own or a proxy's."""
    try:
        told = msgspec.json.decode(body, type=_Refusal)
        detail, request_id = told.error, told.request_id or request_id
    except msgspec.MsgspecError:
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "unknown status"
        doubt = "" if status in RETRYABLE else ", and not as Spark Assets does: is the address right?"
        detail = Detail(f"HTTP{status}", f"the server answered {status} {phrase}{doubt}")
    kind = _BY_STATUS.get(status, ServerFailed if status >= 500 else BadRequest)
    return kind(status, detail, request_id, retry_after)
