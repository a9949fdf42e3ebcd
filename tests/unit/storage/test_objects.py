"""What only object stores promise: the ways in which servers differ, fail and hang."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from spark_assets.domain.errors import StorageFull, Unavailable
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.storage.location import parse_storage_url
from spark_assets.storage.objects import ObjectBlobStore

NAME = "originals/ab/abc"
CREDENTIALS = {"access_key_id": "TESTTESTTESTTEST", "secret_access_key": "secret", "region": "us-east-1"}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def silent_endpoint() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def open_store(endpoint: str | None) -> ObjectBlobStore:
    return ObjectBlobStore(parse_storage_url("s3://bucket/prefix"), endpoint=endpoint, credentials=CREDENTIALS)


async def serve(answer: Answer) -> TestServer:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    return server


@pytest.mark.parametrize(
    ("start", "length"), [(0, 10), (0, 2_000_000), (999_999, 1), (999_990, 100), (1_000_000, 5), (2_000_000, 5), (300_000, 600_000)]
)
async def test_ranges_are_right_where_the_server_answers_them(tmp_path: Path, start: int, length: int) -> None:
    data = os.urandom(1_000_000)
    (tmp_path / "object").write_bytes(data)
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Range", "whole"))
        return web.FileResponse(tmp_path / "object")

    server = await serve(answer)
    store = open_store(str(server.make_url("")).rstrip("/"))
    assert b"".join([piece async for piece in store.read(NAME, start, length)]) == data[start : start + length]
    assert asked == [f"bytes={start}-{start + length - 1}"]
    await server.close()


@pytest.mark.parametrize(
    ("status", "body", "expected", "words"),
    [
        (403, "<Error><Code>AccessDenied</Code></Error>", Unavailable, "credentials"),
        (401, "", Unavailable, "credentials"),
        (404, "<Error><Code>NoSuchBucket</Code></Error>", Unavailable, "bucket"),
        (404, "<Error><Code>NoSuchKey</Code></Error>", BlobNotFound, NAME),
        (500, "<Error><Code>InternalError</Code></Error>", Unavailable, "reached"),
        (503, "<Error><Code>SlowDown</Code></Error>", Unavailable, "reached"),
        (507, "<Error><Code>XMinioStorageFull</Code></Error>", StorageFull, "room"),
        (403, "<Error><Code>QuotaExceeded</Code></Error>", StorageFull, "room"),
        (302, "", Unavailable, "reached"),
    ],
)
async def test_a_refusal_becomes_an_error_of_ours(status: int, body: str, expected: type[Exception], words: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type="application/xml")

    server = await serve(answer)
    store = open_store(str(server.make_url("")).rstrip("/"))
    with pytest.raises(expected, match=words):
        await anext(aiter(store.read(NAME, 0, 10)))
    await server.close()


async def test_an_upload_to_a_missing_bucket_is_no_missing_blob(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404, text="<Error><Code>NoSuchBucket</Code></Error>")

    server = await serve(answer)
    store = open_store(str(server.make_url("")).rstrip("/"))
    (tmp_path / "source").write_bytes(b"x")
    with pytest.raises(Unavailable, match="bucket"):
        await store.put(tmp_path / "source", NAME, "image/png")
    with pytest.raises(Unavailable, match="bucket"):
        await store.check()
    assert (tmp_path / "source").exists()
    await server.close()


async def test_a_server_that_hangs_is_given_up_within_seconds(silent_endpoint: str, tmp_path: Path) -> None:
    store, source = open_store(silent_endpoint), tmp_path / "source"
    source.write_bytes(b"x")

    async def listing() -> None:
        async for _ in store.list(""):
            pass

    started = time.monotonic()
    outcomes = await asyncio.gather(
        store.put(source, NAME, "image/png"),
        store.size(NAME),
        anext(aiter(store.read(NAME, 0, 10))),
        store.download(NAME, tmp_path / "copy"),
        store.delete(NAME),
        listing(),
        store.check(),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 7
    assert time.monotonic() - started < 9
    assert source.exists()
    assert not (tmp_path / "copy").exists()


async def test_an_answer_that_breaks_off_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=206, headers={"Content-Length": "1000", "Content-Range": "bytes 0-999/1000"})
        response.headers["Last-Modified"] = "Sun, 22 Nov 2026 11:43:23 GMT"
        response.headers["ETag"] = '"one"'
        await response.prepare(request)
        await response.write(b"x" * 10)
        assert request.transport is not None
        request.transport.abort()
        return response

    server = await serve(answer)
    store = open_store(str(server.make_url("")).rstrip("/"))
    with pytest.raises(Unavailable):
        [piece async for piece in store.read(NAME, 0, 1000)]
    await server.close()


async def test_plain_http_is_spoken_only_where_the_endpoint_says_so(silent_endpoint: str) -> None:
    store = ObjectBlobStore(parse_storage_url("s3://bucket"), credentials={**CREDENTIALS, "endpoint": silent_endpoint})
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await store.size(NAME)
    assert time.monotonic() - started < 2, "the connection was refused by the client itself, so nothing waited for an answer"


@pytest.mark.parametrize(
    ("url", "credentials"),
    [
        ("s3://bucket", {"unheard_of": "x"}),
        ("az://container", {}),
        ("gs://bucket", {"service_account_key": "not json"}),
        ("file:///tmp", {}),
    ],
)
def test_settings_that_are_not_understood_are_refused_at_once(url: str, credentials: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="object store"):
        ObjectBlobStore(parse_storage_url(url), credentials=credentials)


async def test_addresses_can_be_signed_without_asking_the_store() -> None:
    azure = ObjectBlobStore(parse_storage_url("az://container/p"), credentials={"account_name": "account", "account_key": "c2VjcmV0"})
    url = await azure.presigned_url(NAME, 60)
    assert url is not None
    assert url.startswith(f"https://account.blob.core.windows.net/container/p/{NAME}?")
    amazon = await open_store(None).presigned_url(NAME, 60)
    assert amazon is not None
    assert amazon.startswith("https://s3.us-east-1.amazonaws.com/bucket/prefix/")
