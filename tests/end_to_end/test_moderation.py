"""A moderator at work in a real service of each size: what it refuses fails, and who may skip it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient, result
from tests.factories.media import make_jpeg, make_video, make_wav
from tests.factories.moderation import install_package, judge_by
from tests.factories.origin import Visit, answer
from tests.factories.spark_processes import Service, embedded

TOKEN = "swordfish"
PLUG_IN = """
from spark_assets.ports.moderator import ALLOWED, Verdict

class Strict:
    async def judge(self, case):
        return Verdict("no heroes please") if case.name == "hero" else ALLOWED
"""


def _decide(told: dict[str, Any]) -> str | None:
    return "shows a\nweapon" if "weapon" in told["name"] else None


@pytest.fixture(scope="module")
def asked(size: str) -> list[dict[str, Any]]:
    """The cases that the endpoint of this size was asked about."""
    return []


@pytest.fixture(scope="module")
def moderated(make_service: MakeService, shelf: Shelf, asked: list[dict[str, Any]]) -> Iterator[Service]:
    """A service with a moderator: it refuses weapons, answers only who knows the token, and some names make it stutter or fall silent."""
    decide, broken = judge_by(_decide), answer(b'{"allow": "perhaps"}')

    async def behave(visit: Visit) -> None:
        name = json.loads(visit.body)["name"]
        is_first = all(case["name"] != name for case in asked)
        asked.append(json.loads(visit.body))
        if visit.headers.get("authorization") != f"Bearer {TOKEN}":
            await answer(b"", status=401)(visit)
        elif name == "silence" or (name == "stutter" and is_first):
            await broken(visit)
        else:
            await decide(visit)

    url = shelf.behave("/judge", behave)
    allow = f"127.0.0.1:{shelf.origin.port}"
    with make_service(moderator=url, moderator_allow=allow, moderator_token=TOKEN, moderator_timeout=30) as service:
        yield service


@pytest.fixture(scope="module")
def caller(moderated: Service) -> SparkClient:
    """A caller with an ordinary key."""
    return moderated.client()


@pytest.fixture(scope="module")
def cast(caller: SparkClient) -> str:
    """A group."""
    return caller.create_group("cast")


@pytest.fixture(scope="module")
def picture(shelf: Shelf, media: Path) -> str:
    """The address of a picture."""
    return shelf.put("/moderated.jpg", make_jpeg(media / "moderated.jpg", 400, 400))


@pytest.fixture(scope="module", autouse=True)
def silenced(caller: SparkClient, cast: str, picture: str) -> str:
    """A task that gets no verdict; its attempts take seconds, in which the other tests run."""
    return caller.submit_asset(cast, picture, name="silence")


def test_a_refused_asset_fails_and_says_why(caller: SparkClient, cast: str, picture: str) -> None:
    task = caller.ended(caller.submit_asset(cast, picture, name="weapon"))
    assert task["status"] == "failed"
    assert task["error"]["code"] == "InvalidParameter.ContentRestricted"
    assert task["error"]["message"] == "shows a weapon"
    asset = caller.get_asset(task["metadata"]["asset_id"])
    assert (asset["Status"], asset["URL"]) == ("Failed", "")
    assert asset["Error"] == {"Code": "ContentRestricted", "Message": "shows a weapon"}


def test_each_kind_of_media_is_shown_as_a_picture(
    caller: SparkClient, cast: str, shelf: Shelf, media: Path, picture: str, asked: list[dict[str, Any]]
) -> None:
    video = shelf.put("/moderated.mp4", make_video(media / "moderated.mp4", 640, 640))
    sound = shelf.put("/moderated.wav", make_wav(media / "moderated.wav"))
    kinds = {"Image": picture, "Video": video, "Audio": sound}
    tasks = {kind: caller.submit_asset(cast, url, kind, f"shown {kind}") for kind, url in kinds.items()}
    for kind, task_id in tasks.items():
        asset_id = result(caller.completed(task_id))["Id"]
        (told,) = (case for case in asked if case["name"] == f"shown {kind}")
        assert (told["asset_id"], told["type"]) == (asset_id, kind)
        assert told["sha256"] == caller.get_asset(asset_id)["Sha256"]
        assert told["rendition"]["media_type"] == "image/jpeg"
        assert told["rendition"]["data"].startswith("/9j/")  # a JPEG in base64


def test_an_endpoint_that_stutters_is_asked_again(caller: SparkClient, cast: str, picture: str) -> None:
    task = caller.completed(caller.submit_asset(cast, picture, name="stutter"))
    assert task["metadata"]["attempts"] == 2


def test_only_a_key_with_the_scope_may_skip_the_moderator(moderated: Service, cast: str, picture: str, asked: list[dict[str, Any]]) -> None:
    plain = moderated.client()
    trusted = moderated.client("--scope", "assets:read", "--scope", "assets:write", "--scope", "moderation:skip")
    skip = {"Moderation": {"Strategy": "Skip"}}
    refused = plain.ended(plain.submit_asset(cast, picture, name="weapon of a stranger", **skip))
    assert refused["error"]["code"] == "InvalidParameter.ContentRestricted"
    assert plain.get_asset(refused["metadata"]["asset_id"])["Moderation"] == {"Strategy": "Default"}
    asset_id = trusted.create_asset(cast, picture, name="weapon of a friend", **skip)
    assert trusted.get_asset(asset_id)["Moderation"] == {"Strategy": "Skip"}
    assert [case["name"] for case in asked if "of a" in case["name"]] == ["weapon of a stranger"]
    assert trusted.ended(trusted.submit_asset(cast, picture, name="weapon unskipped"))["status"] == "failed"


def test_the_doctor_tells_of_the_moderator_and_keeps_its_token(moderated: Service, shelf: Shelf) -> None:
    answer = moderated.in_process("doctor", "--json")
    assert answer.exit_code == 0, answer.output
    assert TOKEN not in answer.output
    findings = {finding["part"]: finding["message"] for finding in json.loads(answer.stdout)["findings"]}
    assert findings["moderator"] == f"asks http://127.0.0.1:{shelf.origin.port}, which gets 30 s"


def test_an_installed_moderator_judges_in_a_server(size: str, shelf: Shelf, picture: str, tmp_path: Path) -> None:
    if size == "fleet":
        pytest.skip("which database is used makes no difference to a plug-in")
    packages = install_package(tmp_path, "strict_plug_in", PLUG_IN, strict="Strict")
    service = embedded(source_allow="127.0.0.0/8", drain_timeout=5, moderator="strict")
    service.server.variables["PYTHONPATH"] = str(packages)
    with service:
        client = service.client()
        group = client.create_group("cast")
        assert client.ended(client.submit_asset(group, picture, name="hero"))["error"]["message"] == "no heroes please"
        client.create_asset(group, picture, name="villain")


def test_a_moderator_that_cannot_be_used_stops_the_start(size: str) -> None:
    if size == "fleet":
        pytest.skip("the settings are read alike for every size")
    for value in ("unheard-of", "http://user:word@127.0.0.1/"):
        service = embedded(moderator=value)
        service.variables["SPARK_ASSETS_HOME"] = str(service.server.folder / "home")
        finished = service.command("serve")
        service.close()
        assert finished.returncode == 1
        assert finished.stderr.startswith("spark-assets: SPARK_ASSETS_MODERATOR cannot be used: ")


def test_without_a_verdict_nothing_is_allowed(caller: SparkClient, silenced: str) -> None:
    error = caller.ended(silenced)["error"]
    assert (error["code"], error["reason"]) == ("InternalError", "attempts_exhausted")
    assert "127.0.0.1" not in error["message"]
