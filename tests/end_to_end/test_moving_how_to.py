"""The pages on backups and moves: their commands, run as they are printed, on what they are about."""

import asyncio
import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from spark_assets.domain import blob_names
from spark_assets.domain.archive import Manifest
from spark_assets.storage.location import parse_storage_url
from spark_assets.storage.objects import ObjectBlobStore
from tests.end_to_end.shelf import Shelf
from tests.factories import records
from tests.factories.databases import open_postgres
from tests.factories.http import SparkClient, send
from tests.factories.media import make_jpeg
from tests.factories.records import NOW
from tests.factories.servers import UNPRIVILEGED_USER, PostgresServer, S3Server
from tests.factories.spark_processes import SECRET, Service, environment

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
PATIENCE = 300.0
EMBEDDED = pytest.mark.parametrize("size", ["embedded"], indirect=True)


def blocks_of(page: str, language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", (PAGES / page).read_text(), re.DOTALL | re.MULTILINE)
    assert found
    return found


class Shell:
    """Runs commands of a page in one folder, with what it names replaced by what there is."""

    def __init__(self, folder: Path, variables: Mapping[str, str], there: Mapping[str, str]) -> None:
        scripts = sysconfig.get_path("scripts")
        self._folder = folder
        self._variables = {**variables, "PATH": f"{scripts}:{variables.get('PATH', os.defpath)}"}
        self._there = there

    def fit(self, text: str) -> str:
        """The text with what there is."""
        for name, replacement in self._there.items():
            text = text.replace(name, replacement)
        return text

    def run(self, *blocks: str, user: str | None = None) -> str:
        """What the blocks print, run one after the other in one shell."""
        finished = subprocess.run(
            ["bash", "-e", "-u", "-c", self.fit("\n".join(blocks))],
            cwd=self._folder, env=self._variables, user=user, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout


@pytest.fixture
def asset(service: Service, client: SparkClient, group: str, shelf: Shelf, tmp_path: Path) -> dict[str, Any]:
    """An asset that no other test knows, with its thumbnail stored."""
    content = make_jpeg(tmp_path / "moved.jpg", 400, 400).read_bytes() + os.urandom(8)
    asset_id = client.create_asset(group, shelf.put("/moved.jpg", content), Tags=["moved"])
    service.wait_for_empty_spool()
    return client.get_v1_asset(asset_id)


def aws(s3: S3Server) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": s3.access_key_id,
        "AWS_SECRET_ACCESS_KEY": s3.secret_access_key,
        "AWS_REGION": s3.REGION,
        "SPARK_ASSETS_S3_ENDPOINT": s3.endpoint,
        "SPARK_ASSETS_LOG_LEVEL": "error",
    }


def parts_of(root: Path) -> dict[str, tuple[str, ...]]:
    """By table, the hashes of the parts of the one archive in a folder."""
    [file] = root.glob("backups/*/manifest.json")
    manifest = msgspec.json.decode(file.read_bytes(), type=Manifest)
    return {table.name: tuple(part.sha256 for part in table.parts) for table in manifest.tables}


@EMBEDDED
def test_move_a_library(
    service: Service, asset: dict[str, Any], s3_server: S3Server, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    bucket = s3_server.create_bucket()
    there = {
        "postgresql://spark:secret@db.internal/spark": postgres_server.create_database(),
        "my-bucket": bucket,
        "/var/lib/spark-assets-2": str(tmp_path / "back"),
        "/var/lib/spark-assets": str(service.home),
        "/var/lib/spark-fleet": str(tmp_path / "fleet"),
    }
    shell = Shell(tmp_path, {**environment(), **aws(s3_server)}, there)
    again = "spark-assets export " + str(tmp_path / "again")
    printed = shell.run(*blocks_of("move-a-library.md", "sh"), again)
    assert printed.count("all hold") == 2
    subprocess.run(["tar", "-xf", "library.tar"], cwd=tmp_path, check=True)
    assert parts_of(tmp_path) == parts_of(tmp_path / "again") == parts_of(s3_server.buckets / bucket / "moved")
    for name in (blob_names.original(asset["sha256"]), blob_names.rendition(asset["sha256"], "thumbnail", "jpg")):
        first, *others = [
            (root / name).read_bytes()
            for root in (service.home / "blobs", tmp_path, s3_server.buckets / bucket / "library", tmp_path / "back" / "blobs")
        ]
        assert all(other == first for other in others)


@EMBEDDED
def test_move_the_store(service: Service, asset: dict[str, Any], s3_server: S3Server, tmp_path: Path) -> None:
    bucket = s3_server.create_bucket()
    shell = Shell(tmp_path, {**environment(), **aws(s3_server)}, {"/var/lib/spark-assets": str(service.home), "my-bucket": bucket})
    printed = shell.run(*blocks_of("move-the-store.md", "sh"))
    assert "all hold" in printed
    name = blob_names.original(asset["sha256"])
    copy = s3_server.buckets / bucket / "library" / name
    assert copy.read_bytes() == (service.home / "blobs" / name).read_bytes()
    location = parse_storage_url(f"s3://{bucket}/library")
    store = ObjectBlobStore(location, endpoint=s3_server.endpoint, credentials=s3_server.credentials)
    url = asyncio.run(store.presigned_url(name, 60))
    assert url is not None
    assert send("GET", url).headers["content-type"] == "image/jpeg"


@EMBEDDED
def test_back_up_and_restore(service: Service, client: SparkClient, asset: dict[str, Any], tmp_path: Path) -> None:
    there = {
        "/var/lib/spark-assets": str(service.home),
        "/var/lib/spark-restored": str(tmp_path / "restored"),
        "/backups/library": str(tmp_path / "place"),
    }
    shell = Shell(tmp_path, environment(log_level="error"), there)
    back_up, restore, again = blocks_of("back-up-and-restore.md", "sh")
    assert "Taken at" in shell.run(back_up)
    receipt = service.client("--scope", "project:admin").call("POST", "/v1/erasures", {"asset_ids": [asset["id"]]}).json()
    assert receipt["complete"]
    shell.run(back_up)  # the record of erasures comes along
    [first, second] = sorted((tmp_path / "place" / "backups").iterdir())
    printed = shell.run(restore.replace("restore /backups/library", f"restore /backups/library --backup {first.name}"), again)
    assert "all hold" in printed
    assert "Erased again: 1 assets" in printed
    assert not (tmp_path / "restored" / "blobs" / blob_names.original(asset["sha256"])).exists()
    assert first.name < second.name


@pytest.fixture
def archiving(tmp_path: Path) -> Iterator[tuple[PostgresServer, Shell]]:
    """A PostgreSQL that archives its log as the page says, and a shell beside it."""
    (tmp_path / "blobs").mkdir()
    with PostgresServer() as server:
        base = server.folder / "backups"
        (base / "wal").mkdir(parents=True)
        there = {
            "/var/lib/postgresql/data": str(server.folder / "data"),
            "/backups/library": str(tmp_path / "place"),
            "/backups": str(base),
            "--host=db.internal": f"--host=127.0.0.1 --port={server.port}",
        }
        settings = environment(
            home=tmp_path / "home", storage_url=(tmp_path / "blobs").as_uri(), database_url=server.create_database(),
            encryption_keys=SECRET, signing_keys=SECRET, log_level="error",
        )  # fmt: skip
        programs = str(server._programs)
        shell = Shell(server.folder, {**settings, "PATH": f"{programs}:{settings['PATH']}"}, there)
        [configuration] = blocks_of("back-up-and-restore.md", "ini")
        with (server.folder / "data" / "postgresql.conf").open("a") as file:
            file.write(shell.fit(configuration))
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", UNPRIVILEGED_USER, str(base)], check=True)
        server.stop()
        server.start()
        yield server, shell


async def _add(url: str, name: str, blobs: Path) -> tuple[str, str]:
    """An active asset with bytes of its own: its ID, and where they are."""
    content = name.encode()
    sha256, group = records.sha256_of(content), records.group()
    async with open_postgres(url) as database, database.begin() as uow:
        await uow.groups.add(group)
        await uow.assets.add(asset := records.asset(group.id, name=name))
        assert await uow.blobs.reference(sha256, size=len(content), stored_at=NOW)
        assert await uow.assets.activate(asset.id, sha256=sha256, size=len(content), facts=records.PICTURE, at=NOW)
        await uow.commit()
    path = blobs / blob_names.original(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return asset.id, blob_names.original(sha256)


async def test_a_moment_in_time_of_postgresql(archiving: tuple[PostgresServer, Shell], tmp_path: Path) -> None:
    server, shell = archiving
    url, blobs = shell._variables["SPARK_ASSETS_DATABASE_URL"], tmp_path / "blobs"
    take, go_back, finish = blocks_of("back-up-and-restore.md", "bash")
    as_owner = UNPRIVILEGED_USER if os.geteuid() == 0 else None
    shell.run("spark-assets migrate")
    shell.run(take, user=as_owner)
    kept, _ = await _add(url, "kept", blobs)
    erased, erased_bytes = await _add(url, "erased", blobs)
    removed, removed_bytes = await _add(url, "removed by mistake", blobs)
    shell.run("spark-assets backup /backups/library")
    moment = datetime.now(UTC)
    shell.run(f"spark-assets erase --asset {erased} --yes")
    later, _ = await _add(url, "later", blobs)
    await _mistake(url, removed, blobs / removed_bytes)
    server.stop()
    shell.run(go_back.replace("2026-11-29 12:00:00+00", moment.isoformat(sep=" ")), user=as_owner)
    server.start()
    printed = shell.run(finish)
    assert "all hold" in printed
    assert "Erased again: 1 assets" in printed
    async with open_postgres(url) as database, database.read() as repositories:
        there = [asset_id for asset_id in (kept, erased, removed, later) if await repositories.assets.get(asset_id, None)]
    assert there == [kept, removed]
    assert (blobs / removed_bytes).read_bytes() == b"removed by mistake"
    assert not (blobs / erased_bytes).exists()


async def _mistake(url: str, asset_id: str, path: Path) -> None:
    """The asset goes into the trash, which is emptied and swept."""
    async with open_postgres(url) as database, database.begin() as uow:
        await uow.assets.delete([asset_id], NOW)
        await uow.erasure.purge(await uow.erasure.look_at([asset_id]), NOW)
        await uow.commit()
    path.unlink()
