"""Two versions on one database: this one, and one that is a migration further, as while a fleet is upgraded process by process."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from spark_assets.db import schema
from tests.end_to_end.shelf import Shelf
from tests.factories import versions
from tests.factories.http import SparkClient
from tests.factories.ledger import Ledger
from tests.factories.media import make_jpeg
from tests.factories.sdk_load import SdkLoad
from tests.factories.servers import PostgresServer, S3Server
from tests.factories.spark_processes import ServeProcess, Service, fleet, run
from tests.factories.versions import AFTER, NEXT

PATIENCE = 60.0


class Upgrade(NamedTuple):
    """A fleet of this version, and where the next ones lie."""

    service: Service
    trees: dict[str, Path]

    def variables(self, tree: str, home: Path) -> dict[str, str]:
        """The environment of a process of another version, on the same database and store."""
        return {**self.service.variables, "PYTHONPATH": str(self.trees[tree]), "SPARK_ASSETS_HOME": str(home)}

    def schema(self) -> tuple[str, str]:
        """Version and floor, as they stand in the database."""
        [(version, floor)] = Ledger(self.service).rows("SELECT version_num, floor FROM alembic_version")
        return version, floor

    def makers(self) -> dict[str, int]:
        """How many assets were made by which version."""
        return dict(Ledger(self.service).rows("SELECT maker, count(*) FROM assets GROUP BY 1"))


@pytest.fixture(scope="module")
def picture(media: Path) -> bytes:
    return make_jpeg(media / "upgraded.jpg", 400, 400, quality=30).read_bytes()


@pytest.fixture(scope="module")
def upgrade(postgres_server: PostgresServer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgrade]:
    trees = {"next": versions.make_next(tmp_path_factory.mktemp("next")), "after": versions.make_after(tmp_path_factory.mktemp("after"))}
    with fleet(postgres_server, s3_server, source_allow="127.0.0.0/8", host_concurrency=16, drain_timeout=5) as service:
        yield Upgrade(service, trees)


def test_the_version_before_serves_and_ingests_on_while_the_next_one_migrates_and_comes_up_beside_it(
    upgrade: Upgrade, shelf: Shelf, picture: bytes, tmp_path: Path
) -> None:
    service = upgrade.service
    old, worker = service.server, service.worker
    assert worker is not None
    key = service.make_key()["key"]
    pids = (old.pid, worker.pid)
    with SdkLoad([old.base_url], key, shelf, picture, programs=2, pause=0.2) as load:
        load.wait_for(4)
        migrated = run(["migrate"], upgrade.variables("next", tmp_path))
        assert (migrated.returncode, migrated.stdout) == (0, ""), migrated.stderr
        floor = schema.FIRST_FLOOR
        assert migrated.stderr == (
            f"the schema is now up to date: schema {NEXT}; its floor is {floor}: code that knows {floor} or newer may run on it\n"
        )
        load.wait_for(4)
        with ServeProcess(upgrade.variables("next", tmp_path / "home")) as new:
            with SdkLoad([new.base_url, old.base_url], key, shelf, picture, pause=0.2) as both:
                both.wait_for(6)
                assert (old.pid, worker.pid) == pids, "nothing of the version before was started anew so far"
                with ThreadPoolExecutor() as threads:  # they come back on the newer schema
                    list(threads.map(lambda process: (process.stop(), process.start()), service.processes))
                both.wait_for(4)
            client = service.client()
            task_id = client.submit_asset(client.create_group(), shelf.put("/old-to-new.jpg", picture + b"old"))
            assert SparkClient(new.base_url, key).completed(task_id)["status"] == "completed"
            assert both.failures == []
            assert both.broken_promises() == []
    assert load.failures == []
    assert load.broken_promises() == []
    made = upgrade.makers()
    assert made.keys() == {"unknown", "next"} and min(made.values()) >= 4
    deadline = time.monotonic() + PATIENCE
    while Ledger(service).rows("SELECT count(*) FROM assets WHERE rendition_pending AND deleted_at IS NULL") != [(0,)]:
        assert time.monotonic() < deadline, "every preview is made"
        time.sleep(0.1)
    verified = run(["doctor", "--verify"], upgrade.variables("next", tmp_path / "doctor"))
    assert verified.returncode == 0, verified.stdout
    print(f"one version before and one after: {load.figures}; then both at once: {both.figures}; made by: {made}")


def test_the_version_before_says_that_the_schema_is_newer_and_leaves_it_alone(upgrade: Upgrade) -> None:
    assert upgrade.schema() == (NEXT, schema.FIRST_FLOOR)
    said = f"schema {NEXT}, newer than this version, which knows {schema.HEAD}; its floor is {schema.FIRST_FLOOR}"
    assert said in upgrade.service.in_process("migrate").stderr
    code, report = upgrade.service.doctor()
    assert (code, [found["message"].startswith(said) for found in report["findings"] if found["part"] == "schema"]) == (0, [True])
    assert upgrade.schema() == (NEXT, schema.FIRST_FLOOR)


def test_what_takes_away_waits_for_the_versions_before_and_then_keeps_them_out(upgrade: Upgrade, tmp_path: Path) -> None:
    service = upgrade.service
    assert service.client().create_group()
    refused = run(["migrate"], upgrade.variables("after", tmp_path))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"such code runs (it knows {schema.HEAD})" in refused.stderr, refused.stderr
    assert "nothing was changed" in refused.stderr
    assert upgrade.schema() == (NEXT, schema.FIRST_FLOOR)
    assert service.client().create_group(), "whoever runs is left in peace"
    for process in service.processes:
        process.stop()
    migrated = run(["migrate"], upgrade.variables("after", tmp_path))
    assert migrated.returncode == 0, migrated.stderr
    assert f"schema {AFTER}; its floor is {AFTER}" in migrated.stderr
    sentence = (
        f"spark-assets: the database has schema {AFTER}, on which versions of spark-assets may run that know {AFTER} or newer,"
        f" and this one knows {schema.HEAD}; use a newer version\n"
    )
    for command in (["serve"], ["worker"], ["doctor"], ["migrate"], ["keys", "list"]):
        finished = service.in_process(*command)
        assert (finished.exit_code, finished.stdout, finished.stderr) == (1, "", sentence), command
    below = run(["migrate"], upgrade.variables("next", tmp_path))
    assert below.returncode == 1 and f"and this one knows {NEXT}" in below.stderr
    with ServeProcess(upgrade.variables("after", tmp_path / "home"), "--no-ingest") as newest:
        assert SparkClient(newest.base_url, service.make_key()["key"]).create_group()


def test_the_version_before_runs_on_the_schema_at_hand(
    postgres_server: PostgresServer, s3_server: S3Server, shelf: Shelf, picture: bytes, tmp_path: Path
) -> None:
    try:
        tree = versions.make_previous(tmp_path)
    except versions.NoHistory as reason:
        pytest.skip(f"the version before cannot be had: {reason}")
    service = fleet(postgres_server, s3_server, source_allow="127.0.0.0/8", drain_timeout=5)
    try:
        assert service.in_process("migrate", "--home", str(tmp_path / "here")).exit_code == 0
        with ServeProcess({**service.variables, "PYTHONPATH": str(tree), "SPARK_ASSETS_HOME": str(tmp_path / "home")}) as previous:
            client = SparkClient(previous.base_url, service.make_key()["key"])
            assert client.create_asset(client.create_group(), shelf.put("/previous.jpg", picture + b"previous"))
    finally:
        service.close()
