"""Our reading of an address against that of other programs: whatever is accepted, nobody reads another host in it."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import httpx2
import pytest
import urllib3.exceptions
from hypothesis import example, given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url
from yarl import URL

from spark_assets.domain.errors import InvalidParameter
from spark_assets.fetching.source_url import SourceUrl, parse_source_url
from tests.end_to_end.written_addresses import hidden, unreadable

Reading = tuple[str, str, int]
_DEFAULT: Final = {"http": 80, "https": 443}


def _read_by_urllib(text: str) -> Reading:
    parts = urlsplit(text)
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT[parts.scheme]


def _read_by_yarl(text: str) -> Reading:
    url = URL(text)
    return url.scheme, url.raw_host or "", url.port or 0


def _read_by_urllib3(text: str) -> Reading:
    url = parse_url(text)
    return url.scheme or "", (url.host or "").strip("[]"), url.port or _DEFAULT[url.scheme or ""]


def _read_by_httpx2(text: str) -> Reading:
    url = httpx2.URL(text)
    return url.scheme, url.raw_host.decode().strip("[]"), url.port or _DEFAULT[url.scheme]


READERS: Final[dict[str, Callable[[str], Reading]]] = {
    "urllib": _read_by_urllib,
    "yarl": _read_by_yarl,
    "urllib3": _read_by_urllib3,
    "httpx2": _read_by_httpx2,
}
_REFUSALS: Final = (ValueError, KeyError, urllib3.exceptions.LocationParseError, httpx2.InvalidURL)

# Between what is plain, so that much is accepted, stands what programs quarrel about.
quarrels: Final = st.sampled_from(
    ["/", "//", "@", "#", "?", "\\", ".", "..", "%", "%00", "%2f", "%40", "[", "]", "::1", ":", ":80", ":0", "0x7f", "127.0.0.1", ";", "&",
     "=", "+", "-", "_", "xn--", " ", "\t", "\n", "\u3002", "\uff0e", "\uff11", "\u2100", "\ufe6b", "\u00ad", "\u200d", "\u202e", "\u00fc"]
)  # fmt: skip
plain: Final = st.sampled_from(["a", "1", "example.com", "127.0.0.1", "b\u00fccher", "xn--bcher-kva.example", "[::1]", "8.8.8.8"])
schemes: Final = st.sampled_from(["http://", "https://", "HTTP://"])
tails: Final = st.lists(plain | quarrels, max_size=6).map("".join)
texts: Final = st.one_of(
    st.builds("{}{}{}".format, schemes, plain, tails),
    st.builds("{}{}/{}".format, schemes, plain, tails),
    st.builds("{}{}:{}{}".format, schemes, plain, st.sampled_from(["80", "443", "00080", "8080", "65535"]), tails),
    st.builds("{}{}{}".format, schemes, quarrels, tails),
    st.builds("http://{}".format, st.text(max_size=30)),
)


def _accept(text: str) -> SourceUrl | None:
    try:
        return parse_source_url(text)
    except InvalidParameter:
        return None


@settings(max_examples=400, deadline=None)
@example("http://example.com?a@b")
@example("http://example.com#@127.0.0.1/")
@example("http://example.com/@127.0.0.1:80")
@example("http://[::ffff:127.0.0.1]:00080/;a@b")
@example("http://b\u00fccher\u3002example:1/\u202e")
@given(texts)
def test_what_is_requested_is_read_alike_by_every_program_and_by_ourselves(text: str) -> None:
    source = _accept(text)
    if source is not None:
        for program, read in READERS.items():
            assert read(str(source.request_url)) == (source.scheme, source.host, source.port), program
        assert parse_source_url(str(source.request_url)) == source
        assert source.join(str(source.request_url)) == source


@settings(max_examples=400, deadline=None)
@given(texts)
def test_what_is_accepted_in_ascii_is_read_alike_by_whoever_accepts_it(text: str) -> None:
    source = _accept(text)
    if source is None or not text.isascii():
        return
    for program, read in READERS.items():
        try:
            scheme, host, port = read(text)
        except _REFUSALS:
            continue
        assert (scheme.lower(), _plain(host), port) == (source.scheme, source.host, source.port), program


def _plain(host: str) -> str:
    """The host in one spelling: the final dot means nothing, and IPv6 has a shortest form, which is ours to find."""
    return parse_source_url(f"http://[{host}]/").host if ":" in host else host.lower().removesuffix(".")


_STARTS: Final = ("//", "/", "?", "#", "http:", "https:", "\\", "///", "./", ".//")


@settings(max_examples=300, deadline=None)
@given(texts | st.builds("{}{}".format, st.sampled_from(_STARTS), texts | tails))
def test_a_reference_stays_on_its_host_unless_it_names_another_plainly(reference: str) -> None:
    here = parse_source_url("http://example.com/a/b")
    try:
        there = here.join(reference)
    except InvalidParameter:
        return
    names_one = reference.startswith("//") or reference.lower().startswith(("http://", "https://"))
    assert names_one or (there.scheme, there.host, there.port) == (here.scheme, here.host, here.port)


@pytest.mark.parametrize("text", unreadable(9, "example.com"), ids=ascii)
def test_what_programs_read_differently_is_refused_by_the_one_parser(text: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        parse_source_url(text)
    assert not any(host in refusal.value.message for host in ("127.0.0.2:9", "2130706434", "0x7f000002"))


@pytest.mark.parametrize("text", hidden(9), ids=ascii)
def test_what_is_left_to_the_guard_is_in_its_plain_form(text: str) -> None:
    host = parse_source_url(text).host
    assert host.isascii()
    assert host == host.lower()


@pytest.mark.parametrize("host", ["a.\u00e9" * 2500, ":" * 8000, "xn--" * 2000, "\u0300" * 8000, "\u3002" * 8000])
def test_a_host_that_is_far_too_long_is_refused_before_it_is_encoded(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def encode(*_arguments: object, **_options: object) -> bytes:
        raise AssertionError("the host was encoded")

    monkeypatch.setattr("idna.encode", encode)
    for text in (f"http://{host}/", f"http://[{host}]/"):
        with pytest.raises(InvalidParameter):
            parse_source_url(text)
