"""Secrets that were given out in this run, so that whatever writes a log can be searched for them."""

import re
from typing import Any, Final

_IN_ANSWERS: Final = re.compile(
    rb'"(?:key|secret)":\s*"([^"\\]{16,})"'  # a key, an access key's secret, a webhook's secret, shown once
    rb"|[?&]signature=([A-Za-z0-9_=%.-]{16,})"  # of a link, or of an address of an object store
    rb"|/s/([A-Za-z0-9_-]{20,})"  # a share
)
_WORD: Final = re.compile(r"[A-Za-z0-9_-]+")
_SHORTEST: Final = 16
_SOURCE_QUERY: Final = re.compile(rb'"(?:URL|url|callback_url)":\s*"https?://[^"?\\]*\?([^"\\]{6,})"')

_given: Final[set[str]] = set()
_queries: Final[set[str]] = set()


def note_answer(body: bytes, location: str = "") -> None:
    """Remember what an answer in JSON, or a redirect, gives out."""
    text = body if body[:1] in {b"{", b"["} else b""
    for found in _IN_ANSWERS.findall(text + b"\n" + location.encode("latin-1", "replace")):
        _given.update(part.decode("ascii", "replace") for part in found if part)


def note_request(body: bytes | None) -> None:
    """Remember the queries of addresses that a service is asked to fetch from, or to post to: they may carry credentials."""
    if body is not None and b"?" in body:
        _queries.update(found.decode("ascii", "replace") for found in _SOURCE_QUERY.findall(body))


def note_secret(secret: str) -> None:
    """Remember one."""
    if len(secret) >= _SHORTEST:
        _given.add(secret)


def note_output(output: Any) -> None:
    """Remember what a command gave out."""
    if isinstance(output, dict):
        for name in ("key", "secret"):
            if isinstance(output.get(name), str):
                note_secret(output[name])


def find_given_out(log: str) -> list[str]:
    """The first characters of each secret, and each query of a source, that stands in the log."""
    words = set(_WORD.findall(log))
    told = {secret for secret in _given if secret in words or (not _WORD.fullmatch(secret) and secret in log)}
    found = [f"{secret[:8]}…" for secret in sorted(told)]
    return found + [query for query in sorted(_queries) if query in log]
