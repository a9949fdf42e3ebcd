"""Where blobs are kept, read from one address."""

from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec


class StorageKind(Enum):
    """The kinds of store, by the scheme of their address."""

    FOLDER = "file"
    S3 = "s3"
    GOOGLE = "gs"
    AZURE = "az"


class StorageLocation(msgspec.Struct, frozen=True):
    """A folder (`path`), or a bucket or container (`bucket`) with a prefix inside it (no slash at either end)."""

    kind: StorageKind
    path: Path | None = None
    bucket: str = ""
    prefix: str = ""


_EXPECTED: Final = "expected file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"


def parse_storage_url(url: str) -> StorageLocation:
    """What the address of a storage says.

    Raises ValueError, with a sentence for the operator. The address itself is not repeated in it: someone may have put a
    secret there.
    """
    try:
        parts = urlsplit(url)
        kind = StorageKind(parts.scheme)
    except ValueError as error:
        raise ValueError(f"the storage address is not understood: {_EXPECTED}") from error
    if parts.query or parts.fragment:
        raise ValueError(f"the storage address must have neither '?' nor '#': {_EXPECTED}")
    if kind is StorageKind.FOLDER:
        return _folder(parts.netloc, unquote(parts.path))
    if "@" in parts.netloc or ":" in parts.netloc:
        raise ValueError("the storage address must hold no credentials and no port: give them as settings of their own")
    if not parts.netloc:
        raise ValueError(f"the storage address names no bucket: {_EXPECTED}")
    prefix = unquote(parts.path).strip("/")
    if any(segment in {"", ".", ".."} for segment in prefix.split("/")) and prefix:
        raise ValueError("the prefix in the storage address must be plain: no empty, '.' or '..' segments")
    return StorageLocation(kind, bucket=parts.netloc, prefix=prefix)


def _folder(host: str, path: str) -> StorageLocation:
    if host not in {"", "localhost"} or not path.startswith("/"):
        raise ValueError("a folder for blobs must be given by its absolute path: file:///var/lib/spark-assets/blobs")
    return StorageLocation(StorageKind.FOLDER, path=Path(path))
