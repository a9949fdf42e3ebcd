"""What travels along the assembly line, and the tools that the stations share."""

from collections.abc import Awaitable
from pathlib import Path

import msgspec

from spark_assets.domain.asset import Asset
from spark_assets.domain.media import MediaFacts, MediaFormat
from spark_assets.domain.policy import MediaPolicy
from spark_assets.domain.task import Claim
from spark_assets.domain.usage import PriceList
from spark_assets.ingest.progress import ProgressReport
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.clock import Clock
from spark_assets.ports.inspector import Inspector
from spark_assets.ports.metrics import SILENCE, Metrics
from spark_assets.ports.moderator import Moderator
from spark_assets.ports.source import Download, OpenSpool, Source
from spark_assets.ports.traces import UNTOLD, Traces
from spark_assets.ports.unit_of_work import Database


class Tools(msgspec.Struct, frozen=True):
    """What the stations work with."""

    database: Database
    source: Source
    inspector: Inspector
    blobs: BlobStore
    clock: Clock
    policy: MediaPolicy
    prices: PriceList
    spool: Path
    moderator: Moderator | None
    """None: every content is allowed."""
    open_spool: OpenSpool
    """How a file is written beside the event loop."""
    metrics: Metrics = SILENCE
    traces: Traces = UNTOLD


class IngestState(msgspec.Struct, frozen=True, kw_only=True):
    """One ingest: every station takes it, adds what it found, and hands it on."""

    claim: Claim
    asset: Asset
    spool: Path
    """Where the bytes are, under a name that says nothing."""
    preview: Path
    """Where the inspection, or else the moderation, leaves a preview, which is published once the asset is active."""
    progress: ProgressReport
    download: Download | None = None
    uploaded_at: int | None = None
    prepared: Awaitable[bool] | None = None
    """What the store has begun to do with the bytes."""
    format: MediaFormat | None = None
    facts: MediaFacts | None = None
    is_known: bool = False
    """The project holds these bytes already: format and facts are those that were measured then."""
    shares_bytes: bool = False
    """The bytes were not stored by this ingest, for they were there."""
    is_active: bool = False
    stored_at: int | None = None
    """When storing began (Unix microseconds): what the sweeper took after that must be stored anew."""


def preview_path(spool: Path, asset_id: str) -> Path:
    """Where the preview of an asset waits in the spool folder."""
    return spool / f"{asset_id}.preview"
