"""What the rotation of secrets promises, on both databases: every sealed value is sealed anew, and none is lost."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import LargeBinary

from spark_assets.db.sealed_rows import SealedRows
from spark_assets.db.sealing import Sealer
from spark_assets.db.tables import metadata
from spark_assets.domain.asset import Failure, Variant
from spark_assets.domain.ids import new_share_id, new_upload_id
from spark_assets.domain.link import SigningKey
from spark_assets.domain.share import Share, new_token
from spark_assets.domain.upload import RETENTION, Upload, UploadKind, UploadStatus
from spark_assets.operations import events, secrets, webhooks
from spark_assets.ports.administration import GivenAnswer
from spark_assets.ports.unit_of_work import Database
from tests.factories import records
from tests.factories.databases import create_postgres_database, drop_postgres_database, open_postgres, open_sqlite
from tests.factories.deliveries import KEEPER
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, URL

OLD, NEW, LOST = (SigningKey(name, f"{name} 0123456789abcdef") for name in ("old", "new", "lost"))
Opener = Callable[..., AbstractAsyncContextManager[Database]]


@pytest.fixture(params=["sqlite", "postgres"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens one and the same database with these keys."""
    if request.param == "sqlite":
        yield lambda *keys: open_sqlite(tmp_path / "library.db", sealer=Sealer(keys))
    else:
        server = request.getfixturevalue("postgres_server")
        url = await create_postgres_database(server)
        yield lambda *keys: open_postgres(url, sealer=Sealer(keys))
        await drop_postgres_database(server, url)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What was sealed, by what it is found."""

    task: str
    share: Share
    upload: Upload
    webhook: str
    access_key: str
    secret: str = "the secret of an access key"


async def _fill(database: Database) -> Kept:
    """A value in every place."""
    async with database.begin() as uow:
        asset, task = await records.add_asset(uow)
        called = records.task(asset.id)
        await uow.tasks.add(called, URL, "https://example.com/called?token=secret")
        failure = Failure("MediaCorrupt", "it is cut", None)
        await events.record(uow, [events.task_failed(called.id, asset.id, DEFAULT_PROJECT_ID, failure, NOW)])
        share = Share(
            id=new_share_id(), project_id=DEFAULT_PROJECT_ID, asset_id=asset.id, variant=Variant.ORIGINAL, created_at=NOW, token=new_token()
        )  # fmt: skip
        await uow.shares.add(share)
        upload = Upload(
            id=new_upload_id(), project_id=DEFAULT_PROJECT_ID, key_id="key-tests", kind=UploadKind.TUS, status=UploadStatus.OPEN,
            length=100, command='{"name": "é"}', created_at=NOW, expires_at=NOW + RETENTION,
        )  # fmt: skip
        await uow.uploads.add(upload)
        await uow.idempotency_keys.add("key-tests", "first", GivenAnswer("hash", b'{"key": "sk_secret"}'), NOW)
        webhook, _ = await webhooks.create(uow, KEEPER, webhooks.CreateWebhook(url="https://example.com/hook?token=secret"))
        access_key = records.access_key()
        kept = Kept(task=task.id, share=share, upload=upload, webhook=webhook.id, access_key=access_key.id)
        await uow.access_keys.add(access_key, kept.secret)
        await uow.commit()
        return kept


async def _check_readable(database: Database, kept: Kept) -> None:
    async with database.read() as repositories:
        assert await repositories.tasks.kept_source(kept.task) == URL
        assert await repositories.shares.find(kept.share.id, None) == kept.share
        assert await repositories.uploads.find(kept.upload.id, None) == kept.upload
        found = await repositories.access_keys.with_secret(kept.access_key)
        assert found is not None
        assert found[1] == kept.secret
        webhook = await repositories.webhooks.find(kept.webhook, None)
        assert webhook is not None
        assert (webhook.url, len(webhook.secrets)) == ("https://example.com/hook?token=secret", 1)
        given = await repositories.idempotency_keys.find("key-tests", "first")
        assert given is not None
        assert given.answer == b'{"key": "sk_secret"}'


async def test_every_value_is_sealed_anew_and_the_old_key_may_go(opened: Opener) -> None:
    async with opened(OLD) as database:
        kept = await _fill(database)
        before = await secrets.count(database)
        assert before == {"old": before["old"]}
        assert before["old"] >= len(SealedRows.places)
    async with opened(NEW, OLD) as database:
        await _check_readable(database, kept)
        assert await secrets.seal_anew(database) == before["old"]
        assert await secrets.count(database) == {"new": before["old"], "old": 0}
        assert await secrets.seal_anew(database) == 0
    async with opened(NEW) as database:
        await _check_readable(database, kept)


async def test_more_than_one_step_of_values_is_sealed_and_a_part_that_was_done_before_is_not_done_again(opened: Opener) -> None:
    many = 2 * secrets.STEP + 7
    async with opened(OLD) as database, database.begin() as uow:
        for number in range(many):
            await uow.idempotency_keys.add(f"key-{number % 3}", f"{number:05}", GivenAnswer("hash", b"{}"), NOW)
        await uow.commit()
    async with opened(NEW, OLD) as database:
        place = "idempotency_keys.answer"
        async with database.begin() as uow:
            assert await uow.sealed.seal_anew(place, await uow.sealed.outdated(place, None, 100)) == 100
            await uow.commit()
        assert await secrets.count(database) == {"new": 100, "old": many - 100}
        assert await secrets.seal_anew(database) == many - 100
        assert await secrets.count(database) == {"new": many, "old": 0}


async def test_values_of_a_key_that_is_gone_are_told_and_left(opened: Opener) -> None:
    async with opened(LOST) as database:
        await _add_access_key(database)
    async with opened(OLD) as database:
        await _add_access_key(database)
    async with opened(NEW, OLD) as database:
        assert await secrets.seal_anew(database) == 1
        assert await secrets.count(database) == {"new": 1, "old": 0, "lost": 1}


async def _add_access_key(database: Database) -> None:
    async with database.begin() as uow:
        await uow.access_keys.add(records.access_key(), "secret")
        await uow.commit()


async def test_what_changed_after_it_was_looked_at_is_left_as_it_is_now(opened: Opener) -> None:
    async with opened(OLD) as database:
        kept = await _fill(database)
    async with opened(NEW, OLD) as database, database.begin() as uow:
        found = await uow.sealed.outdated("webhooks.secrets", None, 10)
        webhook = await uow.webhooks.find(kept.webhook, None)
        assert webhook is not None
        await uow.webhooks.update(msgspec.structs.replace(webhook, secrets=()))
        await uow.webhooks.delete(kept.webhook, NOW)
        assert await uow.sealed.seal_anew("webhooks.secrets", [one for one in found if one.row == (kept.webhook,)]) == 0


def test_there_is_no_other_place_where_bytes_are_stored() -> None:
    binary = {str(column) for table in metadata.tables.values() for column in table.columns if isinstance(column.type, LargeBinary)}
    assert binary == set(SealedRows.places), "a column of bytes that is not sealed must be told apart here"
