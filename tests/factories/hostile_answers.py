"""What an origin may do to whoever fetches from it, each with the reason that the download must end with.

One catalogue for the download by itself and for a whole server under attack: every answer here ends in a failure, soon or at the deadline.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.factories.bombs import ENCODINGS, make_bomb
from tests.factories.origin import Behaviour, Visit, answer, chunked, drip, flood, half_closed, head, raw, redirect

_CHUNKED: Final = head(headers={"Transfer-Encoding": "chunked"})
_UNTIL_CLOSED: Final = head(headers={"Connection": "close"})
_WAVE: Final = bytes(65_536)
_LINE: Final = b"X: y\r\n"
TOO_LARGE: Final = "too large"
"""Stands for the code `FileSizeTooLarge`, which has no reason."""


class Hostile(NamedTuple):
    """One answer, and what comes of it."""

    behaviour: Behaviour
    reason: str
    """Of `DownloadFailed`, or `TOO_LARGE`."""
    poisons: bool = False
    """Whether it goes on after its end: over a kept connection, the next answer from the same host may be hit."""


def _with_length(value: str) -> Behaviour:
    return raw(f"HTTP/1.1 200 OK\r\nContent-Length: {value}\r\n\r\n".encode(), b"short")


def _with_status_line(line: bytes) -> Behaviour:
    return raw(line + b"\r\nContent-Length: 5\r\n\r\nshort")


def _in_chunks(*body: bytes) -> Behaviour:
    return raw(_CHUNKED, *body)


def _lengths() -> Iterator[tuple[str, Hostile]]:
    for value in ("", "-5", "+5", "0x5", "1e3", "5.0", "5 5", "5,5", "5, 6", "five", str(2**64), "9" * 400):
        yield f"length {value[:20]!r}", Hostile(_with_length(value), "bad_response")
    for number in (2**63 - 1, 2**64 - 1):
        yield f"length {number}", Hostile(_with_length(str(number)), TOO_LARGE)
    twice = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: %d\r\n\r\nshort"
    yield "length twice", Hostile(raw(twice % 5), "bad_response")
    yield "two lengths", Hostile(raw(twice % 6), "bad_response")
    yield "length too long", Hostile(_with_length("6"), "incomplete")
    yield "length too short", Hostile(raw(head(headers={"Content-Length": "4"}) + b"short"), "incomplete")
    yield (
        "length of chunks",
        Hostile(raw(head(headers={"Content-Length": "15", "Transfer-Encoding": "chunked"}) + chunked(b"short")), "bad_response"),
    )
    yield (
        "chunks with a length",
        Hostile(raw(head(headers={"Transfer-Encoding": "chunked", "Content-Length": "15"}) + chunked(b"short")), "bad_response"),
    )
    yield "empty", Hostile(answer(b""), "empty_body")
    yield "empty in chunks", Hostile(_in_chunks(chunked()), "empty_body")
    yield "empty until closed", Hostile(raw(_UNTIL_CLOSED), "empty_body")


def _framings() -> Iterator[tuple[str, Hostile]]:
    for value in ("gzip", "gzip, chunked", "chunked, gzip", "xchunked", "chunked;q=1"):
        yield f"framing {value!r}", Hostile(raw(head(headers={"Transfer-Encoding": value}), chunked(b"short")), "bad_encoding")
    for value in ("chunked, chunked", "chunked, identity", "chunked\r\nTransfer-Encoding: identity"):
        yield f"framing {value!r}", Hostile(raw(head(headers={"Transfer-Encoding": value}), chunked(b"short")), "bad_response")
    for size in (b"", b"zz", b"-1", b"+1", b"0x1", b"1.0", b"f" * 17, b" 1"):
        yield f"chunk of {size!r}", Hostile(_in_chunks(size + b"\r\nx\r\n0\r\n\r\n"), "bad_response")
    for size in (b"f" * 16, b"7" + b"f" * 15, b"ff"):
        yield f"chunk of {size!r} bytes that never come", Hostile(_in_chunks(size + b"\r\nx"), "incomplete")
    yield "chunk longer than said", Hostile(_in_chunks(b"5\r\nlonger\r\n0\r\n\r\n"), "bad_response")
    yield "chunks without carriage returns", Hostile(_in_chunks(b"5\nshort\n0\n\n"), "bad_response")
    for end in (b"", b"0", b"0\r\n", b"0\r\nX: y\r\n"):
        yield f"chunks that end in {end!r}", Hostile(_in_chunks(b"5\r\nshort\r\n" + end), "incomplete")
    yield "bytes after the last chunk", Hostile(_in_chunks(chunked(b"short") + b"more"), "incomplete")
    yield "trailer that is none", Hostile(_in_chunks(b"5\r\nshort\r\n0\r\nno trailer\r\n\r\n"), "bad_response")
    yield "many trailers", Hostile(_in_chunks(b"5\r\nshort\r\n0\r\n" + _LINE * 1000 + b"\r\n"), "bad_response")
    yield "endless trailers", Hostile(flood(_CHUNKED + b"5\r\nshort\r\n0\r\n", _LINE * 10_000), "bad_response")
    yield "endless trailer", Hostile(flood(_CHUNKED + b"5\r\nshort\r\n0\r\nX: ", b"y" * 65_536), "bad_response")
    yield "endless extension", Hostile(flood(_CHUNKED + b"5;", b"e" * 65_536), "bad_response")
    yield "endless extensions", Hostile(flood(_CHUNKED + b"5", b";e=f" * 16_384), "bad_response")
    yield "endless zeros of a size", Hostile(flood(_CHUNKED, b"0" * 65_536), "bad_response")
    yield "endless chunks of one byte", Hostile(flood(_CHUNKED, b"1\r\nx\r\n" * 10_000), "bad_response")
    yield "endless chunks of ten bytes with extensions", Hostile(flood(_CHUNKED, b"a;b=c\r\n0123456789\r\n" * 4_000), "bad_response")


def _bodies() -> Iterator[tuple[str, Hostile]]:
    yield "endless body", Hostile(flood(_UNTIL_CLOSED, _WAVE), TOO_LARGE)
    yield "endless body in chunks", Hostile(flood(_CHUNKED, b"10000\r\n" + _WAVE + b"\r\n"), TOO_LARGE)
    yield "endless body after an upgrade", Hostile(flood(head(headers={"Connection": "upgrade", "Upgrade": "x"}), _WAVE), TOO_LARGE)
    for encoding in ENCODINGS:
        yield f"bomb in {encoding}", Hostile(_bomb(encoding), "bad_encoding")
    yield "bomb in two encodings", Hostile(_bomb("gzip", "gzip, gzip"), "bad_encoding")
    yield "bomb in chunks", Hostile(_bomb_in_chunks, "bad_encoding")
    yield "bomb in no encoding that is known", Hostile(_bomb("gzip", "zip"), "bad_encoding")
    yield "bomb of a page that is not found", Hostile(_bomb("gzip", status=404), "http_status")
    yield "bomb of a refusal", Hostile(_bomb("deflate", status=503, **{"Retry-After": "0"}), "http_status")
    yield "endless refusal", Hostile(flood(head(403, {"Content-Encoding": "gzip"}), _WAVE), "http_status")
    yield "bomb on the way to nothing", Hostile(_bomb("br", status=302, Location="/nothing"), "http_status")


def _bomb(encoding: str, told: str | None = None, *, status: int = 200, **headers: str) -> Behaviour:
    async def behave(visit: Visit) -> None:
        await answer(make_bomb(encoding), status=status, headers={"Content-Encoding": told or encoding, **headers})(visit)

    return behave


async def _bomb_in_chunks(visit: Visit) -> None:
    await visit.send(head(headers={"Transfer-Encoding": "gzip, chunked"}), chunked(make_bomb("gzip")))


def _heads() -> Iterator[tuple[str, Hostile]]:
    refused = {
        "long header": raw(head(headers={"X": "y" * 9_000, "Content-Length": "1"}), b"x"),
        "many headers": raw(head(headers={f"X-{n}": "y" for n in range(200)} | {"Content-Length": "1"}), b"x"),
        "long head": raw(head(headers={f"X-{n}": "y" * 8_000 for n in range(10)} | {"Content-Length": "1"}), b"x"),
        "long status line": _with_status_line(b"HTTP/1.1 200 " + b"x" * 9_000),
        "endless status line": flood(b"HTTP/1.1 200 ", b"x" * 65_536),
        "endless header": flood(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65_536),
        "endless name of a header": flood(b"HTTP/1.1 200 OK\r\nX", b"x" * 65_536),
        "endless headers": flood(b"HTTP/1.1 200 OK\r\n", _LINE * 10_000),
        "endless folded header": flood(b"HTTP/1.1 200 OK\r\nX: a", b"\r\n b" * 10_000),
        "endless empty lines": flood(b"", b"\r\n" * 30_000),
        "header without a colon": raw(b"HTTP/1.1 200 OK\r\nContent-Length 5\r\n\r\nshort"),
        "header with a zero": raw(b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5\r\n\r\nshort"),
        "header with a lone carriage return": raw(b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 5\r\n\r\nshort"),
        "flood of 100": flood(b"", head(100) * 100),
        "flood of 103": flood(b"", head(103, {"Link": "<a>" * 500})),
        "flood of 1xx with lengths": flood(b"", head(102, {"Content-Length": "9"}) * 100),
        "one 1xx too many": raw(head(100) * 17 + head(headers={"Content-Length": "1"}) + b"x"),
        "preface of HTTP/2": raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        "settings of HTTP/2": raw(b"\0\0\x12\4\0\0\0\0\0" + bytes(18)),
        "alert of TLS": raw(b"\x15\x03\x01\x00\x02\x02\x46"),
        "banner of SSH": raw(b"SSH-2.0-OpenSSH_9.0\r\n"),
        "greeting of SMTP": raw(b"220 mail.example.com ESMTP\r\n"),
        "HTTP/0.9": raw(b"<html>hello</html>"),
        "endless HTTP/0.9": flood(b"<html>", b"x" * 65_536),
    }
    for name, behaviour in refused.items():
        yield name, Hostile(behaviour, "bad_response")


def _statuses() -> Iterator[tuple[str, Hostile]]:
    for line in (
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 abc OK",
        b"HTTP/1.1 -200 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1200 OK",
        b" HTTP/1.1 200 OK",
        b"http/1.1 200 OK",
        b"HTTP/0.9 200 OK",
        b"HTTP/1.2 200 OK",
        b"HTTP/2 200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/3.0 200 OK",
        b"ICY 200 OK",
    ):
        yield f"status line {line.decode()!r}", Hostile(_with_status_line(line), "bad_response")
    for status in (0, 99, 101, 201, 203, 204, 205, 206, 300, 304, 305, 400, 401, 403, 404, 410, 416, 451, 600, 999):
        yield f"status {status}", Hostile(_with_status_line(b"HTTP/1.1 %03d x" % status), "http_status")
    for status in (204, 304):
        yield f"endless body of {status}", Hostile(flood(head(status), _WAVE), "http_status", poisons=True)
    for value in ("-1", "1000000000", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "Mon, 01 Jan 99999999999 00:00:00 GMT"):
        yield f"503, again after {value!r}", Hostile(answer(b"", status=503, headers={"Retry-After": value}), "http_status")


def _redirects() -> Iterator[tuple[str, Hostile]]:
    async def loop(visit: Visit) -> None:
        await redirect(visit.path)(visit)

    yield "loop of redirects", Hostile(loop, "too_many_redirects")
    yield "redirects with endless bodies", Hostile(_from_hop_to_hop, "too_many_redirects")
    yield "redirect to nowhere", Hostile(redirect(None), "bad_redirect")
    yield "redirect to a file", Hostile(redirect("file:///etc/passwd"), "bad_redirect")


async def _from_hop_to_hop(visit: Visit) -> None:
    """Each hop leads to another address of the same path, and none to a file."""
    path, _, hops = visit.path.partition("?")
    await flood(head(307, {"Location": f"{path}?{hops}x", "Content-Encoding": "gzip"}), _WAVE)(visit)


def _broken() -> Iterator[tuple[str, Hostile]]:
    stages = {
        "the answer": b"",
        "the end of the status line": b"HTTP/1.1 20",
        "the end of the headers": b"HTTP/1.1 200 OK\r\nContent-Le",
        "the body": head(headers={"Content-Length": "9"}),
        "the end of the body": head(headers={"Content-Length": "9"}) + b"half",
        "the end of a chunk": _CHUNKED + b"9\r\nhalf",
        "the last chunk": _CHUNKED + b"4\r\nhalf\r\n",
        "the final answer": head(100),
    }
    for stage, sent in stages.items():
        yield f"reset before {stage}", Hostile(raw(sent, reset=True), "incomplete")
        yield f"closed before {stage}", Hostile(raw(sent), "incomplete")
        yield f"half closed before {stage}", Hostile(half_closed(sent), "incomplete")
    yield "reset instead of closed", Hostile(raw(_UNTIL_CLOSED, b"short", reset=True), "incomplete")


def _slow() -> Iterator[tuple[str, Hostile]]:
    stalls = {
        "silence": drip(b"", b"", 10.0),
        "stall after the headers": drip(head(headers={"Content-Length": "9"}), b"", 10.0),
        "stall in the body": drip(head(headers={"Content-Length": "9"}) + b"half", b"", 10.0),
        "stall in a chunk": drip(_CHUNKED + b"9\r\nhalf", b"", 10.0),
        "stall before the end": drip(_CHUNKED + b"4\r\nhalf\r\n", b"", 10.0),
        "drip of the status line": drip(b"HTTP/1.1 200 ", b"x", 0.05),
        "drip of headers": drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05),
        "drip of a header": drip(b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.05),
        "drip of 1xx": drip(b"", head(102), 0.15),
        "drip of a body": drip(head(headers={"Content-Length": "9999"}), b"x", 0.05),
        "drip without a length": drip(_UNTIL_CLOSED, b"x", 0.05),
        "drip of chunks": drip(_CHUNKED, b"1\r\nx\r\n", 0.05),
        "drip of a chunk's size": drip(_CHUNKED, b"0", 0.05),
        "drip of an extension": drip(_CHUNKED + b"1;", b"e", 0.05),
        "drip of trailers": drip(_CHUNKED + b"4\r\nhalf\r\n0\r\n", b"X: y\r\n", 0.05),
    }
    for name, behaviour in stalls.items():
        yield name, Hostile(behaviour, "timeout")


async def _close(visit: Visit) -> None:
    visit.writer.close()


SLOW: Final = dict(_slow())
"""Answers that last until the deadline, by name."""
INTERRUPTED: Final = dict(_broken())
"""Answers that are asked for again, by name."""
AT_ONCE: Final = {name: hostile for part in (_lengths, _framings, _bodies, _heads, _statuses, _redirects) for name, hostile in part()}
"""Every other answer, by name; a few of them are asked for again as well."""
HOSTILE: Final = {**SLOW, **INTERRUPTED, **AT_ONCE}
"""All answers, those that last first."""
DOORSTEPS: Final = {
    "closes what it accepts": Hostile(_close, "incomplete"),
    "resets what it accepts": Hostile(raw(reset=True), "incomplete"),
}
"""What an origin does with a connection before it reads the request."""
