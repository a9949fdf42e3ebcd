"""Ways in at their edges: odd headers, a full disk, requests that come twice, a database that goes away at the wrong moment."""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from spark_assets.domain import blob_names
from spark_assets.domain.api_key import DEFAULT_SCOPES
from spark_assets.domain.errors import Conflict, Unavailable
from spark_assets.domain.listing import AssetFilter
from spark_assets.domain.media import AssetType
from spark_assets.domain.upload import MOST_OPEN
from spark_assets.operations import keys
from spark_assets.operations.api_keys import API_KEYS
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from spark_assets.web.admin.endpoint import route
from spark_assets.web.data_sources import data_source
from spark_assets.web.error_responses import Handler, answer
from spark_assets.web.site import Site
from spark_assets.web.uploads.batches import Batch, submit_batch
from spark_assets.web.uploads.endpoints import ENDPOINTS
from spark_assets.web.uploads.form import upload_form
from spark_assets.web.uploads.tus import tus_collection, tus_upload
from tests.factories import forms, records
from tests.unit.web.conftest import Answered, MakeExchange


class Sender:
    """A client of tus with a key, and a group to put things into."""

    def __init__(self, make_exchange: MakeExchange, key: str, group_id: str) -> None:
        self._make_exchange = make_exchange
        self._key = key
        self.group_id = group_id

    async def send(self, handler: Handler, method: str, body: bytes = b"", upload_id: str = "", **headers: str) -> Answered:
        """The answer to one request."""
        given = {"authorization": f"Bearer {self._key}", **forms.TUS, "content-length": str(len(body))}
        asked = self._make_exchange(
            method, headers={**given, **{name.replace("_", "-"): text for name, text in headers.items()}}, parts=[body]
        )
        asked.exchange.scope["path_params"] = {"upload_id": upload_id}
        await answer(asked.exchange, handler)
        return asked

    async def begin(self, length: int, body: bytes = b"", texts: dict[str, str] | None = None, **headers: str) -> Answered:
        """Announce an upload, or send all of it at once."""
        told = forms.metadata(type="Image", group_id=self.group_id, **(texts or {}))
        kind = {"content_type": forms.OFFSET_STREAM} if body else {}
        return await self.send(tus_collection, "POST", body, upload_length=str(length), upload_metadata=told, **kind, **headers)

    async def add(self, upload_id: str, offset: int, body: bytes, **headers: str) -> Answered:
        """Add bytes."""
        given = {"upload_offset": str(offset), "content_type": forms.OFFSET_STREAM, **headers}
        return await self.send(tus_upload, "PATCH", body, upload_id, **given)

    async def offset_of(self, upload_id: str) -> str:
        """What HEAD tells."""
        return (await self.send(tus_upload, "HEAD", upload_id=upload_id)).headers["upload-offset"]


@pytest.fixture
async def sender(site: Site, make_exchange: MakeExchange) -> Sender:
    """Someone who may write."""
    group = records.group()
    async with site.runtime.database.begin() as uow:
        _, key = await keys.create(API_KEYS, uow, name="sender", scopes=DEFAULT_SCOPES, projects=(), expires_at=None, now=records.NOW)
        await uow.groups.add(group)
        await uow.commit()
    return Sender(make_exchange, key, group.id)


def id_of(answered: Answered) -> str:
    assert answered.status == 201, answered.body
    return answered.headers["location"].rpartition("/")[2]


def code_of(answered: Answered) -> str:
    return str(answered.error["error"]["code"])


async def take_external_id(site: Site, name: str) -> str:
    """An asset that stands in the way of another one of that external ID: its own ID."""
    async with site.runtime.database.begin() as uow:
        asset, _ = await records.add_asset(uow, external_id=name)
        await uow.commit()
    return asset.id


async def free_external_id(site: Site, asset_id: str) -> None:
    async with site.runtime.database.begin() as uow:
        found = await uow.assets.lock(asset_id, records.DEFAULT_PROJECT_ID)
        assert found is not None
        await uow.assets.update(replace(found, external_id=None))
        await uow.commit()


@pytest.mark.parametrize("text", ["type é", "type SW1hZ2U", "type /w=="])
async def test_what_is_no_base64_is_refused_by_the_headers_name(sender: Sender, text: str) -> None:
    refused = await sender.send(tus_collection, "POST", upload_length="5", upload_metadata=text)
    assert (refused.status, code_of(refused)) == (400, "InvalidParameter.Upload-Metadata")
    refused = await sender.add(id_of(await sender.begin(5)), 0, b"12345", upload_checksum=text.replace("type", "sha1").replace("/w==", "é"))
    assert (refused.status, code_of(refused)) == (400, "InvalidParameter.Upload-Checksum")


async def test_a_callback_that_can_never_be_called_is_refused_before_the_bytes_come(sender: Sender) -> None:
    refused = await sender.begin(5, texts={"callback_url": "ftp://example.com/"})
    assert (refused.status, code_of(refused)) == (400, "InvalidParameter.callback_url")


async def test_every_way_in_takes_a_callback(site: Site, sender: Sender) -> None:
    callback = "https://example.com/told?job=7"
    fields = [("type", "Image"), ("group_id", sender.group_id), ("callback_url", callback)]
    kind = f"multipart/form-data; boundary={forms.BOUNDARY}"
    by_form = await sender.send(upload_form, "POST", forms.form(*fields, file=b"12345"), content_type=kind)
    line = json.encode({**dict(fields), "url": "data:,12345"})
    by_line = await sender.send(submit_batch, "POST", line, content_type="application/x-ndjson")
    by_tus = await sender.begin(5, b"12345", texts={"callback_url": callback})
    tasks = [json.decode(by_form.body)["id"], json.decode(by_line.body)["task"]["id"], by_tus.headers["upload-task"]]
    async with site.runtime.database.begin() as uow:
        assert len(await uow.deliveries.callbacks_of(tasks)) == 3


async def test_on_a_full_disk_an_upload_is_looked_at_and_given_up_but_takes_nothing(site: Site, sender: Sender) -> None:
    upload_id = id_of(await sender.begin(5))
    site.runtime = replace(site.runtime, terms=replace(site.runtime.terms, has_room=lambda: False))
    assert (await sender.add(upload_id, 0, b"1")).status == 507
    assert (await sender.begin(5)).status == 507
    assert await sender.offset_of(upload_id) == "0"
    assert (await sender.send(tus_upload, "DELETE", upload_id=upload_id)).status == 204


@pytest.mark.parametrize("has_checksum", [False, True])
async def test_a_client_that_knows_only_tus_never_takes_an_upload_without_a_task_for_done(
    site: Site, sender: Sender, has_checksum: bool
) -> None:
    other = await take_external_id(site, "shot-1")
    upload_id = id_of(await sender.begin(5, texts={"external_id": "shot-1"}))
    refused = await sender.add(upload_id, 0, b"12345")
    assert (refused.status, code_of(refused)) == (409, "Conflict.ExternalId")
    headers = {"upload_checksum": f"sha1 {b64encode(hashlib.sha1(b'5').digest()).decode()}"} if has_checksum else {}
    for _ in range(2):
        assert await sender.offset_of(upload_id) == "4"
        assert code_of(await sender.add(upload_id, 4, b"5", **headers)) == "Conflict.ExternalId"
    assert code_of(await sender.add(upload_id, 4, b"56")) == "RequestTooLarge"
    await free_external_id(site, other)
    done = await sender.add(upload_id, 4, b"5", **headers)
    assert (done.status, done.headers["upload-offset"]) == (204, "5")
    assert await sender.offset_of(upload_id) == "5"
    async with site.runtime.database.read() as repositories:
        upload = await repositories.uploads.find(upload_id, None)
    assert upload is not None and upload.task_id == done.headers["upload-task"]
    stored = b"".join([piece async for piece in site.runtime.blobs.read(blob_names.incoming(upload_id, upload.parts[0]), 0, 9)])
    assert (len(upload.parts), stored) == (1, b"12345")


async def test_a_creation_with_bytes_that_comes_twice_is_told_what_became_of_the_first(sender: Sender) -> None:
    first = await sender.begin(5, b"12345", idempotency_key="once")
    again = await sender.begin(5, b"12345", idempotency_key="once")
    assert (first.status, again.status) == (201, 201)
    told = ("location", "upload-offset", "upload-task")
    assert [again.headers[name] for name in told] == [first.headers[name] for name in told]
    begun = await sender.begin(9, b"12345", idempotency_key="part")
    again = await sender.begin(9, b"12345", idempotency_key="part")
    assert (again.status, again.headers["location"], again.headers["upload-offset"]) == (201, begun.headers["location"], "5")


async def test_two_that_complete_an_upload_at_once_are_told_the_same_task(site: Site, sender: Sender) -> None:
    other = await take_external_id(site, "shot-1")
    upload_id = id_of(await sender.begin(5, texts={"external_id": "shot-1"}))
    await sender.add(upload_id, 0, b"12345")
    await free_external_id(site, other)
    complete = route([endpoint for endpoint in ENDPOINTS if endpoint.path.endswith("/complete")])
    answers = await asyncio.gather(*(sender.send(complete, "POST", upload_id=upload_id) for _ in range(5)))
    assert {answered.status for answered in answers} == {202}, [answered.body for answered in answers]
    assert len({answered.body for answered in answers}) == 1


class Fickle:
    """A real database that goes away while it commits, though what was asked of it is done; or whenever it is read."""

    def __init__(self, database: Database, *failures: Exception | None) -> None:
        self._database = database
        self._failures = list(failures)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        """A transaction that is committed; what fails, fails after that."""
        failure = self._failures.pop(0) if self._failures else None
        async with self._database.begin() as uow:
            yield uow if failure is None else _Lost(uow, failure)  # type: ignore[misc]  # all but its commit is the real one's

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        """Nothing can be read."""
        raise Unavailable
        yield

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


class _Lost:
    def __init__(self, uow: UnitOfWork, failure: Exception) -> None:
        self._uow = uow
        self._failure = failure

    def __getattr__(self, name: str) -> Any:
        return getattr(self._uow, name)

    async def commit(self) -> None:
        await self._uow.commit()
        raise self._failure


async def submit_lines(site: Site, group_id: str, count: int, *failures: Exception | None) -> list[str]:
    """What becomes of so many lines: their codes, empty for the accepted ones."""

    class Fragile(Fickle):
        read = staticmethod(site.runtime.database.read)

    runtime = replace(site.runtime, database=Fragile(site.runtime.database, *failures))
    line = json.encode({"url": "https://example.com/a.jpg", "type": "Image", "group_id": group_id})
    call = records.call(terms=runtime.terms)
    answers = await Batch(runtime, call, None).submit([(number, line) for number in range(1, count + 1)])
    return [json.decode(found).get("error", {}).get("code", "") for found in answers]


async def count_assets(site: Site) -> int:
    async with site.runtime.database.read() as repositories:
        return await repositories.assets.count([records.DEFAULT_PROJECT_ID], AssetFilter())


async def test_no_line_is_accepted_twice_when_the_database_goes_away_while_it_commits(site: Site, sender: Sender) -> None:
    codes = await submit_lines(site, sender.group_id, 60, Unavailable())
    assert codes == ["ServiceUnavailable"] * 50 + [""] * 10
    assert await count_assets(site) == 60


async def test_a_fault_of_ours_in_one_chunk_does_not_take_the_others_answers_away(site: Site, sender: Sender) -> None:
    before = await count_assets(site)
    codes = await submit_lines(site, sender.group_id, 3, RuntimeError("nobody expected this"))
    assert codes == [""] * 3
    assert await count_assets(site) > before


async def test_who_was_answered_is_not_told_otherwise_because_staged_bytes_cannot_be_looked_after(site: Site) -> None:
    runtime = replace(site.runtime, database=Fickle(site.runtime.database))
    values = {"url": "data:,abc", "type": AssetType.IMAGE}
    async with data_source(runtime, records.call(terms=runtime.terms), values) as found:
        assert found["staged"].size == 3
    with pytest.raises(Conflict):
        async with data_source(runtime, records.call(terms=runtime.terms), values):
            raise Conflict("ExternalId", "taken")


async def test_a_key_has_so_many_open_uploads_and_another_one_once_one_of_them_is_given_up(site: Site, sender: Sender) -> None:
    first = id_of(await sender.begin(5))
    async with site.runtime.database.begin() as uow:
        open_one = await uow.uploads.find(first, None)
        assert open_one is not None
        for number in range(MOST_OPEN - 1):
            await uow.uploads.add(replace(open_one, id=f"upload-{number}"))
        await uow.commit()
    refused = await sender.begin(5)
    assert (refused.status, code_of(refused), refused.headers["retry-after"]) == (429, "AccountFlowLimitExceeded", "1")
    assert (await sender.send(tus_upload, "DELETE", upload_id=first)).status == 204
    assert (await sender.begin(5)).status == 201


async def test_of_a_complete_upload_nothing_is_kept_but_what_is_told_of_it_and_no_address_to_call_back(site: Site, sender: Sender) -> None:
    callback = "https://example.com/told?token=secret"
    upload_id = id_of(await sender.begin(5, b"12345", texts={"callback_url": callback, "name": "moon"}))
    told = forms.metadata(type="Image", group_id=sender.group_id, name="moon")
    assert (await sender.send(tus_upload, "HEAD", upload_id=upload_id)).headers["upload-metadata"] == told
    async with site.runtime.database.read() as repositories:
        upload = await repositories.uploads.find(upload_id, None)
    assert upload is not None
    assert json.decode(upload.command) == {"note": told}


@pytest.mark.parametrize("text", ['{},"more":1', "{}}", "{} {}", "", "{"])
async def test_a_text_that_is_to_be_json_is_one_value(sender: Sender, text: str) -> None:
    refused = await sender.begin(5, texts={"metadata": text})
    assert (refused.status, code_of(refused)) == (400, "InvalidParameter.metadata")
