"""The judge of addresses: which ones the service may connect to on behalf of a stranger."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import Final

import msgspec

from spark_assets.fetching.address_ranges import METADATA_ADDRESSES, Address, Network, find_targets, is_public_unicast

_HIGHEST_PORT: Final = 65_535


class Allowed(msgspec.Struct, frozen=True):
    """An entry of the operator's list of exceptions: a network, and the one port it opens (None: every port)."""

    network: Network
    port: int | None = None

    def covers(self, address: Address, port: int) -> bool:
        """Whether the entry is about this address and port."""
        return address in self.network and self.port in (None, port)


class AddressRefused(Exception):
    """The guard does not permit a connection. It carries no address, so that none can leak through it."""


def parse_allowed(entry: str) -> Allowed:
    """Read `cidr` or `cidr:port`; IPv6 with a port is `[cidr]:port`. A bare address is a network of one.

    Raises ValueError with a sentence for the operator.
    """
    network, port = _split_port(entry.strip())
    try:
        return Allowed(ip_network(network), None if port is None else _parse_port(port))
    except ValueError as error:
        raise ValueError(
            f"'{entry}' is not an allowed source: expected 'cidr' or 'cidr:port', such as '10.1.0.0/16', '127.0.0.1:9000' "
            f"or '[fd00::/8]:8080' ({error})"
        ) from None


def parse_allow_list(text: str) -> tuple[Allowed, ...]:
    """Read a comma list of entries; blanks between commas are ignored. Raises ValueError as `parse_allowed` does."""
    return tuple(parse_allowed(entry) for entry in text.split(",") if entry.strip())


def is_local_address(address: Address) -> bool:
    """Whether the address belongs to this machine: only then can a socket be bound to it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


class AddressGuard:
    """Decides about an address and a port; what is not known to be public unicast is refused.

    `allow`: exceptions, which bring their own ports. A cloud's metadata address is opened only by an entry for it alone.
    `ports`: the ports that may be reached on public addresses.
    `own`: addresses and ports that this service listens on; `0.0.0.0` and `::` stand for every address of the machine,
    which `is_local` tells. A connection to an unspecified address ends at this machine as well, so it counts as each of them.
    They are refused unless an entry of `allow` names that very port.
    """

    def __init__(
        self,
        allow: Sequence[Allowed],
        ports: frozenset[int],
        own: Sequence[tuple[str, int]] = (),
        *,
        is_local: Callable[[Address], bool] = is_local_address,
    ) -> None:
        self._allow = tuple(allow)
        self._ports = ports
        self._own = frozenset((find_targets(ip_address(address))[-1], port) for address, port in own)
        self._own_ports = frozenset(port for _, port in self._own)
        self._own_wildcard_ports = frozenset(port for address, port in self._own if address.is_unspecified)
        self._is_local = is_local

    def permits(self, address: str, port: int) -> bool:
        """Whether a socket may be connected there. Anything but a plain address (no name, no zone) is refused."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if parsed.version == 6 and parsed.scope_id is not None:
            return False
        targets = find_targets(parsed)
        if any(self._is_shielded(target, port) for target in (parsed, *targets)):
            return False
        return self._is_allowed(parsed, port) or all(self._permits_target(target, port) for target in targets)

    def require(self, address: str, port: int) -> None:
        """Raise AddressRefused unless the address and port are permitted."""
        if not self.permits(address, port):
            raise AddressRefused

    def _is_shielded(self, address: Address, port: int) -> bool:
        """Whether the address is one of ours or a cloud's, and no entry is precise enough to open it."""
        entries = [entry for entry in self._allow if entry.covers(address, port)]
        if address in METADATA_ADDRESSES and not any(entry.network.num_addresses == 1 for entry in entries):
            return True
        return self._is_own(address, port) and not any(entry.port == port for entry in entries)

    def _is_own(self, address: Address, port: int) -> bool:
        if (address, port) in self._own:
            return True
        if address.is_unspecified:
            return port in self._own_ports
        return port in self._own_wildcard_ports and self._is_local(address)

    def _is_allowed(self, address: Address, port: int) -> bool:
        return any(entry.covers(address, port) for entry in self._allow)

    def _permits_target(self, address: Address, port: int) -> bool:
        return self._is_allowed(address, port) or (port in self._ports and is_public_unicast(address))


def _split_port(entry: str) -> tuple[str, str | None]:
    if entry.startswith("["):
        network, bracket, port = entry[1:].partition("]:")
        if bracket:
            return network, port
        return (entry[1:-1] if entry.endswith("]") else entry), None
    if entry.count(":") == 1:
        network, _, port = entry.partition(":")
        return network, port
    return entry, None


def _parse_port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= _HIGHEST_PORT:
        raise ValueError(f"the port must be a number from 1 to {_HIGHEST_PORT}")
    return int(text)
