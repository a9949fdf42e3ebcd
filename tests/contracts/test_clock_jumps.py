"""A clock that jumps by hours, either way: what has a time to live ends when its time is up, and nothing else goes wrong.

Jobs, deliveries and uploads are in `test_queues_and_clocks` and `test_verification`, rates in `test_rates`.
"""

from pathlib import Path

import pytest

from spark_assets.domain.errors import AuthenticationError, NotFound
from spark_assets.domain.ids import TaskIds
from spark_assets.domain.link import LINK_LIFETIME
from spark_assets.domain.retention import HOUR, Retention
from spark_assets.domain.session import LIFETIME
from spark_assets.domain.task import Claim, TaskStatus
from spark_assets.ingest.pipeline import ingest
from spark_assets.operations import sessions
from spark_assets.operations import tasks as task_operations
from spark_assets.operations.housekeeping import drop_old_rows
from spark_assets.operations.verification import find_breaches
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from spark_assets.web.idempotency import RepeatKey, once
from tests.factories import records
from tests.factories.records import NOW, SECOND
from tests.factories.workshop import MemorySource, Workshop

JUMP = 5 * HOUR
KEPT = Retention()


def test_a_link_works_until_its_time_is_up_however_the_clock_came_there() -> None:
    path = "/media/asset-1/original.jpg"
    now = NOW // SECOND
    signed = records.SIGNER.sign(path, now + LINK_LIFETIME)
    fields = dict(pair.split("=", 1) for pair in signed.partition("?")[2].split("&"))

    def follow(at: int) -> None:
        records.SIGNER.verify(path, fields["expires"], fields["key"], fields["signature"], at)

    for at in (now, now + LINK_LIFETIME - 1, now - JUMP // SECOND):
        follow(at)
    with pytest.raises(NotFound):
        follow(now + LINK_LIFETIME)
    follow(now + LINK_LIFETIME - 1)


async def test_an_answer_is_given_again_until_its_time_is_up_and_its_key_has_one_effect_meanwhile(database: Database) -> None:
    effects: list[int] = []

    async def ask(at: int) -> bytes:
        async def work(uow: UnitOfWork) -> bytes:
            effects.append(at)
            return str(at).encode()

        return await once(database, RepeatKey("key-tests", "a key", "a hash"), at, work)

    first = await ask(NOW)
    for at in (NOW + JUMP, NOW - JUMP, NOW + KEPT.answers):
        await drop_old_rows(database, at, KEPT)
        assert await ask(at) == first
    await drop_old_rows(database, NOW + KEPT.answers + 1, KEPT)
    assert await ask(NOW) == first, "the same moment, and a new effect"
    assert effects == [NOW, NOW]


async def test_a_session_ends_when_its_time_is_up_and_stays_ended_once_it_was_swept(database: Database) -> None:
    key = records.api_key()
    async with database.begin() as uow:
        await uow.keys.add(key, records.fingerprint())
        token = await sessions.sign_in(uow, records.caller(key_id=key.id), NOW)
        await uow.commit()

    async def who(at: int) -> str:
        async with database.read() as repositories:
            return (await sessions.authenticate(repositories, token, at)).id

    end = NOW + LIFETIME * SECOND
    for at in (NOW, NOW + JUMP, NOW - JUMP, end - 1):
        await drop_old_rows(database, at, KEPT)
        assert await who(at) == key.id
    with pytest.raises(AuthenticationError):
        await who(end)
    assert await who(NOW) == key.id, "the clock was wrong, and is right again"
    await drop_old_rows(database, end + 1, KEPT)
    with pytest.raises(AuthenticationError):
        await who(NOW)


async def test_a_session_ends_no_later_than_its_key(database: Database) -> None:
    key = records.api_key(expires_at=NOW + SECOND)
    async with database.begin() as uow:
        await uow.keys.add(key, records.fingerprint())
        token = await sessions.sign_in(uow, records.caller(key_id=key.id), NOW)
        await uow.commit()
    async with database.read() as repositories:
        assert (await sessions.authenticate(repositories, token, NOW + SECOND - 1)).id == key.id
        with pytest.raises(AuthenticationError):
            await sessions.authenticate(repositories, token, NOW + SECOND)


async def _claim(workshop: Workshop, task_id: str) -> Claim:
    async with workshop.database.begin() as uow:
        claimed = await task_operations.claim(uow, task_id)
        assert claimed is not None
        await uow.commit()
    return claimed[0]


@pytest.mark.parametrize("jump", [JUMP, -JUMP], ids=["forward", "back"])
async def test_an_ingest_in_whose_middle_the_clock_jumps_completes_once_and_keeps_every_promise(
    database: Database, tmp_path: Path, jump: int
) -> None:
    workshop = Workshop(tmp_path, database)
    task_id, asset_id = await workshop.submit()

    async def leap() -> None:
        workshop.clock.time += jump

    claim = await _claim(workshop, task_id)
    async with database.read() as repositories:
        asset = await records.find_asset(repositories, asset_id)
    assert await ingest(claim, asset, workshop.tools(MemorySource(leap)))
    await workshop.settle()
    async with database.read() as repositories:
        task = await records.find_task(repositories, task_id)
    assert (task.status, task.completed_at) == (TaskStatus.COMPLETED, NOW + jump)
    for now in (NOW + jump, NOW, NOW + abs(jump)):
        assert await find_breaches(database, workshop.blobs, workshop.spool, now) == []
    await workshop.blobs.close()


@pytest.mark.parametrize("jump", [JUMP, -JUMP], ids=["forward", "back"])
async def test_a_claim_is_outdone_by_the_next_one_whatever_the_clock_says(database: Database, tmp_path: Path, jump: int) -> None:
    """A lease of a task is a number, not a time."""
    workshop = Workshop(tmp_path, database)
    task_id, asset_id = await workshop.submit()
    late = await _claim(workshop, task_id)
    workshop.clock.time += jump
    current = await _claim(workshop, task_id)
    async with database.read() as repositories:
        asset = await records.find_asset(repositories, asset_id)
    assert not await ingest(late, asset, workshop.tools())
    assert await ingest(current, asset, workshop.tools())
    await workshop.settle()
    assert await find_breaches(database, workshop.blobs, workshop.spool, workshop.clock.time) == []
    await workshop.blobs.close()


def test_no_id_is_given_twice_when_the_clock_is_set_back() -> None:
    ids = TaskIds()
    moments = [NOW, NOW + JUMP, NOW, NOW - JUMP, NOW]
    made = [ids.new(at) for at in moments for _ in range(100)]
    assert len(set(made)) == len(made)
