"""What `export`, `import`, `backup`, `restore` and `storage copy` have alike."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from spark_assets.domain.archive import Manifest
    from spark_assets.operations.call import Call
    from spark_assets.operations.erased_blobs import Library
    from spark_assets.ports.moving import Movable
    from spark_assets.runtime.assembly import Runtime
    from spark_assets.settings import Settings

Options = Annotated[
    Path | None,
    typer.Option("--options", help="A TOML file with the settings of that store: endpoint, access_key_id, region ...", show_default=False),
]
Quick = Annotated[bool, typer.Option("--quick", help="In the end, look at the lengths of stored bytes, not at their hashes.")]
TAR: Final = ".tar"
"""What the name of an archive in one file ends with."""


def say(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


@asynccontextmanager
async def opened(settings: "Settings") -> AsyncIterator[tuple["Library", "Movable"]]:
    """The library that the settings name, and its database as a whole; the schema must be there."""
    from spark_assets.operations.erased_blobs import Library
    from spark_assets.ports.clock import SystemClock
    from spark_assets.queue.paused import PausedQueue
    from spark_assets.runtime.assembly import open_blobs
    from spark_assets.runtime.databases import open_database
    from spark_assets.runtime.home import hold_spool, spool_folder
    from spark_assets.runtime.moving import open_movable
    from spark_assets.settings import arm_failpoint

    arm_failpoint()
    async with AsyncExitStack() as stack:
        stack.enter_context(hold_spool(settings))
        database = open_database(settings, PausedQueue())
        stack.push_async_callback(database.close)
        blobs = open_blobs(settings)
        stack.push_async_callback(blobs.close)
        movable = open_movable(settings)
        stack.push_async_callback(movable.close)
        yield Library(database, blobs, SystemClock(), spool_folder(settings)), movable


def as_operator(runtime: "Runtime") -> "Call":
    """A call from the command line."""
    from spark_assets.domain.api_key import Caller, Scope
    from spark_assets.domain.audit import OPERATOR
    from spark_assets.domain.ids import new_request_id
    from spark_assets.operations.call import Call

    now = runtime.clock.now()
    caller = Caller(key_id=OPERATOR, scopes=frozenset({Scope.ADMIN}), project_ids=None)
    return Call(caller=caller, request_id=new_request_id(now), now=now, terms=runtime.terms)


def described(manifest: "Manifest") -> dict[str, object]:
    """What `--json` says of an archive."""
    from spark_assets.wire.times import rfc3339

    return {
        "id": manifest.id,
        "taken_at": rfc3339(manifest.taken_at),
        "version": manifest.version,
        "schema": manifest.schema,
        "rows": {table.name: table.rows for table in manifest.tables},
        "blobs": manifest.blobs,
        "bytes": manifest.bytes,
        "gone": manifest.gone,
        "missing": manifest.missing,
    }
