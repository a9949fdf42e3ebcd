"""Addresses that the settings hold, judged without opening anything, so that a bad one stops the start before any process begins."""

from spark_assets.fetching.address_guard import Allowed, parse_allowed
from spark_assets.settings import BadSettings, Settings
from spark_assets.storage.location import StorageLocation, parse_storage_url


def storage_location(settings: Settings) -> StorageLocation:
    """Where blobs are kept. Raises BadSettings."""
    try:
        return parse_storage_url(settings.storage_url)
    except ValueError as error:
        raise BadSettings(f"SPARK_ASSETS_STORAGE_URL cannot be used: {error}") from None


def allowed_sources(settings: Settings) -> list[Allowed]:
    """What may be fetched in spite of the address guard. Raises BadSettings."""
    try:
        return [parse_allowed(entry) for entry in settings.source_allow]
    except ValueError as error:
        raise BadSettings(f"SPARK_ASSETS_SOURCE_ALLOW cannot be used: {error}") from None
