"""Which addresses are public unicast, and which IPv4 addresses hide inside IPv6 ones.

The figures come from the IANA registries "IPv4 Special-Purpose Address Space", "IPv6 Special-Purpose Address Space"
and "IPv6 Global Unicast Address Assignments", and from the documentation of the cloud vendors. The tables are our own:
`ipaddress.is_global` passes NAT64 and 6to4 forms of loopback addresses.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA_ADDRESSES: Final[frozenset[Address]] = frozenset(
    {
        IPv4Address("169.254.169.254"),  # AWS, Google, Azure, Oracle, DigitalOcean and others
        IPv4Address("169.254.170.2"),  # AWS credentials of containers
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv4Address("192.0.0.192"),  # Oracle, older
        IPv4Address("168.63.129.16"),  # Azure, a public address by its looks
        IPv6Address("fd00:ec2::254"),  # AWS over IPv6
    }
)
"""Where clouds hand credentials to whoever asks from inside."""

_IPV4_UNICAST: Final = (IPv4Address("1.0.0.0"), IPv4Address("223.255.255.255"))
_IPV4_REFUSED: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network (RFC 791)
            "10.0.0.0/8",  # private (RFC 1918)
            "100.64.0.0/10",  # carrier-grade NAT (RFC 6598)
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's platform
            "169.254.0.0/16",  # link-local (RFC 3927)
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments (RFC 6890)
            "192.0.2.0/24",  # documentation (RFC 5737)
            "192.31.196.0/24",  # AS112 (RFC 7535)
            "192.52.193.0/24",  # AMT (RFC 7450)
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112 (RFC 7534)
            "198.18.0.0/15",  # benchmarking (RFC 2544)
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
        ),
    )
)
# The blocks that registries have been given out of 2000::/3; the rest belongs to nobody yet, also between those of 2001::/16.
_IPV6_UNICAST: Final = tuple(
    map(
        IPv6Network,
        (
            "2001:200::/23",
            "2001:400::/23",
            "2001:600::/23",
            "2001:800::/22",
            "2001:c00::/23",
            "2001:e00::/23",
            "2001:1200::/23",
            "2001:1400::/22",
            "2001:1800::/23",
            "2001:1a00::/23",
            "2001:1c00::/22",
            "2001:2000::/19",
            "2001:4000::/21",
            "2001:4800::/22",
            "2001:4c00::/23",
            "2001:5000::/20",
            "2001:8000::/19",
            "2001:a000::/19",
            "2003::/18",
            "2400::/11",
            "2600::/12",
            "2610::/23",
            "2620::/23",
            "2630::/12",
            "2800::/12",
            "2a00::/11",
            "2c00::/12",
        ),
    )
)
_IPV6_REFUSED: Final = tuple(
    map(
        IPv6Network,
        (
            "2001:db8::/32",  # documentation (RFC 3849)
            "2620:4f:8000::/48",  # AS112 (RFC 7534)
        ),
    )
)

# Prefixes whose last 32 bits are the IPv4 address.
_TRAILING_FORMS: Final = tuple(
    map(
        IPv6Network,
        (
            "::/96",  # compatible (RFC 4291)
            "::ffff:0:0/96",  # mapped (RFC 4291)
            "::ffff:0:0:0/96",  # translated (RFC 2765)
            "64:ff9b::/96",  # NAT64 (RFC 6052)
            "64:ff9b:1::/96",  # NAT64 of a local network (RFC 8215), in its longest form
        ),
    )
)
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_TEREDO: Final = IPv6Network("2001::/32")
_NO_FORMS: Final = frozenset({IPv6Address("::"), IPv6Address("::1")})  # inside ::/96, yet addresses of their own
# ISATAP interface identifiers (RFC 5214), with the universal bit clear or set.
_ISATAP_MARKS: Final = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
# RFC 6052, section 2.2: which bytes hold the IPv4 address, by length of the prefix. Byte 8 is always skipped.
_NAT64_BYTES: Final = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))


def is_public_unicast(address: Address) -> bool:
    """Whether the address is known to belong to one host on the public internet; judged as written, nothing unwrapped."""
    if isinstance(address, IPv4Address):
        low, high = _IPV4_UNICAST
        return low <= address <= high and not _is_in(address, _IPV4_REFUSED)
    return address.scope_id is None and _is_in(address, _IPV6_UNICAST) and not _is_in(address, _IPV6_REFUSED)


def find_targets(address: Address) -> tuple[Address, ...]:
    """The addresses that a packet to this one may end at; never empty.

    An IPv6 form that carries IPv4 addresses gives those, and any other gives itself; an ISATAP interface, which may stand in a
    network of either kind, adds the one that it carries.
    """
    targets = _find_network_targets(address)
    if isinstance(address, IPv6Address) and address.packed[8:12] in _ISATAP_MARKS:
        return (*targets, IPv4Address(address.packed[12:]))
    return targets


def _find_network_targets(address: Address) -> tuple[Address, ...]:
    """What the network part of the address says of where a packet may end."""
    if isinstance(address, IPv4Address) or address in _NO_FORMS:
        return (address,)
    packed = address.packed
    if _is_in(address, _TRAILING_FORMS):
        return (IPv4Address(packed[12:]),)
    if address in _LOCAL_NAT64:
        return _read_local_nat64(packed)
    if address in _SIX_TO_FOUR:
        return (IPv4Address(packed[2:6]),)
    if address in _TEREDO:
        # Server, then client: the client's bits are inverted (RFC 4380).
        return (IPv4Address(packed[4:8]), IPv4Address(bytes(byte ^ 0xFF for byte in packed[12:])))
    return (address,)


def _read_local_nat64(packed: bytes) -> tuple[IPv4Address, ...]:
    """Every reading of a local NAT64 address: which length of prefix the network uses cannot be seen from outside."""
    readings = [IPv4Address(bytes(packed[index] for index in places)) for places in _NAT64_BYTES]
    unspecified = IPv4Address(0)
    return tuple(reading for reading in readings if reading != unspecified) or (unspecified,)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
