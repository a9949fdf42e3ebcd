"""The one parser of source addresses: what it accepts is exactly what is connected to."""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import quote, urljoin

import idna
import msgspec
from yarl import URL

from spark_assets.domain.errors import InvalidParameter

LONGEST_URL: Final = 8_192
"""Characters."""

_PARAMETER: Final = "URL"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HIGHEST_PORT: Final = 65_535
_LONGEST_HOST: Final = 253  # RFC 1035, without the final dot

# Scheme, authority, path, query; the fragment never leaves the client.
_SHAPE: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?")
# White space, controls of both ASCII and Latin-1, and halves of surrogate pairs, which have no UTF-8 form.
_ODD: Final = re.compile("[\\s\\x00-\\x20\\x7f-\\xa0\\ud800-\\udfff]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_AUTHORITY: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
# RFC 3986: what may stand unescaped in a path or query; the rest is percent-encoded, what is encoded already stays.
_KEPT: Final = "!$&'()*+,;=:@/?%-._~[]"


class SourceUrl(msgspec.Struct, frozen=True):
    """A checked source address, in the form that goes to the wire."""

    scheme: str
    """`http` or `https`."""
    host: str
    """ASCII and in lower case: a name without a final dot, a dotted quad, or an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query as they are requested, percent-encoded."""

    @property
    def request_url(self) -> URL:
        """The same address for aiohttp, which must not parse it anew."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return URL(f"{self.scheme}://{host}{port}{self.target}", encoded=True)

    def join(self, reference: str) -> "SourceUrl":
        """The address that a `Location` header means, seen from here. Raises InvalidParameter."""
        _refuse_odd_characters(reference)
        if _SCHEME.match(reference):
            return parse_source_url(reference)
        try:
            joined = urljoin(str(self.request_url), reference)
        except ValueError:
            raise _refusal("the URL has brackets around something that is not an IPv6 address") from None
        return parse_source_url(joined)


def parse_source_url(text: str) -> SourceUrl:
    """Check an address without any network. Raises InvalidParameter `URL`; its message never repeats the address."""
    _refuse_odd_characters(text)
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise _refusal("the URL must be absolute, such as https://example.com/picture.jpg")
    scheme = shape["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise _refusal("the URL must begin with http:// or https://; other schemes are not fetched")
    host, port = _parse_authority(shape["authority"], _DEFAULT_PORTS[scheme])
    target = _encode(shape["path"] or "/")
    if shape["query"]:
        target += "?" + _encode(shape["query"])
    return SourceUrl(scheme, host, port, target)


def _refuse_odd_characters(text: str) -> None:
    if len(text) > LONGEST_URL:
        raise _refusal(f"the URL has {len(text)} characters; at most {LONGEST_URL} are accepted")
    if "\\" in text:
        raise _refusal("the URL must not contain a backslash")
    if _ODD.search(text):
        raise _refusal("the URL must not contain whitespace or control characters; percent-encode them")


@lru_cache(maxsize=1024)
def _parse_authority(authority: str, default_port: int) -> tuple[str, int]:
    """Host and port. Remembered, for most addresses that a client sends are of few hosts."""
    if "@" in authority:
        raise _refusal("the URL must not contain a user name or password")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise _refusal(f"the URL must name a host and, if any, a numeric port from 1 to {_HIGHEST_PORT}")
    port = default_port if parts["port"] is None else int(parts["port"])
    if not 1 <= port <= _HIGHEST_PORT:
        raise _refusal(f"the port of the URL must be from 1 to {_HIGHEST_PORT}")
    host = parts["host"]
    if len(host) > _LONGEST_HOST + 1:  # before it is encoded, which takes milliseconds for thousands of characters
        raise _refusal("the host of the URL is not a valid name")
    return (_parse_ipv6(host[1:-1]) if host.startswith("[") else _parse_name(host)), port


def _parse_ipv6(text: str) -> str:
    if "%" in text:
        raise _refusal("the URL must not contain an IPv6 zone")
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise _refusal("the URL has brackets around something that is not an IPv6 address") from None


def _parse_name(text: str) -> str:
    """Encode the name once, then judge the encoded form: only that one is used from here on."""
    host = _encode_name(text).removesuffix(".")
    if not host:
        raise _refusal("the URL must name a host")
    labels = host.split(".")
    if len(host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refusal("the host of the URL is not a valid name")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return _parse_ipv4(host)
    return host


def _encode_name(text: str) -> str:
    lower = text.lower() if text.isascii() else text
    if text.isascii() and "xn--" not in lower:
        return lower
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise _refusal("the host of the URL is not a valid international name") from None


def _parse_ipv4(host: str) -> str:
    """Only the dotted quad: `127.1`, `0x7f.1` and `2130706433` mean different things to different programs."""
    try:
        return str(IPv4Address(host))
    except AddressValueError:
        raise _refusal("the host of the URL is a number; write an IPv4 address as four decimal numbers from 0 to 255") from None


def _encode(text: str) -> str:
    return quote(text, safe=_KEPT)


def _refusal(message: str) -> InvalidParameter:
    return InvalidParameter(_PARAMETER, message)
