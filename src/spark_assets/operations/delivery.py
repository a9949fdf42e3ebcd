"""Delivery: where an asset's bytes are, and the links that lead to them."""

from urllib.parse import urlsplit

import msgspec

from spark_assets.domain import blob_names
from spark_assets.domain.asset import Asset, AssetStatus, Variant
from spark_assets.domain.errors import NotFound
from spark_assets.domain.link import LINK_LIFETIME, LinkSigner
from spark_assets.domain.media import MediaFormat
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.inspector import PREVIEW_FORMAT
from spark_assets.ports.unit_of_work import Repositories


class Content(msgspec.Struct, frozen=True):
    """What is to be delivered: which bytes of the store, their number, their media type, and a name to save them under."""

    asset: Asset
    variant: Variant
    blob_name: str
    size: int
    media_type: str
    file_name: str


class Links:
    """Makes and checks signed links below the delivery address, and writes the addresses of shares below the base address."""

    def __init__(self, signer: LinkSigner, delivery_url: str, base_url: str) -> None:
        self._signer = signer
        self._delivery_url = delivery_url.rstrip("/")
        self._base_url = base_url.rstrip("/")

    def link(self, asset: Asset, now: int, variant: Variant = Variant.ORIGINAL, lifetime: int = LINK_LIFETIME) -> str:
        """A link to the bytes that works for `lifetime` seconds from `now` (Unix microseconds); empty unless `Active`."""
        if asset.status is not AssetStatus.ACTIVE or asset.facts is None:
            return ""
        signed = self._signer.sign(media_path(asset.id, variant, asset.facts.format), now // 1_000_000 + lifetime)
        return f"{self._delivery_url}{signed}"

    @property
    def origin(self) -> str:
        """Scheme, host and port that signed links lead to."""
        return origin_of(self._delivery_url)

    def share_address(self, token: str) -> str:
        """The address of the share with this token."""
        return f"{self._base_url}/s/{token}"

    def check(self, path: str, expires: str, key_id: str, signature: str, now: int) -> None:
        """Raises NotFound `path` unless the link is ours and has not expired at `now` (Unix microseconds)."""
        self._signer.verify(path, expires, key_id, signature, now // 1_000_000)


def origin_of(address: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


async def origins(blobs: BlobStore, links: Links) -> list[str]:
    """Where bytes come from: where signed links lead, and the object store that these lead on to, if they do."""
    store = await blobs.presigned_url(blob_names.original("0" * 64), LINK_LIFETIME)
    return [links.origin, *([] if store is None else [origin_of(store)])]


def media_path(asset_id: str, variant: Variant, original: MediaFormat) -> str:
    """The path of an asset's bytes; the ending is for people and programs that look at endings."""
    found = original if variant is Variant.ORIGINAL else PREVIEW_FORMAT
    return f"/media/{asset_id}/{variant.value}.{found.extension}"


async def content(repositories: Repositories, asset_id: str, variant: Variant) -> Content:
    """What stands behind a link. Raises NotFound `path` if the asset is gone or not active, or has no such rendition."""
    asset = await repositories.assets.get(asset_id, None)
    if asset is None or asset.sha256 is None or asset.size is None or asset.facts is None:
        raise NotFound("path", "there is nothing behind this link any more")
    if variant is Variant.ORIGINAL:
        found = asset.facts.format
        return Content(asset, variant, blob_names.original(asset.sha256), asset.size, found.media_type, f"{asset.name}.{found.extension}")
    rendition = await repositories.blobs.rendition(asset.sha256, variant)
    if rendition is None:
        raise NotFound("path", f"the asset has no {variant.value}, or not yet")
    file_name = f"{asset.name} ({variant.value}).{PREVIEW_FORMAT.extension}"
    return Content(asset, variant, rendition.name, rendition.size, rendition.media_type, file_name)
