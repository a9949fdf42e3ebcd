"""Secrets: what is encrypted at rest, sealed anew with the first key, so that the others may go."""

from typing import Final

from spark_assets.ports.unit_of_work import Database

STEP: Final = 200
"""Values in one transaction, so that no request waits for it."""


async def count(database: Database) -> dict[str, int]:
    """How many values each key has sealed, by its ID: see `SealedValues.count`."""
    async with database.read() as repositories:
        return await repositories.sealed.count()


async def seal_anew(database: Database) -> int:
    """Seal with the first key whatever another one has sealed; how many values. Run again after a kill, it goes on where it was.

    Safe beside servers and workers that have the key, in whichever place. What they seal meanwhile with another key that they
    have in the first place is left to the next run. Raises Unavailable; what was done by then stays done.
    """
    done = 0
    async with database.read() as repositories:
        places = repositories.sealed.places
    for place in places:
        last = None
        while True:
            async with database.read() as repositories:
                found = await repositories.sealed.outdated(place, last, STEP)
            if not found:
                break
            async with database.begin() as uow:
                done += await uow.sealed.seal_anew(place, found)
                await uow.commit()
            last = found[-1]
    return done
