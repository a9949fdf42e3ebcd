"""Moves that are killed in the middle, by SIGKILL, and what the same command makes of it afterwards."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from spark_assets.cli.main import app
from spark_assets.db.sqlite import sqlite_engine
from spark_assets.db.sqlite_moving import SqliteMoving
from spark_assets.domain import blob_names
from tests.factories import records
from tests.factories.databases import SEALER
from tests.factories.libraries import all_rows, whole
from tests.factories.records import NOW
from tests.factories.spark_processes import environment, run

COUNT = 40
KEYS = "1:0123456789abcdef"
KILLED = -9


def no_server() -> Any:
    """There is none in these tests."""
    raise AssertionError


async def make(home: Path) -> list[str]:
    """A library with some assets: the names of their bytes."""
    names = []
    async with whole("sqlite", home, no_server) as library:
        for _ in range(COUNT):
            content = os.urandom(5000)
            sha256, group = records.sha256_of(content), records.group()
            names.append(blob_names.original(sha256))
            path = home / "blobs" / names[-1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            async with library.library.database.begin() as uow:
                await uow.groups.add(group)
                await uow.assets.add(asset := records.asset(group.id))
                assert await uow.blobs.reference(sha256, size=len(content), stored_at=NOW)
                assert await uow.assets.activate(asset.id, sha256=sha256, size=len(content), facts=records.PICTURE, at=NOW)
                await uow.commit()
    return names


class Home:
    """A home, and commands on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.variables = environment(home=path, encryption_keys=KEYS, log_level="error")

    def killed(self, failpoint: str, *arguments: str) -> str:
        """Run a command that is killed there; what it said."""
        finished = run(list(arguments), self.variables | {"SPARK_ASSETS_FAILPOINT": failpoint}, 120)
        assert finished.returncode == KILLED, finished.stderr
        assert f"failpoint reached: {failpoint.partition('=')[0]}" in finished.stderr
        return finished.stderr

    def run(self, *arguments: str) -> Result:
        """Run a command in this process, which has loaded its code already; in a thread, for the test has an event loop."""
        cleared = {name: None for name in os.environ if name.startswith("SPARK_ASSETS_")}
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(CliRunner().invoke, app, list(arguments), env={**cleared, **self.variables}).result()

    def json(self, *arguments: str) -> Any:
        """What a command prints; it must succeed."""
        finished = self.run(*arguments, "--json")
        assert finished.exit_code == 0, finished.output
        return json.loads(finished.stdout)


async def rows_of(home: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows of the library in the home."""
    movable = SqliteMoving(sqlite_engine(str(home / "library.db")), SEALER)
    try:
        return await all_rows(movable)
    finally:
        await movable.close()


def stored(folder: Path) -> Iterator[str]:
    """Names of originals below a folder."""
    return (path.relative_to(folder).as_posix() for path in folder.glob("originals/*/*"))


async def test_a_copy_that_was_killed_goes_on_and_copies_nothing_twice(tmp_path: Path) -> None:
    names = await make(tmp_path / "old")
    home, target = Home(tmp_path / "old"), tmp_path / "target"
    command = ("storage", "copy", str(home.path / "blobs"), target.as_uri())
    home.killed("blob-renamed=20", *command)
    half = set(stored(target))
    assert 0 < len(half) < COUNT
    copied = home.json(*command)
    assert copied["copied"] == COUNT - len(half)
    assert copied["there"] + copied["known"] == len(half)
    assert (copied["damaged"], copied["gone"]) == (0, 0)
    assert sorted(stored(target)) == sorted(names)
    assert all(records.sha256_of((target / name).read_bytes()) == name.rpartition("/")[2] for name in names)
    assert home.json(*command)["known"] == COUNT


async def test_an_import_that_was_killed_anywhere_goes_on_and_no_server_starts_meanwhile(tmp_path: Path) -> None:
    await make(tmp_path / "old")
    archive = str(tmp_path / "library.tar")
    old, new = Home(tmp_path / "old"), Home(tmp_path / "new")
    old.json("export", archive)
    new.killed("blob-renamed=20", "import", archive)
    half = len(set(stored(new.path / "blobs")))
    assert 0 < half < COUNT
    new.killed("rows-taken", "import", archive)
    assert len(set(stored(new.path / "blobs"))) == COUNT
    assert (await rows_of(new.path))["assets"] == []
    new.killed("rows-committed", "import", archive)
    refused = new.run("serve", "--port", "1")
    assert refused.exit_code == 1
    assert "it is being filled from the archive" in refused.stderr
    told = new.json("import", archive)
    assert told["taken"] == {"blobs": 0, "bytes": 0, "blobs_there": COUNT}
    assert [finding["state"] for finding in told["findings"]] == ["ok"]
    assert await rows_of(new.path) == await rows_of(old.path)
    again = new.run("import", archive)
    assert again.exit_code == 1
    assert "not empty" in again.stderr


async def test_a_backup_that_was_killed_is_none_and_the_next_one_goes_on(tmp_path: Path) -> None:
    await make(tmp_path / "old")
    home, place = Home(tmp_path / "old"), str(tmp_path / "place")
    home.killed("blob-renamed=30", "backup", place)
    assert home.json("restore", place, "--list") == []
    assert home.run("restore", place).exit_code == 3
    made = home.json("backup", place)
    assert (made["blobs"], made["missing"], made["rows"]["assets"]) == (COUNT, 0, COUNT)
    assert [found["id"] for found in home.json("restore", place, "--list")] == [made["id"]]
