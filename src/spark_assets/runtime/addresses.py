"""Addresses that the settings hold, judged without opening anything, so that a bad one stops the start before any process begins."""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from spark_assets.fetching.address_guard import Allowed, parse_allowed
from spark_assets.settings import BadSettings, Settings
from spark_assets.storage.location import StorageLocation, parse_storage_url

_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # compared with, never bound to


def storage_location(settings: Settings) -> StorageLocation:
    """Where blobs are kept. Raises BadSettings."""
    try:
        return parse_storage_url(settings.storage_url)
    except ValueError as error:
        raise BadSettings(f"SPARK_ASSETS_STORAGE_URL cannot be used: {error}") from None


def allowed_sources(settings: Settings) -> list[Allowed]:
    """What may be fetched in spite of the address guard. Raises BadSettings."""
    return allowed_addresses("SOURCE_ALLOW", settings.source_allow)


def allowed_addresses(setting: str, entries: Sequence[str]) -> list[Allowed]:
    """The exceptions from the address guard that a setting lists. Raises BadSettings."""
    try:
        return [parse_allowed(entry) for entry in entries]
    except ValueError as error:
        raise BadSettings(f"SPARK_ASSETS_{setting} cannot be used: {error}") from None


def trusted_proxies(settings: Settings) -> list[IPv4Network | IPv6Network]:
    """Who is believed when it says where a request came from. Raises BadSettings."""
    try:
        return [ip_network(entry) for entry in settings.trusted_proxies]
    except ValueError as error:
        raise BadSettings(f"SPARK_ASSETS_TRUSTED_PROXIES cannot be used: {error}") from None


def own_addresses(settings: Settings) -> list[tuple[str, int]]:
    """Where the server listens, for metrics too; a host name that is not an address stands for every address of the machine."""
    listening = [(settings.host, settings.port)]
    if settings.metrics_address is not None:
        listening.append(settings.metrics_address)
    return [(address, port) for host, port in listening for address in _addresses_of(host)]


def check_listeners(settings: Settings) -> None:
    """A server's own address is not that of its metrics: with shared ports, each would get some of the other's requests.

    Raises BadSettings.
    """
    metrics = settings.metrics_address
    if metrics is None or metrics[1] != settings.port:
        return
    own, shown = _bound_to(settings.host), _bound_to(metrics[0])
    if own & shown or _WILDCARDS & (own | shown):
        raise BadSettings(
            f"SPARK_ASSETS_METRICS_LISTEN cannot be used: the server itself listens on {settings.host}:{settings.port}; choose another port"
        )


def _bound_to(host: str) -> frozenset[str]:
    """The addresses that a host name stands for; none if nobody knows it."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return frozenset()
    return frozenset(str(address[0]) for *_, address in found)


def _addresses_of(host: str) -> list[str]:
    try:
        return [str(ip_address(host))]
    except ValueError:
        return sorted(_WILDCARDS)
