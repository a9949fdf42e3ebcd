"""What to do about an error, in a sentence."""

from collections.abc import Mapping
from typing import Any, Final

from spark_assets.domain.ingest_codes import INGEST_CODES
from spark_assets.web.console.words import Language

OF_REASONS: Final = {
    "blocked_address": "Use an address on the public internet, or have the operator allow this one (SPARK_ASSETS_SOURCE_ALLOW).",
    "dns_failed": "Check the name of the host in the address.",
    "connect_failed": "Check that the source is up and reachable from the server, then try again.",
    "tls_error": "The certificate of the source must be valid; renew it, or use another source.",
    "timeout": "Try again; if it comes back, use a quicker source or upload the file.",
    "incomplete": "Try again; if it comes back, upload the file.",
    "too_many_redirects": "Use the address that the redirects end at.",
    "bad_redirect": "Use the address that the redirect leads to, if that is a public one.",
    "http_status": "Open the address in a browser: the file must be there without signing in, and the link must not have expired.",
    "bad_encoding": "Use a source that sends the file as it is, or upload the file.",
    "bad_response": "Use another source, or upload the file.",
    "empty_body": "Check that the address leads to the file itself.",
}
"""By the reason of `DownloadFailed`."""


OF_REFUSALS: Final = {
    "AccessDenied": "Sign in with an API key that has the scope that is named.",
    "AccountFlowLimitExceeded": "Wait a moment, then try again.",
    "Conflict.Cancelled": "Try it again if that was not meant.",
    "Conflict.Deleted": "Add it again if that was not meant.",
    "Conflict.Group": "Restore the group first.",
    "Conflict.Source": "Add it anew: the address or the file is not kept any more.",
    "NotFound.group_id": "Choose another group.",
    "ServiceUnavailable": "Wait a moment, then try again.",
    "StorageFull": "Tell the operator of the server: it needs more disk space.",
}
"""By the code of a request that was refused, or of a task that was ended."""
_INTERNAL: Final = "Try again; if it comes back, tell the operator of the server the ID of the task."

REMEDIES: Final[Mapping[str, str]] = {
    **{entry.code: entry.remedy for entry in INGEST_CODES if entry.code != "DownloadFailed"},
    **OF_REFUSALS,
    **OF_REASONS,
    "InternalError": _INTERNAL,
}
"""A sentence by a bare code, or by a reason, which knows better."""


def remedy_of(error: Mapping[str, Any] | None) -> str:
    """What to do about the error of an asset or a task, as our own surface tells it; empty where nothing is known to help."""
    if error is None:
        return ""
    code = str(error["code"])
    bare = code.removeprefix("InvalidParameter.")
    return REMEDIES.get(str(error.get("reason")), REMEDIES.get(bare, REMEDIES.get(code, "")))


def remedies_in(language: Language) -> dict[str, str]:
    """All of them in the language, for what a page is told after it has been drawn."""
    return {name: language.say(remedy) for name, remedy in REMEDIES.items()}
