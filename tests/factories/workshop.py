"""What an ingest works with, small and real: a source that gives bytes from memory, an inspector that says what it was told to."""

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from spark_assets.domain.media import MediaFacts, MediaFormat
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.domain.policy import ARK
from spark_assets.domain.usage import PriceList
from spark_assets.fetching.spool import Spool
from spark_assets.ingest.state import Tools
from spark_assets.ports.inspector import Inspection
from spark_assets.ports.moderator import Moderator
from spark_assets.ports.source import HEAD_LENGTH, Download, Progress
from spark_assets.ports.unit_of_work import Database
from spark_assets.storage.local import LocalBlobStore
from tests.factories import records
from tests.factories.clocks import SetClock
from tests.factories.tallies import Tally

PICTURE: bytes = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + b"\0" * 500 + b"\xff\xd9"
"""Begins and ends as a JPEG does; nobody decodes it."""
PREVIEW: bytes = b"a preview"


class StepByStep:
    """Acts in turn as it was told to; the last act is repeated. An act is an error to raise, something to await, or nothing."""

    def __init__(self, acts: tuple[Any, ...]) -> None:
        self._acts = list(acts)
        self.count = 0

    async def act(self) -> None:
        """Do what is next."""
        self.count += 1
        act = self._acts.pop(0) if len(self._acts) > 1 else (self._acts or [None])[0]
        if isinstance(act, BaseException):
            raise act
        if isinstance(act, asyncio.Event):
            await act.wait()
        elif act is not None:
            await act()


class MemorySource:
    """A source whose every address holds the same bytes."""

    def __init__(self, *acts: Any, content: bytes = PICTURE) -> None:
        self.steps = StepByStep(acts)
        self.content = content
        self.fetching = asyncio.Event()

    def check(self, url: str) -> str:
        """Every address is good."""
        return "example.com"

    async def fetch(self, url: str, spool: Path, *, largest: int, progress: Progress) -> Download:
        """Write the bytes to the file."""
        spool.write_bytes(self.content[:1])
        self.fetching.set()
        await self.steps.act()
        spool.write_bytes(self.content)
        progress(len(self.content), len(self.content))
        return Download(spool, len(self.content), hashlib.sha256(self.content).hexdigest(), self.content[:HEAD_LENGTH])


class SayingInspector:
    """An inspector that measures nothing."""

    def __init__(self, *acts: Any, facts: MediaFacts = records.PICTURE, has_preview: bool = True) -> None:
        self.steps = StepByStep(acts)
        self.facts = facts
        self.has_preview = has_preview

    async def inspect(self, path: Path, found: MediaFormat, preview: Path | None) -> Inspection:
        """Say the facts, and leave a preview."""
        await self.steps.act()
        if preview is not None and self.has_preview:
            preview.write_bytes(PREVIEW)
        return Inspection(self.facts, preview is not None and self.has_preview)

    async def preview(self, path: Path, found: MediaFormat, preview: Path) -> bool:
        """Leave a preview."""
        await self.steps.act()
        if self.has_preview:
            preview.write_bytes(PREVIEW)
        return self.has_preview

    async def close(self) -> None:
        """Nothing to end."""


class Workshop:
    """The tools, and a way to each part of them that a test turns at."""

    def __init__(self, folder: Path, database: Database, *, blobs: Callable[[Path], LocalBlobStore] = LocalBlobStore) -> None:
        (folder / "blobs").mkdir()
        (folder / "spool").mkdir()
        self.database = database
        self.blobs = blobs(folder / "blobs")
        self.clock = SetClock(records.NOW)
        self.spool = folder / "spool"
        self.metrics = Tally()
        self._writers = ThreadPoolExecutor(1)

    def tools(
        self, source: MemorySource | None = None, inspector: SayingInspector | None = None, moderator: Moderator | None = None
    ) -> Tools:
        """Tools with this source, this inspector and this moderator."""
        return Tools(
            database=self.database,
            source=source or MemorySource(),
            inspector=inspector or SayingInspector(),
            blobs=self.blobs,
            clock=self.clock,
            policy=ARK,
            prices=PriceList({CREATE_ASSET.model: 20_000}),
            spool=self.spool,
            metrics=self.metrics,
            moderator=moderator,
            open_spool=partial(Spool, executor=self._writers),
        )

    async def submit(self) -> tuple[str, str]:
        """A task in progress and its asset: their IDs."""
        async with self.database.begin() as uow:
            asset, task = await records.add_asset(uow)
            await uow.commit()
        return task.id, asset.id

    async def settle(self) -> None:
        """Until what was committed without waiting is there to read."""
        async with self.database.begin() as uow:
            await uow.commit()
