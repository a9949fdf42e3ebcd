"""Messages of ours to addresses that somebody else chose."""

from collections.abc import Mapping
from typing import Protocol

import msgspec


class Reply(msgspec.Struct, frozen=True):
    """What was answered to a message: the HTTP status, whatever it is, and the beginning of the body."""

    status: int
    body: bytes
    is_whole: bool
    """Whether that beginning is all of the body."""
    retry_after: float | None = None
    """Seconds that the answer asks to wait before another message, if it does."""


class OutboundFailure(Exception):
    """A message had no answer. It carries no address, so that none can leak through it.

    `reason` is one of the words of a failed download: `blocked_address`, `dns_failed`, `connect_failed`, `tls_error`, `timeout`,
    `incomplete`, `bad_response`. `message` is a sentence for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Outbound(Protocol):
    """Posts to addresses that are judged before they are connected to."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float, largest: int) -> Reply:
        """Send the body once, on a connection of its own; the answer must have come within `timeout` seconds of the call.

        At most `largest` bytes of the answer are read, and a redirect is an answer like any other. Proxies, `.netrc` and cookies
        play no part. Raises OutboundFailure; the message may then have arrived or not.
        """

    async def close(self) -> None:
        """Let go of what is still open."""
