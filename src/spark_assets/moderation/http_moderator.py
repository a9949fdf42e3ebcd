"""A moderator behind an HTTP endpoint: the case goes out as JSON, the verdict comes back as JSON.

    {"asset_id", "project_id", "name", "type", "sha256", "size", "facts": {...}, "rendition": {"media_type", "data"} | null}
    {"allow": true}
    {"allow": false, "reason": "a sentence for the client"}

`data` is base64. The status of the answer is 200. Whatever else is answered is no verdict.
"""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import msgspec

from spark_assets.ports.inspector import PREVIEW_FORMAT
from spark_assets.ports.moderator import ALLOWED, Case, NoVerdict, Verdict
from spark_assets.ports.outbound import Outbound, OutboundFailure

LARGEST_ANSWER: Final = 64 * 1024
"""Bytes."""

_EXPECTED: Final = 'expected {"allow": true} or {"allow": false, "reason": "..."}'


class HttpModerator:
    """Asks the endpoint at `url`, which gets `timeout` seconds; with a `token`, as `Authorization: Bearer`."""

    def __init__(self, outbound: Outbound, url: str, *, timeout: float, token: str = "") -> None:
        self._outbound = outbound
        self._url = url
        self._timeout = timeout
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    async def judge(self, case: Case) -> Verdict:
        """Allow the asset or refuse it. Raises NoVerdict."""
        try:
            reply = await self._outbound.post(self._url, write_case(case), self._headers, timeout=self._timeout, largest=LARGEST_ANSWER)
        except OutboundFailure as error:
            raise NoVerdict(f"the endpoint could not be asked: {error.message}") from error
        if reply.status != HTTPStatus.OK:
            raise NoVerdict(f"the endpoint answered with HTTP status {reply.status} instead of 200")
        if not reply.is_whole:
            raise NoVerdict(f"the endpoint answered with more than {LARGEST_ANSWER} bytes")
        return read_verdict(reply.body)


def write_case(case: Case) -> bytes:
    """The case as the endpoint gets it."""
    rendition = None if case.rendition is None else {"media_type": PREVIEW_FORMAT.media_type, "data": case.rendition}
    return msgspec.json.encode({**msgspec.structs.asdict(case), "rendition": rendition})


def read_verdict(body: bytes) -> Verdict:
    """What an answer says. Raises NoVerdict for everything but the two answers that were agreed on."""
    try:
        answer = json.loads(body, object_pairs_hook=_read_object)
    except (ValueError, RecursionError):
        raise NoVerdict(f"the endpoint's answer is not one JSON object; {_EXPECTED}") from None
    match answer:
        case {"allow": True} if len(answer) == 1:
            return ALLOWED
        case {"allow": False, "reason": str(reason)} if len(answer) == 2:
            return Verdict(reason)
        case _:
            raise NoVerdict(f"the endpoint's answer is no verdict; {_EXPECTED}")


def _read_object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object, none of whose names is there twice: of two verdicts, neither counts. Raises ValueError."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(name)
        found[name] = value
    return found
