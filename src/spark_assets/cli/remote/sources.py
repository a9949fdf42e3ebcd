"""What the command line says of assets and where they come from: files, addresses, metadata."""

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from spark_assets.cli.output import USAGE, fail

_LONGEST_NAME: Final = 64
"""Characters of an asset's name."""


def find_files(paths: Iterable[Path], *, recursive: bool, is_typed: bool) -> tuple[list[Path], int]:
    """The files that are meant, and how many in folders are left out. Ends the command for a path that is not there."""
    found: list[Path] = []
    skipped = 0
    for path in paths:
        if path.is_dir():
            if not recursive:
                fail(f"{path} is a folder: -r takes it with all that is in it", USAGE)
            inside = sorted(file for file in path.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(path)))
            usable = inside if is_typed else [file for file in inside if _has_type(file)]
            skipped += len(inside) - len(usable)
            found += usable
        elif path.exists() and not path.is_file():
            fail(f"{path} is no file", USAGE)
        else:
            found.append(path)
    if not found:
        fail("there is no file to upload", USAGE)
    return list(dict.fromkeys(found)), skipped


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _has_type(path: Path) -> bool:
    from spark_assets.client.bodies import guess_type

    with suppress(ValueError):
        return bool(guess_type(path.name))
    return False


def read_addresses(urls: Sequence[str]) -> list[str]:
    """The addresses, with those on stdin in the place of `-`; empty lines and those that begin with # are left out."""
    found: list[str] = []
    for url in urls:
        found += [line for line in map(str.strip, sys.stdin) if line and not line.startswith("#")] if url == "-" else [url]
    if not found:
        fail("there is no address to add", USAGE)
    return found


def name_of(url: str) -> str:
    """What an address ends in, as far as that can be a name."""
    with suppress(ValueError):
        parts = urlsplit(url)
        name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or ""
        usable = "".join(one if one.isprintable() else "_" for one in name).strip()[:_LONGEST_NAME].strip()
        return usable or "unnamed"
    return "unnamed"


def read_object(text: str) -> dict[str, Any] | None:
    """A JSON object, or None for nothing. Ends the command for anything else."""
    if not text.strip():
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        fail(f"--metadata takes a JSON object, such as '{{\"take\": 3}}': {error}", USAGE)
    if not isinstance(found, dict):
        fail("--metadata takes a JSON object, such as '{\"take\": 3}'", USAGE)
    return found
