"""Files on their way out: fetched from a signed address, resumed where the line broke, and checked by their hash."""

import hashlib
import os
from pathlib import Path
from typing import IO, Final

from spark_assets.client.asynchronous import gateway
from spark_assets.client.asynchronous.means import sleep, write
from spark_assets.client.asynchronous.transport import AsyncTransport
from spark_assets.client.asynchronous.uploads import Progress
from spark_assets.client.errors import ApiError, ConnectionFailed, TransferBroken
from spark_assets.wire.admin import AssetBody

_PARTIAL: Final = 206
_LONGEST_NAME: Final = 50
"""Characters of a file's name in that of its draft: file systems take 255 bytes in all."""


async def download(transport: AsyncTransport, asset_id: str, to: Path | IO[bytes], on_progress: Progress | None) -> AssetBody:
    """Write an asset's bytes to a file that is opened for writing, or to a path, which exists only once they are whole and right."""
    asset = await gateway.get_asset(transport, asset_id)
    if asset.url is None:
        raise TransferBroken(f"{asset.id} is {asset.status} and has no bytes to download")
    if not isinstance(to, Path):
        await _fetch(transport, asset, to, on_progress or (lambda received, of: None))
        return asset
    part = to.with_name(f".{to.name[:_LONGEST_NAME]}.{asset.id}.part")
    try:
        with part.open("wb") as file:
            await _fetch(transport, asset, file, on_progress or (lambda received, of: None))
            file.flush()
            os.fsync(file.fileno())
        part.replace(to)
    except OSError as error:
        if error.filename is not None:  # of the draft, which nobody asked for
            error.filename, error.filename2 = str(to), None
        raise
    finally:
        part.unlink(missing_ok=True)
    return asset


async def _fetch(transport: AsyncTransport, asset: AssetBody, file: IO[bytes], tell: Progress) -> None:
    digest, received, persistence = hashlib.sha256(), 0, transport.persistence()
    start = file.tell() if file.seekable() else 0
    while True:
        try:
            async with transport.foreign(asset.url or "", received) as answer:
                if received and answer.status_code != _PARTIAL:
                    digest, received = hashlib.sha256(), 0
                    file.seek(start)
                    file.truncate()
                async for piece in answer.aiter_raw():
                    await write(file, piece)
                    digest.update(piece)
                    received += len(piece)
                    persistence.step_forward()
                    tell(received, asset.size or received)
            break
        except (ConnectionFailed, ApiError) as error:
            pause = transport.pause_after(error, persistence)
            if pause is None:
                raise
            await sleep(pause)
    if asset.sha256 is not None and digest.hexdigest() != asset.sha256:
        raise TransferBroken(f"the bytes of {asset.id} arrived with the hash {digest.hexdigest()}, not {asset.sha256}")
