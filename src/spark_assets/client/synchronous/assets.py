"""Assets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Literal, overload

from msgspec import UNSET, UnsetType

from spark_assets.client.bodies import given, guess_type, several, step
from spark_assets.client.synchronous import gateway
from spark_assets.client.synchronous.downloads import download
from spark_assets.client.synchronous.means import each
from spark_assets.client.synchronous.tasks import Task
from spark_assets.client.synchronous.transport import Transport
from spark_assets.client.synchronous.uploads import Progress, Started, Uploads
from spark_assets.wire.admin import AssetBody, AssetList, TaskBody
from spark_assets.wire.bulk import BulkBody, BulkResult
from spark_assets.wire.share import LinkBody, ShareBody, ShareList

_BULK: Final = 500
"""Assets that one request changes, at most."""


class Assets:
    """`client.assets`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @overload
    def create(
        self, *, group_id: str, url: str | None = None, path: str | Path | None = None, file: IO[bytes] | None = None,
        type: str | None = None, name: str | None = None, tags: str | Sequence[str] = (), external_id: str | None = None,
        metadata: Mapping[str, Any] | None = None, moderation: str | None = None, callback_url: str | None = None,
        project: str | None = None, idempotency_key: str | None = None, wait: Literal[False] = False, timeout: float = 300.0,
        resume: str | None = None, on_progress: Progress | None = None, on_start: Started | None = None,
    ) -> Task: ...  # fmt: skip

    @overload
    def create(
        self, *, group_id: str, url: str | None = None, path: str | Path | None = None, file: IO[bytes] | None = None,
        type: str | None = None, name: str | None = None, tags: str | Sequence[str] = (), external_id: str | None = None,
        metadata: Mapping[str, Any] | None = None, moderation: str | None = None, callback_url: str | None = None,
        project: str | None = None, idempotency_key: str | None = None, wait: Literal[True], timeout: float = 300.0,
        resume: str | None = None, on_progress: Progress | None = None, on_start: Started | None = None,
    ) -> AssetBody: ...  # fmt: skip

    @overload
    def create(
        self, *, group_id: str, url: str | None = None, path: str | Path | None = None, file: IO[bytes] | None = None,
        type: str | None = None, name: str | None = None, tags: str | Sequence[str] = (), external_id: str | None = None,
        metadata: Mapping[str, Any] | None = None, moderation: str | None = None, callback_url: str | None = None,
        project: str | None = None, idempotency_key: str | None = None, wait: bool, timeout: float = 300.0,
        resume: str | None = None, on_progress: Progress | None = None, on_start: Started | None = None,
    ) -> Task | AssetBody: ...  # fmt: skip

    def create(
        self, *, group_id: str, url: str | None = None, path: str | Path | None = None, file: IO[bytes] | None = None,
        type: str | None = None, name: str | None = None, tags: str | Sequence[str] = (), external_id: str | None = None,
        metadata: Mapping[str, Any] | None = None, moderation: str | None = None, callback_url: str | None = None,
        project: str | None = None, idempotency_key: str | None = None, wait: bool = False, timeout: float = 300.0,
        resume: str | None = None, on_progress: Progress | None = None, on_start: Started | None = None,
    ) -> Task | AssetBody:  # fmt: skip
        """Make an asset from a URL that the server fetches, from a file on disk, or from an open binary file.

        `type` is guessed from the name's ending where it is left out. With `wait=True` the answer is the asset once it is active,
        within `timeout` seconds, else its task at once. `idempotency_key`: under the same one, a URL makes one asset, whoever sends
        it again. `resume` and `on_start` are those of `uploads.send`.
        Raises ValueError for none or several sources, ApiError, ConnectionFailed; with `wait` TaskFailed, WaitTimedOut.
        """
        if (url is not None) + (path is not None) + (file is not None) != 1:
            raise ValueError("give one source: url=, path= or file=")
        if idempotency_key is not None and url is None:
            raise ValueError("idempotency_key= is for url=: a file that was sent in part goes on with resume=")
        fields = {
            **given(group_id=group_id, type=type or guess_type(str(url or path or getattr(file, "name", "")))),
            **{
                key: value
                for key, value in {
                    "name": name, "tags": several(tags) or None, "external_id": external_id, "metadata": metadata,
                    "moderation": moderation, "callback_url": callback_url, "project": project,
                }.items()
                if value is not None
            },
        }  # fmt: skip
        if url is not None:
            task = Task(self._transport, self._register(url, fields, idempotency_key), project)
        else:
            source = Path(path) if path is not None else file
            assert source is not None
            uploads = Uploads(self._transport)
            task = uploads.send(source, fields, resume=resume, on_progress=on_progress, on_start=on_start)
        if not wait:
            return task
        return gateway.settled_asset(self._transport, (task.wait(timeout)).body, project, timeout)

    def _register(self, url: str, fields: Mapping[str, Any], idempotency_key: str | None) -> TaskBody:
        if self._transport.gateway:
            return gateway.create_asset(self._transport, url, fields)
        return self._transport.post("/v1/assets", TaskBody, {"url": url, **fields}, idempotency_key)

    def create_many(
        self, sources: Iterable[Mapping[str, Any]], *, at_once: int = 8
    ) -> Iterator[tuple[Mapping[str, Any], AssetBody | Task | Exception]]:
        """`create` with each of these sets of arguments, so many at once: each with its asset, task or error, as they end."""

        def make(arguments: Mapping[str, Any]) -> AssetBody | Task:
            made: AssetBody | Task = self.create(**arguments)
            return made

        yield from each(make, sources, at_once)

    def get(self, asset_id: str, *, project: str | None = None) -> AssetBody:
        """An asset by its ID, with a signed address once it is active. `project` matters at the hosted gateway only. Raises NotFound."""
        return gateway.get_asset(self._transport, asset_id, project)

    def list(
        self, *, project: str | None = None, ids: str | Sequence[str] = (), group_id: str | Sequence[str] = (),
        status: str | Sequence[str] = (), type: str | Sequence[str] = (), name: str | None = None, tag: str | Sequence[str] = (),
        external_id: str | None = None, sha256: str | None = None, created_after: str | None = None,
        created_before: str | None = None, deleted: bool = False, sort: str | None = None, order: str | None = None,
    ) -> Iterator[AssetBody]:  # fmt: skip
        """The assets of a project, newest first; `name` is a part of theirs, all of the tags must be there, `deleted` shows the trash."""
        query = {
            "project": project, "id": several(ids), "group_id": several(group_id), "status": several(status), "type": several(type),
            "name": name, "tag": several(tag), "external_id": external_id, "sha256": sha256, "created_after": created_after,
            "created_before": created_before, "deleted": deleted or None, "sort": sort, "order": order,
        }  # fmt: skip
        yield from self._transport.items("/v1/assets", AssetList, query)

    def update(
        self, asset_id: str, *, name: str | UnsetType = UNSET, tags: str | Sequence[str] | UnsetType | None = UNSET,
        external_id: str | UnsetType | None = UNSET, metadata: Mapping[str, Any] | UnsetType | None = UNSET,
        group_id: str | UnsetType = UNSET,
    ) -> AssetBody:  # fmt: skip
        """Change what is said; None clears tags, external ID and metadata."""
        kept = tags if tags is None or isinstance(tags, UnsetType) else several(tags)
        body = given(name=name, tags=kept, external_id=external_id, metadata=metadata, group_id=group_id)
        return self._transport.patch(f"/v1/assets/{step(asset_id)}", AssetBody, body)

    def move(self, asset_id: str, group_id: str) -> AssetBody:
        """Put an asset into another group."""
        return self.update(asset_id, group_id=group_id)

    def delete(self, asset_id: str) -> None:
        """Put an asset into the trash."""
        self._transport.delete(f"/v1/assets/{step(asset_id)}")

    def restore(self, asset_id: str) -> AssetBody:
        """Take an asset out of the trash."""
        return self._transport.post(f"/v1/assets/{step(asset_id)}/restore", AssetBody)

    def bulk(
        self, action: Literal["move", "tag", "untag", "delete", "restore"], ids: Sequence[str], *, group_id: str | None = None,
        tags: str | Sequence[str] = (), dry_run: bool = False,
    ) -> Sequence[BulkResult]:  # fmt: skip
        """`move`, `tag`, `untag`, `delete` or `restore` any number of assets; a result for each ID, in the same order."""
        results: Sequence[BulkResult] = ()
        for start in range(0, len(ids), _BULK):
            part = ids[start : start + _BULK]
            body = given(
                action=action, ids=part, group_id=group_id or UNSET, tags=several(tags) or UNSET, dry_run=dry_run or UNSET
            )  # fmt: skip
            results = (*results, *(self._transport.post("/v1/assets/bulk", BulkBody, body)).results)
        return results

    def download(self, asset_id: str, to: str | Path | IO[bytes], *, on_progress: Progress | None = None) -> AssetBody:
        """Write an asset's bytes to a path, or to a file opened for writing, and check their hash.

        Raises TransferBroken, ConnectionFailed, ApiError.
        """
        return download(self._transport, asset_id, Path(to) if isinstance(to, str) else to, on_progress)

    def download_many(
        self, targets: Iterable[tuple[str, str | Path]], *, at_once: int = 8
    ) -> Iterator[tuple[tuple[str, str | Path], AssetBody | Exception]]:
        """`download` for each ID to its path, so many at once: each with its asset or error, as they end."""

        def fetch(target: tuple[str, str | Path]) -> AssetBody:
            return self.download(*target)

        yield from each(fetch, targets, at_once)

    def link(self, asset_id: str, *, expires_in: int | None = None, variant: str | None = None) -> LinkBody:
        """A signed link, which works for anyone for so many seconds (12 hours)."""
        body = given(expires_in=expires_in or UNSET, variant=variant or UNSET)
        return self._transport.post(f"/v1/assets/{step(asset_id)}/links", LinkBody, body)

    def share(self, asset_id: str, *, variant: str | None = None, expires_at: str | None = None) -> ShareBody:
        """An address that needs no key and works until it is revoked, or until `expires_at` (RFC 3339)."""
        body = given(variant=variant or UNSET, expires_at=expires_at or UNSET)
        return self._transport.post(f"/v1/assets/{step(asset_id)}/shares", ShareBody, body)

    def shares(self, asset_id: str) -> Iterator[ShareBody]:
        """The shares of an asset that are not revoked."""
        yield from self._transport.items(f"/v1/assets/{step(asset_id)}/shares", ShareList)

    def unshare(self, share_id: str) -> None:
        """Revoke a share."""
        self._transport.delete(f"/v1/shares/{step(share_id)}")
