"""Secrets made anew: in a home whose server stands still, and in a fleet that runs."""

import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from spark_assets.db.sealing import Sealer
from spark_assets.ports.administration import GivenAnswer
from spark_assets.runtime.secrets import encryption_keys, signing_keys
from spark_assets.settings import Settings
from tests.end_to_end.shelf import Shelf
from tests.factories.databases import open_sqlite
from tests.factories.http import SparkClient, follow
from tests.factories.media import make_jpeg
from tests.factories.origin import answer, wait_for
from tests.factories.records import NOW
from tests.factories.servers import PostgresServer, S3Server
from tests.factories.spark_processes import PROGRAM, ServeProcess, Service, embedded, fleet
from tests.factories.surfaces import Member, send_signed

OLD: Final = "old:0123456789abcdef old"
NEW: Final = "new:0123456789abcdef new"
MANY: Final = 6000
"""Values whose sealing takes long enough to be killed in."""


class Library:
    """What a client was given before, and still works."""

    def __init__(self, service: Service, shelf: Shelf, picture: Path) -> None:
        self.client: Final = service.client("--scope", "admin")
        made = self.client.call("POST", "/v1/access-keys", {"name": "signer"}).json()
        self.signer: Final = Member(self.client, made["id"], made["secret"])
        asset = self.client.create_asset(self.client.create_group(), shelf.put("/rotated.jpg", picture))
        self.link: Final = str(self.client.get_v1_asset(asset)["url"])
        self.share: Final = str(self.client.call("POST", f"/v1/assets/{asset}/shares", {}).json()["url"])
        self.content: Final = picture.read_bytes()

    def check(self) -> None:
        """The access key signs, the share leads to the bytes."""
        answer = send_signed(self.signer, "ListAssetGroups", b'{"Filter":{}}')
        assert answer.status == 200, answer.body
        assert follow("GET", self.share).body == self.content


@pytest.fixture(scope="module")
def picture(media: Path) -> Path:
    """A picture of this module's own."""
    return make_jpeg(media / "rotated.jpg")


@pytest.fixture(scope="module")
def standing(shelf: Shelf, picture: Path) -> Iterator[tuple[Service, Library]]:
    """A service with things in it."""
    with embedded(source_allow="127.0.0.0/8") as service:
        yield service, Library(service, shelf, picture)


def _rotate(service: Service, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = service.quick_command("secrets", "rotate", *options)
    return found


def _used(report: dict[str, Any]) -> dict[str, int]:
    return {use["id"]: use["values"] for use in report["keys"]}


def test_a_home_gets_fresh_keys_while_its_server_stands_still_and_nothing_is_lost(standing: tuple[Service, Library]) -> None:
    service, library = standing
    refused = service.in_process("secrets", "rotate")
    assert (refused.exit_code, "is running on" in refused.stderr) == (1, True)
    sealed = _used(_rotate(service, "--dry-run"))
    assert sealed == {"1": sealed["1"]}
    service.server.stop()
    report = _rotate(service)
    assert (report["renewed"], _used(report)) == (sealed["1"], {"2": sealed["1"], "1": 0})
    assert [use["role"] for use in report["keys"]] == ["seals", "opens"]
    service.server.start()
    library.check()
    assert follow("GET", library.link).body == library.content


def test_links_end_at_once_where_that_is_asked_for(standing: tuple[Service, Library]) -> None:
    service, library = standing
    service.server.stop()
    _rotate(service, "--end-links")
    service.server.start()
    library.check()
    assert follow("GET", library.link).status == 404


def test_four_keys_are_kept_and_one_more_only_while_something_needs_it(standing: tuple[Service, Library]) -> None:
    service, _ = standing
    service.server.stop()
    with closing(sqlite3.connect(service.home / "library.db")) as database:
        database.execute("UPDATE access_keys SET secret = CAST(secret || x'00' AS BLOB)")
        database.commit()
    for encrypting, signing in ((4, 2), (4, 3), (4, 4), (5, 4)):
        finished = service.in_process("secrets", "rotate", "--json")
        assert (finished.exit_code, "values" in finished.stdout) == (7, True), finished.output
        kept = [len((service.home / f"{kind}-keys").read_text().split()) for kind in ("encryption", "signing")]
        assert kept == [encrypting, signing]
    assert "is still needed" in service.in_process("secrets", "rotate").stderr
    service.server.start()


async def test_a_rotation_that_was_killed_anywhere_is_finished_by_the_next(tmp_path: Path) -> None:
    service = embedded(home=tmp_path)
    service.variables["SPARK_ASSETS_HOME"] = str(tmp_path)
    assert _used(_rotate(service, "--dry-run")) == {"1": 0}
    settings = Settings(home=tmp_path)
    async with open_sqlite(tmp_path / "library.db", sealer=Sealer(encryption_keys(settings))) as database, database.begin() as uow:
        for number in range(MANY):
            await uow.idempotency_keys.add("key-tests", f"{number:05}", GivenAnswer("hash", b"{}"), NOW)
        await uow.commit()
    for _ in range(2):
        _kill_a_rotation(service, tmp_path)
        assert sum(_used(_rotate(service, "--dry-run")).values()) == MANY
    (tmp_path / ".encryption-keys.draft").write_text("9:left by a kill\n")
    newest, *before = _used(_rotate(service)).values()
    assert (newest, before) == (MANY, [0, 0, 0])
    assert [path.name for path in tmp_path.glob(".*keys*")] == []
    left = Sealer(encryption_keys(settings)[:1])
    async with open_sqlite(tmp_path / "library.db", sealer=left) as database, database.read() as repositories:
        given = [await repositories.idempotency_keys.find("key-tests", f"{number:05}") for number in range(MANY)]
    assert all(one is not None and one.answer == b"{}" for one in given)
    assert len(signing_keys(settings)) == 2
    service.close()


def _kill_a_rotation(service: Service, home: Path) -> None:
    """Kill it once it has begun to seal anew."""
    keys = home / "encryption-keys"
    before = keys.read_text()
    process = subprocess.Popen(
        [str(PROGRAM), "secrets", "rotate"], env=service.variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while keys.read_text() == before or not _has_begun(home, keys.read_text().partition(":")[0]):
        assert time.monotonic() < deadline
        assert process.poll() is None, "it was over before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()


def _has_begun(home: Path, key_id: str) -> bool:
    with closing(sqlite3.connect(home / "library.db", timeout=10)) as database:
        statement = "SELECT 1 FROM idempotency_keys WHERE substr(answer, 1, ?) = ? LIMIT 1"
        return database.execute(statement, (len(key_id) + 1, f"{key_id}:".encode())).fetchone() is not None


@pytest.fixture(scope="module")
def running(postgres_server: PostgresServer, s3_server: S3Server) -> Iterator[tuple[Service, ServeProcess]]:
    """A fleet in the middle of a change of keys: one server still seals with the old one, another with the new one already."""
    first = fleet(postgres_server, s3_server, source_allow="127.0.0.0/8", encryption_keys=f"{OLD},{NEW}")
    second = ServeProcess({**first.variables, "SPARK_ASSETS_ENCRYPTION_KEYS": f"{NEW},{OLD}"}, "--no-ingest")
    second.variables["SPARK_ASSETS_HOME"] = str(second.home)
    with first, second:
        yield first, second


@pytest.mark.parametrize("size", ["fleet"])
def test_in_a_fleet_that_runs_every_value_moves_to_the_new_key_and_the_old_one_can_go(
    size: str, running: tuple[Service, ServeProcess], shelf: Shelf, picture: Path
) -> None:
    first, second = running
    library = Library(first, shelf, picture)
    gate, let_go = shelf.gate()
    task = library.client.submit_asset(library.client.create_group(), shelf.behave("/waits.jpg", wait_for(gate, answer(library.content))))
    first.variables["SPARK_ASSETS_ENCRYPTION_KEYS"] = f"{NEW},{OLD}"  # of commands; the server has its own
    report = _rotate(first)
    assert report["renewed"] > 0
    assert _used(report)["old"] == 0
    library.check()  # by the server whose first key is the old one
    other = SparkClient(second.base_url, library.client.key)
    made = other.call("POST", "/v1/access-keys", {"name": "another"}).json()
    Library.check(_of(library, Member(library.client, made["id"], made["secret"])))
    late = library.client.call("POST", "/v1/webhooks", {"url": "https://example.com/late"})
    assert late.status == 201
    assert _used(_rotate(first, "--dry-run"))["old"] == 2, "the address and the secrets of the webhook"
    assert _rotate(first)["renewed"] == 2
    let_go()
    library.client.completed(task)

    first.server.stop()
    first.server.variables["SPARK_ASSETS_ENCRYPTION_KEYS"] = NEW
    first.server.start()
    library.check()
    assert library.client.request("GET", f"/v1/webhooks/{late.json()['id']}").json()["url"] == "https://example.com/late"


def _of(library: Library, signer: Member) -> Library:
    """The same library with another access key."""
    changed = object.__new__(Library)
    changed.__dict__.update(library.__dict__, signer=signer)
    return changed
