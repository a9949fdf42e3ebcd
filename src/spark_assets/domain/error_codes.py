"""Every code that a client may be told: what it means and what to do. The OpenAPI document and the reference are made from it.

A code of a family is written with the name of a parameter or of a thing after the dot: `InvalidParameter.Name`.
"""

from typing import Final

import msgspec

from spark_assets.domain.errors import ErrorKind


class ErrorCode(msgspec.Struct, frozen=True):
    """A stable code; `<Name>` in it stands for a parameter's name."""

    code: str
    kind: ErrorKind
    meaning: str
    remedy: str
    example: str = ""
    """The code as it may come, where that is another text than the code."""

    @property
    def shown(self) -> str:
        """A code that really occurs."""
        return self.example or self.code


_PARAMETERS: Final = (
    ErrorCode(
        "MissingParameter.<Name>",
        ErrorKind.INVALID,
        "A required parameter is absent, null or empty.",
        "Send the parameter that `param` names.",
        example="MissingParameter.name",
    ),
    ErrorCode(
        "InvalidParameter.<Name>",
        ErrorKind.INVALID,
        "A parameter has a value that is not acceptable, or a name that is not known.",
        "Correct the parameter that `param` names; the message says what was expected.",
        example="InvalidParameter.name",
    ),
    ErrorCode(
        "InvalidParameter.JSON",
        ErrorKind.INVALID,
        "The body is no JSON object, repeats a key, is nested too deep, or holds what JSON does not have.",
        "Send one JSON object in UTF-8.",
    ),
    ErrorCode(
        "InvalidParameter.Paging",
        ErrorKind.INVALID,
        "A list is asked for by page and by cursor at once.",
        "Send `PageNumber` and `PageSize`, or `MaxResults` and `NextToken`.",
    ),
)
_CALLERS: Final = (
    ErrorCode(
        "MissingAuthenticationToken",
        ErrorKind.UNAUTHENTICATED,
        "The request carries no API key.",
        "Send it as `Authorization: Bearer KEY`.",
    ),
    ErrorCode(
        "InvalidApiKey",
        ErrorKind.UNAUTHENTICATED,
        "The API key is mistyped, revoked or expired.",
        "Use another key; make one with `spark-assets keys create`.",
    ),
    ErrorCode(
        "MissingSignature",
        ErrorKind.INVALID,
        "The signature's header is not of its form, or a header that must be signed is not.",
        "Sign at least `host` and `x-date`, and write the header as the message shows.",
    ),
    ErrorCode(
        "InvalidTimestamp",
        ErrorKind.INVALID,
        "The date of a signed request is unreadable, or too far from the server's clock.",
        "Set the clock of the client right.",
    ),
    ErrorCode(
        "InvalidAccessKey",
        ErrorKind.UNAUTHENTICATED,
        "The access key of a signature is unknown, revoked or expired.",
        "Use another one; make it with `spark-assets access-keys create`.",
    ),
    ErrorCode(
        "SignatureDoesNotMatch",
        ErrorKind.UNAUTHENTICATED,
        "The signature is not that of the request as it arrived.",
        "Check the secret, and that nothing between client and server changes the request.",
    ),
    ErrorCode(
        "InvalidSecretToken",
        ErrorKind.UNAUTHENTICATED,
        "The request carries a session token.",
        "Sign with an access key alone.",
    ),
    ErrorCode(
        "AccessDenied",
        ErrorKind.DENIED,
        "The key lacks a scope.",
        "Use a key with the scope that the message names.",
    ),
)
_UNKNOWN: Final = (
    ErrorCode(
        "NotFound.ProjectName",
        ErrorKind.NOT_FOUND,
        "There is no such project, or none that the key may use.",
        "Check the project's name, and which projects the key may use.",
    ),
    ErrorCode(
        "NotFound.group_id",
        ErrorKind.NOT_FOUND,
        "There is no such group, or none that the key may see, or it is not in this project.",
        "Check the group's ID and the project.",
    ),
    ErrorCode(
        "NotFound.asset_id",
        ErrorKind.NOT_FOUND,
        "There is no such asset, or none that the key may see.",
        "Check the asset's ID; what was deleted can be restored for some time.",
    ),
    ErrorCode(
        "NotFound.task_id",
        ErrorKind.NOT_FOUND,
        "There is no such task, or none that the key may see, or its record has been dropped since.",
        "Check the task's ID.",
    ),
    ErrorCode(
        "NotFound.key_id",
        ErrorKind.NOT_FOUND,
        "There is no such key that is still valid, or none that the key may see.",
        "Check the key's ID in the list of keys.",
    ),
    ErrorCode("NotFound.share_id", ErrorKind.NOT_FOUND, "There is no such share, or the key may not see it.", "List the shares."),
    ErrorCode(
        "NotFound.variant", ErrorKind.NOT_FOUND, "The asset has no such rendition, or not yet.", "Ask for another variant, or later."
    ),
    ErrorCode(
        "NotFound.webhook_id",
        ErrorKind.NOT_FOUND,
        "There is no such webhook, or none that the key may see.",
        "List the webhooks of the project.",
    ),
    ErrorCode(
        "NotFound.delivery_id",
        ErrorKind.NOT_FOUND,
        "The webhook has no such delivery, or its record has been dropped since.",
        "List the webhook's deliveries.",
    ),
    ErrorCode("NotFound.quota", ErrorKind.NOT_FOUND, "The project has no quota.", "There is nothing to take away."),
    ErrorCode("NotFound.model", ErrorKind.NOT_FOUND, "There is no such model.", "Use one of those that the message names."),
    ErrorCode(
        "NotFound.path",
        ErrorKind.NOT_FOUND,
        "There is nothing at this address, or the link behind it has ended.",
        "Check the address; ask for the asset again to get a fresh link.",
    ),
    ErrorCode(
        "InvalidActionOrVersion",
        ErrorKind.NOT_FOUND,
        "There is no such action, or not in this version.",
        "Use one of the actions that the message names, with `Version=2024-01-01`.",
    ),
)
_FORM: Final = (
    ErrorCode(
        "MethodNotAllowed",
        ErrorKind.METHOD_NOT_ALLOWED,
        "The address does not take this method.",
        "Use one of those in the header `Allow`.",
    ),
    ErrorCode("NotAcceptable", ErrorKind.NOT_ACCEPTABLE, "The client rules JSON out.", "Accept `application/json`."),
    ErrorCode("RequestTimeout", ErrorKind.TIMEOUT, "The body did not arrive in time.", "Send it again, faster."),
    ErrorCode(
        "FileSizeTooLarge",
        ErrorKind.TOO_LARGE,
        "The file that is sent or announced has more bytes than are accepted.",
        "Send a smaller one, or have the media policy adapted.",
    ),
    ErrorCode("RequestTooLarge", ErrorKind.TOO_LARGE, "The body is too large.", "Send less at once; the message gives the limit."),
    ErrorCode(
        "UnsupportedMediaType",
        ErrorKind.UNSUPPORTED_TYPE,
        "The body calls itself something else than JSON.",
        "Send `Content-Type: application/json`, and no `Content-Encoding`.",
    ),
)
_UPLOADS: Final = (
    ErrorCode(
        "NotFound.upload_id", ErrorKind.NOT_FOUND, "There is no such upload that the key may see, or it has expired.", "Begin a new one."
    ),
    ErrorCode(
        "UnsupportedVersion", ErrorKind.PRECONDITION, "`Tus-Resumable` is missing or names another version.", "Send `Tus-Resumable: 1.0.0`."
    ),
    ErrorCode(
        "ChecksumMismatch", ErrorKind.CHECKSUM, "The bytes have another checksum than came with them; none was kept.", "Send them again."
    ),
    ErrorCode(
        "Conflict.Offset", ErrorKind.CONFLICT, "The upload stands at another offset.", "Ask for the offset with HEAD, and go on from there."
    ),
    ErrorCode("Conflict.Storage", ErrorKind.CONFLICT, "The server keeps files in a folder of its own.", "Send the file to `/v1/uploads`."),
    ErrorCode("Conflict.Upload", ErrorKind.CONFLICT, "The upload is complete already, or not whole yet.", "The message says which."),
    ErrorCode("Conflict.UploadBusy", ErrorKind.CONFLICT, "Another request adds to the upload.", "Wait 5 seconds, and ask for its offset."),
)
_CONFLICTS: Final = (
    ErrorCode(
        "Conflict.ExternalId",
        ErrorKind.CONFLICT,
        "Another asset of the project has this external ID.",
        "Choose another one, or change that asset.",
    ),
    ErrorCode("Conflict.Group", ErrorKind.CONFLICT, "The asset's group is deleted.", "Restore the group first."),
    ErrorCode(
        "Conflict.IdempotencyKey",
        ErrorKind.CONFLICT,
        "The `Idempotency-Key` was used for another request.",
        "Use a new key for each request, and the same one only to repeat it.",
    ),
    ErrorCode(
        "Conflict.ProjectName",
        ErrorKind.CONFLICT,
        "The project's name is in use, or the project `default` would lose its own.",
        "Choose another name.",
    ),
    ErrorCode("Conflict.ProjectNotEmpty", ErrorKind.CONFLICT, "The project still holds groups.", "Delete them first."),
    ErrorCode(
        "Conflict.Status",
        ErrorKind.CONFLICT,
        "The asset is not active, the key no longer valid, the webhook disabled, or the task in another state than is asked for.",
        "The message says which; wait, make a new one, or enable it.",
    ),
    ErrorCode("Conflict.Cancelled", ErrorKind.CONFLICT, "The task was cancelled: it ends so.", "Try it again with `/retry`."),
    ErrorCode("Conflict.Source", ErrorKind.CONFLICT, "The source of the failed task is no longer kept.", "Send it again as `url`."),
    ErrorCode(
        "Conflict.Callbacks",
        ErrorKind.CONFLICT,
        "The webhook stands for the `callback_url` of tasks: it has no address of its own, and always exists.",
        "Disable it, or name another webhook.",
    ),
    ErrorCode("Conflict.Webhooks", ErrorKind.CONFLICT, "The project has as many webhooks as it may have.", "Delete one first."),
    ErrorCode("Conflict.Deleted", ErrorKind.CONFLICT, "The asset was deleted during its ingestion: its task ends so.", "Register it anew."),
    ErrorCode("Conflict.<What>", ErrorKind.CONFLICT, "The request contradicts what is there.", "The message says what to change."),
)
_LIMITS: Final = (
    ErrorCode(
        "AccountFlowLimitExceeded",
        ErrorKind.LIMITED,
        "The key asks too often, has too many creations in progress, or too many requests that wait.",
        "Wait for the seconds in `Retry-After`.",
    ),
    ErrorCode(
        "QuotaExceeded",
        ErrorKind.LIMITED,
        "The project holds as much as it may.",
        "Delete something, or have the quota raised.",
    ),
)
_SERVER: Final = (
    ErrorCode("InternalError", ErrorKind.INTERNAL, "A fault of the server.", "Look into its log for the `request_id`."),
    ErrorCode(
        "ServiceUnavailable",
        ErrorKind.UNAVAILABLE,
        "Something that the server needs is down for now; nothing was done.",
        "Try again after the seconds in `Retry-After`.",
    ),
    ErrorCode("StorageFull", ErrorKind.STORAGE_FULL, "The server has no room left for new assets.", "Its operator must free some."),
)
REFUSALS: Final = (*_PARAMETERS, *_CALLERS, *_UNKNOWN, *_FORM, *_UPLOADS, *_CONFLICTS, *_LIMITS, *_SERVER)
"""What a request may be refused with. Of a family that lists its members, the last entry stands for those it does not."""


def find_code(code: str) -> ErrorCode:
    """What is known of a code; one of a family that has no entry of its own gets the family's. Raises LookupError."""
    known = {entry.code: entry for entry in REFUSALS}
    family = code.partition(".")[0]
    if code in known:
        return known[code]
    if family == "NotFound":
        return ErrorCode(code, ErrorKind.NOT_FOUND, "There is no such thing, or none that the key may see.", "Check its ID.")
    for name in ("<Name>", "<What>"):
        if f"{family}.{name}" in known:
            return msgspec.structs.replace(known[f"{family}.{name}"], code=code, example="")
    raise LookupError(f"domain/error_codes.py does not know the code {code}")
