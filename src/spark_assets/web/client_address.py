"""Where a request came from: behind proxies the connection tells only of the last one, and headers tell the rest.

Anybody can send those headers, so they are read from their end, hop by hop, and only for as long as the hop that speaks is
one that the operator trusts. `X-Forwarded-For` is the usual one, `Forwarded` (RFC 7239) the standard.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_PAIR: Final = r'\s*([^\s=;,"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*)\s*'
_LINE: Final = re.compile(rf"{_PAIR}(?:[;,]{_PAIR})*")
_NEXT: Final = re.compile(rf"(^|[;,]){_PAIR}")
"""A line of `Forwarded`: pairs of a hop, parted by semicolons, and hops, parted by commas."""
_LONGEST: Final = 4096
"""Characters of a line that are read: more than any chain of proxies writes."""
_WITH_PORT: Final = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[\d.]+))(?::\w+)?")


class ClientAddresses:
    """Tells where requests come from."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        """`trusted`: the networks of proxies whose word is taken; without any, the connection alone counts."""
        self._trusted = tuple(trusted)

    def of(self, peer: str | None, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """The address of the first hop, seen from here, that no trusted proxy has; `peer` is that of the connection.

        Where both headers are there and disagree, one of them was sent by the client, and nobody knows which: neither counts.
        """
        if not self._trusted or peer is None:
            return peer
        plain = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
        standard = [value.decode("latin-1") for name, value in headers if name == b"forwarded"]
        found = {self._follow(peer, hops) for hops in (_listed(plain), _standard(standard)) if hops}
        return found.pop() if len(found) == 1 else peer

    def trusts(self, peer: str | None) -> bool:
        """Whether the other end of the connection is one of the proxies that are trusted."""
        address = None if peer is None else _read(peer)
        return address is not None and any(address in network for network in self._trusted)

    def _follow(self, peer: str, hops: Sequence[str]) -> str:
        """Back along the hops, as far as those who tell of them are trusted and tell an address."""
        address = _read(peer)
        for hop in reversed(hops):
            if address is None or not any(address in network for network in self._trusted):
                break
            before = _read(hop)
            if before is None:
                break
            address = before
        return peer if address is None else str(address)


def _listed(values: Sequence[str]) -> list[str]:
    return [hop for value in values for hop in value[-_LONGEST:].split(",")]


def _standard(values: Sequence[str]) -> list[str]:
    """What each hop says of the one before; a line that is not well formed says nothing, for a quote left open hides what follows."""
    hops = []
    for value in values:
        if len(value) > _LONGEST or not _LINE.fullmatch(value):
            return [""]
        for part, name, said in _NEXT.findall(value):
            if part != ";":
                hops.append("")
            if name.lower() == "for":
                hops[-1] = said.strip('"')
    return hops


def _read(text: str) -> Address | None:
    """An address, with its port or without; None for a name, an unknown one, or nothing."""
    text = text.strip()
    found = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address((found["six"] or found["four"]) if found else text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
