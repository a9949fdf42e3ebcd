"""A second opinion on addresses: the IANA registries as rows of numbers, read by shifts and comparisons alone.

It shares nothing with the guard: no table, no class, no algorithm. An address is a number; a block is the first number, the
length of its prefix, and the width of the family. What is in no row of `V6_GIVEN_OUT` is refused, as what is in a row of a
special-purpose registry is.
"""

from collections.abc import Callable
from typing import Final

V4_WIDTH: Final = 32
V6_WIDTH: Final = 128


def v4(text: str) -> int:
    """A dotted quad as a number."""
    number = 0
    for part in text.split("."):
        number = number * 256 + int(part)
    return number


def v6(text: str) -> int:
    """Groups of hexadecimal digits, with `::` at the end or none, as a number."""
    groups = [int(group, 16) for group in text.removesuffix("::").split(":") if group]
    number = 0
    for group in groups:
        number = number << 16 | group
    return number << 16 * (8 - len(groups))


def _block(text: str, read: Callable[[str], int]) -> tuple[int, int]:
    base, _, length = text.partition("/")
    return read(base), int(length)


# IANA IPv4 Special-Purpose Address Registry, all rows; IANA IPv4 Address Space, multicast and future use; and one address of Azure.
V4_SPECIAL: Final = [
    _block(row, v4)
    for row in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
# IANA IPv6 Global Unicast Address Assignments, the rows of the five regional registries.
V6_GIVEN_OUT: Final = [
    _block(row, v6)
    for row in (
        "2001:0200::/23", "2001:0400::/23", "2001:0600::/23", "2001:0800::/22", "2001:0c00::/23", "2001:0e00::/23", "2001:1200::/23",
        "2001:1400::/22", "2001:1800::/23", "2001:1a00::/23", "2001:1c00::/22", "2001:2000::/19", "2001:4000::/23", "2001:4200::/23",
        "2001:4400::/23", "2001:4600::/23", "2001:4800::/23", "2001:4a00::/23", "2001:4c00::/23", "2001:5000::/20", "2001:8000::/19",
        "2001:a000::/20", "2001:b000::/20", "2003::/18", "2400::/12", "2410::/12", "2600::/12", "2610::/23", "2620::/23", "2630::/12",
        "2800::/12", "2a00::/12", "2a10::/12", "2c00::/12",
    )
]  # fmt: skip
# IANA IPv6 Special-Purpose Address Registry: the rows, and the ranges of RFC 4291 and RFC 3879 beside it.
V6_SPECIAL: Final = [
    _block(row, v6)
    for row in (
        "0000::/8", "0064:ff9b::/96", "0064:ff9b:1::/48", "0100::/64", "0100:0:0:1::/64", "2001::/23", "2001::/32", "2001:2::/48",
        "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16",
        "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
]  # fmt: skip


def _lies_in(number: int, blocks: list[tuple[int, int]], width: int) -> bool:
    return any(number >> width - length == base >> width - length for base, length in blocks)


def is_public_v4(number: int) -> bool:
    """Whether no registry keeps the IPv4 address from the public."""
    return not _lies_in(number, V4_SPECIAL, V4_WIDTH)


def carried_by(number: int) -> list[int]:
    """The IPv4 addresses that an IPv6 address carries, by whichever of the forms it has; none for an ordinary one."""
    low, found = number & 0xFFFF_FFFF, []
    top = number >> 32
    if number > 1 and top in {0, 0xFFFF, 0xFFFF_0000, 0x64_FF9B << 64, 0x64_FF9B_0001 << 48}:
        found.append(low)  # compatible, mapped, translated, and both NAT64 prefixes in their longest form
    elif number >> 80 == 0x64_FF9B_0001:
        found += _local_nat64(number)
    if number >> 112 == 0x2002:
        found.append(number >> 80 & 0xFFFF_FFFF)
    if number >> 96 == 0x2001_0000:
        found += [number >> 64 & 0xFFFF_FFFF, 0xFFFF_FFFF - low]
    if number >> 32 & 0xFDFF_FFFF == 0x5EFE:
        found.append(low)
    return found


def _local_nat64(number: int) -> list[int]:
    """RFC 6052, figure 1: the prefix is 48, 56, 64 or 96 bits long, and bits 64 to 71 are left out of the IPv4 address."""
    without_gap = number >> 64 << 56 | number & (1 << 56) - 1  # 120 bits
    readings = [without_gap >> 120 - length - 32 & 0xFFFF_FFFF for length in (48, 56, 64)] + [number & 0xFFFF_FFFF]
    return [reading for reading in readings if reading] or [0]


def is_public_v6(number: int) -> bool:
    """Whether a packet to the IPv6 address can only end at a public host."""
    carried = carried_by(number)
    if not all(is_public_v4(address) for address in carried):
        return False
    replaces = number >> 32 & 0xFDFF_FFFF != 0x5EFE or len(carried) > 1  # an ISATAP address alone is in a network of its own
    if carried and replaces:
        return True
    return _lies_in(number, V6_GIVEN_OUT, V6_WIDTH) and not _lies_in(number, V6_SPECIAL, V6_WIDTH)
