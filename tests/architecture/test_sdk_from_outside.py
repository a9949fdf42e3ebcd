"""The SDK as a program of somebody else finds it: typed, documented, and light."""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import spark_assets.client
from spark_assets.client import AsyncClient, Client

SERVER = {
    "litestar",
    "sqlalchemy",
    "alembic",
    "aiohttp",
    "granian",
    "pgqueuer",
    "obstore",
    "PIL",
    "av",
    "pydantic",
    "structlog",
    "typer",
    "rich",
}
PROGRAM = '''
"""Somebody's program, as strict as mypy can be."""

import asyncio
from pathlib import Path

import httpx2

from spark_assets.client import (
    ApiError, Asset, AsyncClient, AsyncTask, Client, Group, Key, NewWebhook, Progress, Quota, SparkAssetsError, Task, TaskFailed, Usage,
    WaitTimedOut,
)


def make(client: Client, wait: bool) -> str | None:
    group: Group = client.groups.create("moons", idempotency_key="moons")
    asset: Asset = client.assets.create(group_id=group.id, path=Path("moon.jpg"), tags=["night"], wait=True)
    task: Task = client.assets.create(group_id=group.id, url="https://example.com/moon.jpg")
    either: Task | Asset = client.assets.create(group_id=group.id, url="https://example.com/moon.jpg", wait=wait)
    for step in task.events():
        told: Progress = step
        print(told.stage, told.progress, either)
    for found in client.assets.list(group_id=group.id, type=["Image"]):
        print(found.name, found.width)
    for result in client.assets.bulk("move", [asset.id], group_id=group.id):
        print(result.id, result.error.code if result.error else None)
    client.assets.bulk("explode", [asset.id])  # type: ignore[arg-type]
    client.assets.create(group_id=3, url="https://example.com/moon.jpg")  # type: ignore[call-overload]
    for (asset_id, path), outcome in client.assets.download_many([(asset.id, "moon.jpg")], at_once=2):
        print(asset_id, path, outcome.sha256 if isinstance(outcome, Asset) else outcome)
    hook: NewWebhook = client.webhooks.create("https://example.com/hook", events="asset.active")
    key: Key = client.keys.get("key-1")
    usage: Usage = client.usage.get(by="day")
    quota: Quota = client.projects.quota("default")
    print(hook.secret, key.hint, usage.total, quota.used.assets)
    return task.wait(timeout=5).asset().sha256


async def main() -> None:
    async with AsyncClient("http://127.0.0.1:8080", "sk", transport=httpx2.AsyncHTTPTransport(retries=1)) as client:
        task: AsyncTask = await client.assets.create(group_id="g", path="moon.jpg")
        async for step in task.events():
            print(step.progress)
        async for arguments, outcome in client.assets.create_many([{"group_id": "g", "path": "moon.jpg"}]):
            print(arguments["path"], outcome)
        asset = await client.assets.create(group_id="g", path="moon.jpg", wait=True)
        print(asset.id)


try:
    with Client(transport=httpx2.HTTPTransport()) as blocking:
        make(blocking, wait=False)
    asyncio.run(main())
except (TaskFailed, WaitTimedOut) as error:
    print(error.task.id)
except ApiError as error:
    print(error.status, error.code, error.reason, error.request_id, error.retry_after)
except SparkAssetsError as error:
    print(error)
'''


def test_a_program_that_uses_it_passes_mypy_strict(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path), "program.py"]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert checked.returncode == 0, checked.stdout


def test_importing_it_imports_nothing_of_the_server() -> None:
    command = [sys.executable, "-c", "import sys, spark_assets.client; print(*sys.modules)"]
    loaded = set(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split())
    assert loaded & SERVER == set()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("spark_assets.")}
    assert rooms == {"client", "domain", "wire"}


def nouns() -> Iterator[Any]:
    """Every class that a program gets into its hands."""
    yield from (getattr(spark_assets.client, name) for name in spark_assets.client.__all__ if name != "UNSET")
    for client in (Client("http://x", "sk"), AsyncClient("http://x", "sk")):
        yield from (type(value) for name, value in vars(client).items() if not name.startswith("_"))


@pytest.mark.parametrize("noun", dict.fromkeys(nouns()), ids=lambda noun: noun.__name__)
def test_what_a_program_gets_into_its_hands_is_documented(noun: Any) -> None:
    assert inspect.getdoc(noun)
    verbs = [value for name, value in vars(noun).items() if inspect.isfunction(value) and not name.startswith("_")]
    assert all(inspect.getdoc(verb) for verb in verbs)
