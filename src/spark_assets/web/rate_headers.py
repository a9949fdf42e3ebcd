"""How an answer tells of the limit that its request was counted against."""

from collections.abc import Iterable


def rate_headers(limit: int, remaining: int, reset: int) -> Iterable[tuple[bytes, bytes]]:
    """What a limit, what is left of it, and the seconds until it is whole again look like (draft-ietf-httpapi-ratelimit-headers-06)."""
    return (
        (b"ratelimit-limit", str(limit).encode()),
        (b"ratelimit-remaining", str(remaining).encode()),
        (b"ratelimit-reset", str(reset).encode()),
    )
