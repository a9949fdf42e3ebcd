"""Files on their way in: resumable uploads by tus 1.0, which go on from where a broken line left them."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any, Final

from spark_assets.client.asynchronous.means import read, sleep
from spark_assets.client.asynchronous.tasks import AsyncTask, AsyncTasks
from spark_assets.client.asynchronous.transport import AsyncTransport
from spark_assets.client.bodies import upload_metadata
from spark_assets.client.errors import ApiError, Conflict, ConnectionFailed, NotFound, TransferBroken
from spark_assets.wire.admin import TaskBody

Progress = Callable[[int, int], None]
"""Told the bytes that have been sent, and all there are."""
Started = Callable[[str], None]
"""Told the path of an upload, under which it can be resumed for a day."""
_PIECE: Final = 1 << 20
"""Bytes read from a file at once."""
_TUS: Final = {"Tus-Resumable": "1.0.0"}


class AsyncUploads:
    """`client.uploads`: what `client.assets.create(path=...)` does, with its steps in reach."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def send(
        self, source: Path | IO[bytes], fields: Mapping[str, Any], *, resume: str | None = None,
        on_progress: Progress | None = None, on_start: Started | None = None,
    ) -> AsyncTask:  # fmt: skip
        """Upload a file with the fields of an asset; its task.

        `resume`: the path of an upload that was begun before with the same file; one that is not there any more is begun anew.
        A broken connection is mended within the call. Raises TransferBroken if the file changes meanwhile, ConnectionFailed, ApiError.
        """
        with _opened(source) as file:
            size = file.seek(0, os.SEEK_END)
            path = await self._begun(resume, size) if resume else None
            if path is None:
                path = await self._begin(size, fields, _name_of(source))
            if on_start is not None:
                on_start(path)
            task_id = await self._fill(path, file, size, on_progress or (lambda sent, of: None))
        return await AsyncTasks(self._transport).get(task_id)

    async def _begin(self, size: int, fields: Mapping[str, Any], file_name: str) -> str:
        headers = {**_TUS, "Upload-Length": str(size), "Upload-Metadata": upload_metadata(fields, file_name)}
        answer = await self._transport.send("POST", "/v1/uploads/tus", headers=headers)
        return f"/v1/uploads/tus/{answer.headers['location'].rpartition('/')[2]}"  # below the base URL, whatever path that has

    async def _begun(self, path: str, size: int) -> str | None:
        try:
            answer = await self._transport.send("HEAD", path, headers=_TUS)
        except NotFound:
            return None
        return path if answer.headers.get("upload-length") == str(size) else None

    async def _fill(self, path: str, file: IO[bytes], size: int, tell: Progress) -> str:
        """Send what is missing until the upload has become a task; the task's ID."""
        persistence, reached = self._transport.persistence(), -1
        while True:
            answer = await self._transport.send("HEAD", path, headers=_TUS)
            offset = int(answer.headers["upload-offset"])
            tell(offset, size)
            if "upload-task" in answer.headers:
                return str(answer.headers["upload-task"])
            if offset > reached:
                persistence.step_forward()
                reached = offset
            try:
                task_id = await self._send_rest(path, file, offset, size, tell)
            except (ConnectionFailed, ApiError) as error:
                is_busy = isinstance(error, Conflict) and error.code in {"Conflict.UploadBusy", "Conflict.Offset"}
                if isinstance(error, ApiError) and not error.retryable and not is_busy:
                    raise
                pause = persistence.pause(getattr(error, "retry_after", None))
                if pause is None:
                    raise
                await sleep(pause)
            else:
                if task_id is not None:
                    return task_id

    async def _send_rest(self, path: str, file: IO[bytes], offset: int, size: int, tell: Progress) -> str | None:
        if offset == size:
            return (await self._transport.post(f"/v1/uploads/{path.rpartition('/')[2]}/complete", TaskBody)).id
        headers = {
            **_TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream", "Content-Length": str(size - offset),
        }  # fmt: skip
        pieces = _pieces(file, offset, size, tell)
        async with self._transport.stream("PATCH", path, content=pieces, headers=headers) as answer:
            task_id: str | None = answer.headers.get("upload-task")
            return task_id


async def _pieces(file: IO[bytes], offset: int, size: int, tell: Progress) -> AsyncIterator[bytes]:
    file.seek(offset)
    while offset < size:
        piece = await read(file, min(_PIECE, size - offset))
        if not piece:
            raise TransferBroken("the file has become shorter while it was sent")
        yield piece
        offset += len(piece)
        tell(offset, size)


def _opened(source: Path | IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    """A path is opened and closed; an open file stays its owner's."""
    return source.open("rb") if isinstance(source, Path) else nullcontext(source)


def _name_of(source: Path | IO[bytes]) -> str:
    name = source if isinstance(source, Path) else getattr(source, "name", "")
    return Path(name).name if isinstance(name, str | Path) else ""
