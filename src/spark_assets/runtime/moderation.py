"""The moderator that the settings name: an HTTP endpoint, or an entry point of an installed package."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from spark_assets.domain.errors import InvalidParameter
from spark_assets.fetching.address_guard import AddressGuard
from spark_assets.fetching.outbound import HttpOutbound
from spark_assets.fetching.source_url import SourceUrl, parse_source_url
from spark_assets.moderation.entry_point_moderator import find_entry_point, load_moderator, package_of
from spark_assets.moderation.http_moderator import HttpModerator
from spark_assets.ports.moderator import Moderator
from spark_assets.runtime.addresses import allowed_addresses, own_addresses
from spark_assets.settings import BadSettings, Settings


def describe_moderator(settings: Settings) -> str:
    """Which moderator is set, in words; no plug-in is loaded. Raises BadSettings for one that cannot be used."""
    guard = _guard_of(settings)
    if not settings.moderator:
        return "none: every content is allowed"
    if guard is not None:
        endpoint = _endpoint(settings)
        return f"asks {endpoint.scheme}://{endpoint.host}:{endpoint.port}, which gets {settings.moderator_timeout:g} s"
    try:
        package = package_of(find_entry_point(settings.moderator))
    except ValueError as error:
        raise BadSettings(f"SPARK_ASSETS_MODERATOR cannot be used: {error}") from None
    return f"asks '{settings.moderator}' of {package}, which gets {settings.moderator_timeout:g} s"


@asynccontextmanager
async def open_moderator(settings: Settings) -> AsyncIterator[Moderator | None]:
    """The moderator for as long as this lasts; None: every content is allowed. Raises BadSettings."""
    guard = _guard_of(settings)
    if not settings.moderator:
        yield None
    elif guard is None:
        yield _load(settings)
    else:
        outbound = HttpOutbound(guard, user_agent=settings.user_agent, connect=settings.fetch_connect_timeout)
        token = settings.moderator_token.get_secret_value()
        try:
            yield HttpModerator(outbound, settings.moderator, timeout=settings.moderator_timeout, token=token)
        finally:
            await outbound.close()


def _load(settings: Settings) -> Moderator:
    try:
        return load_moderator(settings.moderator, timeout=settings.moderator_timeout)
    except ValueError as error:
        raise BadSettings(f"SPARK_ASSETS_MODERATOR cannot be used: {error}") from None


def _guard_of(settings: Settings) -> AddressGuard | None:
    """The judge of the endpoint's addresses: the operator named its port, so that one is open on public ones. None for an entry point."""
    allowed = allowed_addresses("MODERATOR_ALLOW", settings.moderator_allow)
    if "://" not in settings.moderator:
        return None
    return AddressGuard(allowed, frozenset({_endpoint(settings).port}), own_addresses(settings))


def _endpoint(settings: Settings) -> SourceUrl:
    try:
        return parse_source_url(settings.moderator)
    except InvalidParameter as error:
        raise BadSettings(f"SPARK_ASSETS_MODERATOR cannot be used: {error.message}") from None
