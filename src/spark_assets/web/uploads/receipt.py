"""Receiving the bytes of a resumable upload: durable part by part, and recorded after that, so what is recorded is there."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import msgspec

from spark_assets.domain.errors import ErrorKind, RequestRefused, SparkError, Unavailable
from spark_assets.domain.task import Task
from spark_assets.domain.upload import LEASE, PART_SIZE, Upload
from spark_assets.failpoints import Failpoint, reach
from spark_assets.operations import uploads
from spark_assets.operations.call import Call
from spark_assets.operations.staging import IncomingPart, discard
from spark_assets.runtime.assembly import Runtime
from spark_assets.web.data_sources import staging_of

_BROKEN: Final = (ErrorKind.UNAVAILABLE, ErrorKind.TIMEOUT)
"""How it ends when a client goes away, or gets too slow."""
_RENEWAL: Final = LEASE // 3
"""Microseconds after which a request that still receives bytes says so."""


class Checksum(msgspec.Struct, frozen=True):
    """What the bytes of one request must hash to."""

    algorithm: str
    expected: bytes


class Receipt:
    """One request that adds bytes to an upload which it holds.

    With a checksum, nothing is recorded before all of it has been compared. Without one, what arrived before a connection
    broke is kept.
    """

    def __init__(self, runtime: Runtime, call: Call, upload: Upload, holder: str, checksum: Checksum | None) -> None:
        self.upload = upload
        self._runtime = runtime
        self._call = call
        self._holder = holder
        self._checksum = checksum
        self._hash = None if checksum is None else hashlib.new(checksum.algorithm, usedforsecurity=False)
        self._left = max(upload.length - upload.offset, 1)
        """Of an upload that is whole already the last byte may come again: it is not taken, but its task is tried."""
        self._part: IncomingPart | None = None
        self._unrecorded: list[tuple[str, int]] = []
        self._renewed_at = call.now

    async def take(self, pieces: AsyncIterator[bytes]) -> Task | None:
        """Take the body; the task, if the upload is whole with it.

        Raises RequestRefused `RequestTooLarge`, `RequestTimeout` or `ChecksumMismatch`, Conflict, StorageFull, Unavailable,
        and whatever the submission of the asset raises.
        """
        try:
            await self._receive(pieces)
            await self._compare()
            return await self._record(is_last=True)
        except SparkError as error:
            if self._checksum is None and error.kind in _BROKEN:
                with suppress(SparkError):
                    await self._record(is_last=True)
            raise
        finally:
            if self._part is not None:
                self._part.close()
            await self._let_go()

    async def _receive(self, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            self._left -= len(piece)
            if self._left < 0:
                message = f"the upload was announced with {self.upload.length} bytes, and these would be more"
                raise RequestRefused(ErrorKind.TOO_LARGE, "RequestTooLarge", message)
            if self._hash is not None:
                self._hash.update(piece)
            if piece and not self.upload.is_whole:
                await self._add(piece)

    async def _add(self, piece: bytes) -> None:
        if self._part is None:
            self._part = IncomingPart(staging_of(self._runtime), self.upload.id)
        await self._part.add(piece)
        if self._part.size >= PART_SIZE:
            await (self._record() if self._checksum is None else self._keep())
        now = self._runtime.clock.now()
        if now - self._renewed_at > _RENEWAL:
            await self._renew(now)

    async def _compare(self) -> None:
        if self._checksum is not None and self._hash is not None and self._hash.digest() != self._checksum.expected:
            await discard(self._runtime.blobs, self.upload.id, tuple(token for token, _ in self._unrecorded))
            message = f"the bytes do not have the {self._checksum.algorithm} that Upload-Checksum says; none was kept, send them again"
            raise RequestRefused(ErrorKind.CHECKSUM, "ChecksumMismatch", message)

    async def _keep(self) -> None:
        """Make the part under way durable."""
        part, self._part = self._part, None
        if part is not None:
            try:
                await part.keep()
                self._unrecorded.append((part.token, part.size))
            finally:
                part.close()

    async def _record(self, *, is_last: bool = False) -> Task | None:
        """Write down what is durable. The last byte and the task are written at once; if there can be no task, the byte alone."""
        await self._keep()
        try:
            return await self._write(is_last=is_last, with_task=is_last)
        except Unavailable:
            raise
        except SparkError:
            await self._write(is_last=is_last, with_task=False)
            raise

    async def _write(self, *, is_last: bool, with_task: bool) -> Task | None:
        now = self._runtime.clock.now()
        async with self._runtime.database.begin() as uow:
            grown, task = self.upload, None
            if self._unrecorded:
                grown = await uploads.record(uow, self._call, grown, self._holder, tuple(self._unrecorded), now)
            if with_task and grown.is_whole:
                task = await uploads.finish(uow, self._call, grown)
            if is_last:  # and whoever goes on from the offset that is answered finds it free, whatever happens to this server
                await uow.uploads.release(grown.id, self._holder)
            reach(Failpoint.PARTS_WRITTEN)
            await uow.commit()
        reach(Failpoint.PARTS_COMMITTED)
        self.upload, self._unrecorded, self._renewed_at = grown, [], now
        return task

    async def _renew(self, now: int) -> None:
        self._renewed_at = now
        async with self._runtime.database.begin() as uow:
            await uow.uploads.hold(self.upload.id, self._holder, now=now, until=now + LEASE)
            await uow.commit(wait=False)

    async def _let_go(self) -> None:
        """Let others go on; where the database is away the hold ends by itself.

        Parts whose recording is in doubt stay: they go with the upload, in a sweep.
        """
        with suppress(SparkError):
            async with self._runtime.database.begin() as uow:
                await uow.uploads.release(self.upload.id, self._holder)
                await uow.commit(wait=False)
