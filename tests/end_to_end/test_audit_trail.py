"""The audit trail as administrators get it: who, what, when, from where; exported whole, and checked by anybody."""

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf
from tests.end_to_end.test_readme import ROOT
from tests.factories.http import SparkClient
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service

PAGE: Final = ROOT / "docs" / "how-to" / "read-the-audit-trail.md"
LINES: Final = {"Accept": "application/x-ndjson"}


def _of(admin: SparkClient, project: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.call("GET", f"/v1/audit?project={project}&order=asc&limit=100").json()["items"]
    return found


def _export(admin: SparkClient, query: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = admin.request("GET", f"/v1/audit{query}", headers=headers)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


def test_every_change_says_who_did_it_from_where_and_in_which_request(service: Service, shelf: Shelf, media: Path) -> None:
    service.quick_command("projects", "create", project := f"audited-{service.home.name[-8:].lower()}")
    admin = service.client("--scope", "admin")
    writer = service.client("--project", project)
    group, other = writer.create_group(), writer.create_group()
    url = shelf.put("/audited.jpg", make_jpeg(media / "audited.jpg"))
    first, second = (writer.create_asset(group, url) for _ in range(2))
    writer.completed(writer.submit("spark_asset_update", Id=first, Name="Ada", GroupId=other))
    share = writer.call("POST", f"/v1/assets/{first}/shares", {}).json()["id"]
    assert writer.call("DELETE", f"/v1/shares/{share}").status == 204
    bulk = {"action": "tag", "ids": [first, second, "asset-20260101120000-bcdfg"], "tags": ["night"]}
    assert writer.call("POST", "/v1/assets/bulk", bulk).status == 200
    assert writer.call("POST", "/v1/assets/bulk", {**bulk, "dry_run": True}).status == 200
    deletion = writer.call("DELETE", f"/v1/assets/{first}")
    assert writer.call("POST", f"/v1/assets/{first}/restore").status == 200
    assert writer.call("DELETE", f"/v1/groups/{group}").status == 204
    assert writer.call("POST", f"/v1/groups/{group}/restore").status == 200

    entries = _of(admin, project)
    assert [(entry["action"], entry["subject"]) for entry in entries if not entry["action"].startswith("key.")] == [
        ("project.created", entries[0]["project_id"]),
        ("group.created", group),
        ("group.created", other),
        ("asset.updated", first),
        ("share.created", share),
        ("share.revoked", share),
        ("assets.tagged", None),
        ("asset.deleted", first),
        ("asset.restored", first),
        ("group.deleted", group),
        ("assets.deleted", group),
        ("group.restored", group),
        ("assets.restored", group),
    ]
    by_action = {entry["action"]: entry for entry in entries}
    assert by_action["asset.updated"]["details"] == {"fields": ["name", "group_id"]}
    assert by_action["assets.tagged"]["details"] == {"asset_ids": sorted([first, second]), "count": 2}
    assert by_action["assets.deleted"]["details"] == by_action["assets.restored"]["details"] == {"asset_ids": [second], "count": 1}
    deleted = by_action["asset.deleted"]
    assert (deleted["address"], deleted["request_id"]) == ("127.0.0.1", deletion.headers["x-request-id"])
    assert deleted["actor"].startswith("key-")
    created = by_action["project.created"]
    assert (created["actor"], created["address"], created["request_id"]) == ("operator", None, None)
    assert "Ada" not in json.dumps(entries)


def test_the_export_is_the_whole_trail_and_the_check_of_the_page_accepts_it(service: Service, tmp_path: Path) -> None:
    admin = service.client("--scope", "admin")
    for number in range(3):
        service.quick_command("keys", "create", "--name", f"export-{number}")
    entries = _export(admin, "?format=jsonl")
    assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))
    assert _export(admin, **LINES)[: len(entries)] == entries
    assert {entry["action"] for entry in _export(admin, "?format=jsonl&action=key.created")} == {"key.created"}
    assert service.client("--scope", "project:admin").request("GET", "/v1/audit?format=jsonl").status == 403
    assert admin.request("HEAD", "/v1/audit?format=jsonl").body == b""

    (tmp_path / "audit.jsonl").write_bytes(admin.request("GET", "/v1/audit?format=jsonl").body)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    check = [sys.executable, "-W", "ignore", "-c", blocks[0]]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "the chain holds\n"
    changed = (tmp_path / "audit.jsonl").read_text().replace('"action":"key.created"', '"action":"key.revoked"', 1)
    (tmp_path / "audit.jsonl").write_text(changed)
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_the_doctor_names_the_entry_that_somebody_changed(make_service: MakeService, size: str) -> None:
    if size != "embedded":
        return  # the contract suite changes entries on both engines; here it is the command that is looked at
    with make_service() as service:
        for number in range(3):
            service.quick_command("keys", "create", "--name", f"chained-{number}")
        assert service.doctor("--verify")[0] == 0
        connection = sqlite3.connect(service.home / "library.db")
        connection.execute("UPDATE audit SET actor = 'key-other' WHERE sequence = 2")
        connection.commit()
        connection.close()
        code, found = service.doctor("--verify")
    assert code == 1
    (trouble,) = [finding["message"] for finding in found["findings"] if finding["state"] != "ok"]
    what, _, remedy = trouble.partition("; ")
    assert re.fullmatch(r"1 x the chain of the audit trail is broken: entry number 2 \([0-9a-v]{20}\) was changed", what)
    assert remedy == "the trail is never changed: find out who has access to the database, and keep a copy as evidence"
