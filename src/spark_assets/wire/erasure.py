"""Shapes of our own REST surface: the receipt of an erasure."""

import msgspec

from spark_assets.domain.erasure import Receipt
from spark_assets.wire.times import rfc3339


class RemovedBlobBody(msgspec.Struct):
    """Stored bytes that went."""

    sha256: str
    size: int
    """Bytes."""


class ErasureBody(msgspec.Struct):
    """What went; of a dry run, what would go."""

    id: str
    """Of the erasure: the subject of its entries in the audit trail."""
    erased_at: str
    dry_run: bool
    asset_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    task_ids: tuple[str, ...]
    """The tasks that had created the assets; they stay, without their source."""
    unknown_asset_ids: tuple[str, ...]
    """Named, but none of the assets that the key may erase."""
    blobs_removed: list[RemovedBlobBody]
    blobs_kept: tuple[str, ...]
    """SHA-256 of bytes that other assets refer to."""
    blobs_pending: tuple[str, ...]
    """SHA-256 of bytes that could not be removed now; the server goes on trying."""
    renditions_removed: int
    shares_removed: int
    sources_forgotten: int
    """Addresses that were fetched from."""
    bytes_freed: int
    complete: bool
    """false: send the same request again; one takes 10,000 assets."""


def erasure_body(receipt: Receipt) -> ErasureBody:
    """The receipt as it is shown."""
    return ErasureBody(
        id=receipt.id,
        erased_at=rfc3339(receipt.erased_at),
        dry_run=receipt.dry_run,
        asset_ids=receipt.asset_ids,
        group_ids=receipt.group_ids,
        task_ids=receipt.task_ids,
        unknown_asset_ids=receipt.unknown_asset_ids,
        blobs_removed=[RemovedBlobBody(blob.sha256, blob.size) for blob in receipt.blobs],
        blobs_kept=receipt.kept_blobs,
        blobs_pending=receipt.pending_blobs,
        renditions_removed=receipt.renditions,
        shares_removed=receipt.shares,
        sources_forgotten=receipt.sources,
        bytes_freed=receipt.bytes_freed,
        complete=receipt.complete,
    )
