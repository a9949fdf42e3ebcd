"""What can go wrong, as one tree.

    SparkError                      code, message, kind
    ├── RequestError                the request itself is wrong; `param` names where
    │   ├── MissingParameter        MissingParameter.<Name>
    │   ├── InvalidParameter        InvalidParameter.<Name>
    │   └── RequestRefused          RequestTooLarge, FileSizeTooLarge, UnsupportedMediaType, NotAcceptable, MethodNotAllowed,
    │                               RequestTimeout, UnsupportedVersion, ChecksumMismatch
    ├── AuthenticationError         MissingAuthenticationToken, InvalidApiKey
    ├── SignatureError              MissingSignature, InvalidTimestamp, SignatureDoesNotMatch, InvalidAccessKey, InvalidSecretToken
    ├── AccessDenied                AccessDenied; `scope` names the scope that is missing
    ├── NotFound                    NotFound.<What>
    ├── Conflict                    Conflict.<What>
    ├── FlowLimited                 AccountFlowLimitExceeded; `limit`, and `reset` in seconds
    ├── QuotaExceeded               QuotaExceeded
    ├── Unavailable                 ServiceUnavailable; `retry_after` in seconds
    ├── StorageFull                 StorageFull
    ├── InternalError               InternalError
    └── IngestFailure               bare code of a failed ingestion, with `reason`
        └── TransientFailure        the same, but worth another attempt of the job

    OperatorError                   for whoever runs the service: one sentence, no code; never seen by a client

A code is stable: clients compare it. A message is for people: what was wrong, what was expected, what to do.
Only `web` turns a kind into an HTTP status.
"""

from enum import Enum
from typing import Final


class ErrorKind(Enum):
    """The classes of error that a door tells apart."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    TIMEOUT = "timeout"
    CONFLICT = "conflict"
    PRECONDITION = "precondition"
    CHECKSUM = "checksum"
    TOO_LARGE = "too_large"
    UNSUPPORTED_TYPE = "unsupported_type"
    LIMITED = "limited"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    STORAGE_FULL = "storage_full"
    INGEST = "ingest"


class SparkError(Exception):
    """Base of every error that a client may be told about."""

    kind: ErrorKind = ErrorKind.INTERNAL

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code: Final = code
        self.message: Final = message

    @property
    def param(self) -> str | None:
        """The parameter at fault, where there is one."""
        return None


class RequestError(SparkError):
    """The request is wrong and repeating it unchanged will not help."""

    kind = ErrorKind.INVALID

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(code, message)
        self._param = param

    @property
    def param(self) -> str | None:
        """The parameter at fault, where there is one."""
        return self._param


class MissingParameter(RequestError):
    """A required parameter is absent, null or empty."""

    def __init__(self, name: str, message: str | None = None) -> None:
        super().__init__(f"MissingParameter.{name}", message or f"the parameter {name} is required", name)


class InvalidParameter(RequestError):
    """A parameter is present and its value is not acceptable."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"InvalidParameter.{name}", message, name)


class RequestRefused(RequestError):
    """The request is refused for its form: method, size, media type, time."""

    def __init__(self, kind: ErrorKind, code: str, message: str) -> None:
        super().__init__(code, message)
        self.kind = kind


class AuthenticationError(SparkError):
    """No usable key came with the request."""

    kind = ErrorKind.UNAUTHENTICATED

    @classmethod
    def missing(cls) -> "AuthenticationError":
        """No key at all."""
        return cls("MissingAuthenticationToken", "send your API key in the header 'Authorization: Bearer KEY'")

    @classmethod
    def invalid(cls) -> "AuthenticationError":
        """A key that is malformed, unknown, revoked or expired: all alike from outside."""
        return cls("InvalidApiKey", "the API key is not valid: it may be mistyped, revoked or expired")


class SignatureError(SparkError):
    """A signed request whose signature cannot be accepted."""

    def __init__(self, code: str, message: str, kind: ErrorKind = ErrorKind.INVALID) -> None:
        super().__init__(code, message)
        self.kind = kind


class AccessDenied(SparkError):
    """The key is known but lacks a scope."""

    kind = ErrorKind.DENIED

    def __init__(self, scope: str) -> None:
        super().__init__("AccessDenied", f"the API key lacks the scope '{scope}'")
        self.scope: Final = scope


class NotFound(SparkError):
    """There is no such thing, or none that this key may see: both look alike."""

    kind = ErrorKind.NOT_FOUND

    def __init__(self, what: str, message: str) -> None:
        super().__init__(f"NotFound.{what}", message)


class Conflict(SparkError):
    """The request contradicts the present state."""

    kind = ErrorKind.CONFLICT

    def __init__(self, what: str, message: str) -> None:
        super().__init__(f"Conflict.{what}", message)


class FlowLimited(SparkError):
    """The key asks for too much at once: nothing of what it may ask for is left before `reset` seconds are over."""

    kind = ErrorKind.LIMITED

    def __init__(self, message: str, limit: int, reset: int = 1) -> None:
        super().__init__("AccountFlowLimitExceeded", message)
        self.limit: Final = limit
        self.reset: Final = reset


class QuotaExceeded(SparkError):
    """The project holds as much as it may; repeating the request helps only when something has been deleted, or the quota raised."""

    kind = ErrorKind.LIMITED

    def __init__(self, message: str) -> None:
        super().__init__("QuotaExceeded", message)


class Unavailable(SparkError):
    """Something that the service needs is down for now; nothing was done."""

    kind = ErrorKind.UNAVAILABLE

    def __init__(self, message: str = "the service cannot answer this for now; try again shortly", retry_after: int = 2) -> None:
        super().__init__("ServiceUnavailable", message)
        self.retry_after: Final = retry_after


class StorageFull(SparkError):
    """There is not enough room left to accept new assets."""

    kind = ErrorKind.STORAGE_FULL

    def __init__(self, message: str = "the server has no room left for new assets; the operator must free some") -> None:
        super().__init__("StorageFull", message)


class InternalError(SparkError):
    """A fault of ours; the log holds the details under the request ID."""

    kind = ErrorKind.INTERNAL

    def __init__(self, message: str = "an unexpected error occurred; the server's log has the details") -> None:
        super().__init__("InternalError", message)


class OperatorError(Exception):
    """Something that whoever runs the service must mend before it can start; the message is one sentence."""


class IngestFailure(SparkError):
    """Why an asset did not become active.

    `code` is the bare code (`WidthTooSmall`); `reason` narrows it down where there are several.
    """

    kind = ErrorKind.INGEST

    def __init__(self, code: str, message: str, reason: str | None = None) -> None:
        super().__init__(code, message)
        self.reason: Final = reason


class TransientFailure(IngestFailure):
    """A failure that another attempt may mend: storage away, a parser that was killed from outside.

    The worker tries again until the attempts are used up; then the task fails with this error.
    """
