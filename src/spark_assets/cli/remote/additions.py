"""Many sources on their way into the library at once: what is done with each, and what became of it."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from spark_assets.cli.remote.bars import Bars
from spark_assets.cli.remote.failures import TIMED_OUT, exit_code
from spark_assets.cli.remote.following import follow
from spark_assets.cli.remote.resumption import Resumptions
from spark_assets.client import Asset, AsyncClient, AsyncTask, SparkAssetsError, TaskFailed
from spark_assets.client.asynchronous.means import each
from spark_assets.client.bodies import guess_type

_PIECE: Final = 1 << 20
"""Bytes read at once for a hash."""


@dataclass
class Addition:
    """One source, and how far it has come."""

    number: int
    source: str | Path
    fields: Mapping[str, Any]
    """What is said of the asset, as `client.assets.create` takes it."""
    status: str = "interrupted"
    """In the end `added`, `already there`, `submitted`, `would be added`, `failed` or `timed out`; this, if it came to no end."""
    asset: Asset | None = None
    task_id: str | None = None
    error: Exception | None = None
    mark: str | None = None
    """What its upload is remembered by, until its task has ended."""


@dataclass(frozen=True)
class Terms:
    """What holds for all of them."""

    group_id: str | None
    """None: a group that is still to be made, in a dry run."""
    wait: bool
    timeout: float
    """Seconds for each, once its bytes have arrived."""
    dedupe: bool
    dry_run: bool


@dataclass
class Additions:
    """The means by which they are added."""

    client: AsyncClient
    terms: Terms
    bars: Bars
    resumptions: Resumptions
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    _submitted: set[str] = field(default_factory=set)
    """Hashes of files that this run has sent without waiting for them."""
    _made: set[str] = field(default_factory=set)
    """The assets of this run: another of them is no reason to drop one."""
    _kept: dict[str, Asset] = field(default_factory=dict)
    """By their hash, what is kept of what this run has had fetched."""

    async def add_all(self, additions: Sequence[Addition], at_once: int) -> None:
        """Add them, so many at once; what became of each is written there. One that fails stops no other."""
        async for addition, outcome in each(self._add, additions, at_once):
            if isinstance(outcome, Exception):
                if not isinstance(outcome, SparkAssetsError | OSError | ValueError):
                    raise outcome
                addition.error = outcome
                addition.status = "timed out" if exit_code(outcome) == TIMED_OUT else "failed"
            self.bars.end(addition.number, addition.status)

    async def _add(self, addition: Addition) -> None:
        if not self.terms.dedupe:
            await self._create(addition)
        elif isinstance(addition.source, Path):
            await self._send_unless_there(addition, addition.source)
        else:
            await self._fetch_unless_there(addition)

    async def _send_unless_there(self, addition: Addition, path: Path) -> None:
        """A file whose bytes are in the group already is not sent; of two that are alike, the second waits for the first."""
        self.bars.tell(addition.number, 0, 1, "comparing")
        sha256 = await asyncio.to_thread(_hash_of, path)
        async with self._lock(sha256):
            there = self._kept.get(sha256) or await self._find(sha256)
            if there is not None or sha256 in self._submitted:
                addition.asset, addition.status = there, "already there"
                return
            await self._create(addition)
            if addition.asset is None:
                self._submitted.add(sha256)
            else:
                self._kept[sha256] = addition.asset

    async def _fetch_unless_there(self, addition: Addition) -> None:
        """What is behind a URL is known only once the server has it: a newcomer whose bytes were there goes into the trash."""
        await self._create(addition)
        asset = addition.asset
        if asset is None or asset.sha256 is None:
            return
        async with self._lock(asset.sha256):
            kept = self._kept.get(asset.sha256) or await self._find(asset.sha256) or asset
            self._kept[asset.sha256] = kept
            if kept.id != asset.id:
                await self.client.assets.delete(asset.id)
                addition.asset, addition.status = kept, "already there"

    async def _create(self, addition: Addition) -> None:
        if self.terms.dry_run:
            _foresee(addition)
            return
        task = await self._send(addition, addition.source) if isinstance(addition.source, Path) else await self._register(addition)
        addition.task_id = task.id
        if task.asset_id is not None:
            self._made.add(task.asset_id)
        if self.terms.wait:
            await self._follow(addition, task)
            addition.asset = await task.asset()
        self._forget(addition)
        addition.status = "added" if self.terms.wait else "submitted"

    async def _register(self, addition: Addition) -> AsyncTask:
        self.bars.tell(addition.number, 0, 1, "submitting")
        task: AsyncTask = await self.client.assets.create(url=str(addition.source), **self._fields(addition))
        return task

    async def _send(self, addition: Addition, path: Path) -> AsyncTask:
        """Upload a file, from where an interrupted run left it; it is remembered until its task has ended."""
        fields = self._fields(addition)
        mark = self.resumptions.mark(path, fields)
        task: AsyncTask = await self.client.assets.create(
            path=path,
            resume=self.resumptions.find(mark),
            on_start=lambda upload: self.resumptions.keep(mark, upload),
            on_progress=lambda sent, of: self.bars.tell(addition.number, sent, of, "sending"),
            **fields,
        )
        addition.mark = mark
        return task

    async def _follow(self, addition: Addition, task: AsyncTask) -> None:
        """Wait for the end of a task, and tell how far it comes. Raises TaskFailed, WaitTimedOut."""
        await follow(task, self.terms.timeout, lambda step: self.bars.tell(addition.number, step.progress, 1, step.stage))
        if task.status != "completed":
            self._forget(addition)
            raise TaskFailed(task.body)

    def _forget(self, addition: Addition) -> None:
        if addition.mark is not None:
            self.resumptions.forget(addition.mark)

    async def _find(self, sha256: str) -> Asset | None:
        """An asset of the group with these bytes that was there before this run."""
        if self.terms.group_id is not None:
            async for asset in self.client.assets.list(sha256=sha256, group_id=self.terms.group_id, status="Active"):
                if asset.id not in self._made:
                    return asset
        return None

    def _fields(self, addition: Addition) -> dict[str, Any]:
        return {"group_id": self.terms.group_id, **addition.fields}

    def _lock(self, sha256: str) -> asyncio.Lock:
        return self._locks.setdefault(sha256, asyncio.Lock())


def _foresee(addition: Addition) -> None:
    """Whether it could be added, as far as that is known on this computer. Raises ValueError, OSError."""
    if "type" not in addition.fields:
        guess_type(str(addition.source))
    if isinstance(addition.source, Path):
        addition.source.open("rb").close()
    addition.status = "would be added"


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
