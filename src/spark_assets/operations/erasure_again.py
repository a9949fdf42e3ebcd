"""Erasing again what had been erased before an older copy of the database came back."""

import msgspec

from spark_assets.domain.erasure import Erase, Erased
from spark_assets.operations.call import Call
from spark_assets.operations.erased_blobs import Library
from spark_assets.operations.erasure import erase
from spark_assets.operations.erasure_record import read_record
from spark_assets.ports.erasure import Target


class Again(msgspec.Struct):
    """What was there again and has gone again."""

    assets: int = 0
    groups: int = 0
    bytes_freed: int = 0


async def erase_again(library: Library, call: Call) -> Again:
    """Remove what the record in the store says was erased, wherever it is there again; run again, it finds nothing to do.

    A group that was erased goes only if nothing is left in it: what it holds now had been moved elsewhere before it went.
    Raises AccessDenied, Unavailable.
    """
    again = Again()
    entries = [entry async for entry in read_record(library.blobs)]  # at once: what is erased now adds to it
    for entry in entries:
        await _erase_assets(library, call, entry, again)
    for entry in entries:
        await _erase_groups(library, call, entry, again)
    return again


async def _erase_assets(library: Library, call: Call, entry: Erased, again: Again) -> None:
    if not entry.asset_ids:
        return
    async with library.database.read() as repositories:
        found = await repositories.erasure.find(Target(project_ids=None, asset_ids=entry.asset_ids), len(entry.asset_ids))
    if found:
        receipt = await erase(library, call, Erase(asset_ids=tuple(found)))
        again.assets += len(receipt.asset_ids)
        again.bytes_freed += receipt.bytes_freed


async def _erase_groups(library: Library, call: Call, entry: Erased, again: Again) -> None:
    for group_id in entry.group_ids:
        async with library.database.read() as repositories:
            group = await repositories.groups.find(group_id, None) or await repositories.groups.find(group_id, None, in_trash=True)
            if group is None or await repositories.erasure.find(Target(project_ids=(group.project_id,), group_id=group_id), 1):
                continue
        again.groups += len((await erase(library, call, Erase(group_id=group_id))).group_ids)
