"""The trash: what deletion means for assets. Their links end at once; their bytes go once the trash is emptied."""

from collections.abc import Sequence
from typing import Final

from spark_assets.domain.asset import Failure
from spark_assets.ports.unit_of_work import UnitOfWork

DELETED: Final = Failure("Conflict.Deleted", "the asset was deleted before its ingestion was over")
_STEP: Final = 500


async def delete_assets(uow: UnitOfWork, asset_ids: Sequence[str], at: int) -> None:
    """Put assets into the trash; those still being ingested fail, and so do their tasks."""
    for start in range(0, len(asset_ids), _STEP):
        some = asset_ids[start : start + _STEP]
        for task_id, asset_id in await uow.tasks.end_for_assets(some, DELETED, at):
            await uow.assets.fail(asset_id, DELETED, at)
            uow.announce(task_id)
        await uow.assets.delete(some, at)
