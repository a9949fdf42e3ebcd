"""Each limit of the media policy `ark`, just inside and just outside, and each kind of file that is no such media at all."""

from pathlib import Path

import pytest

from tests.end_to_end.limit_cases import CASES, Case
from tests.end_to_end.shelf import Shelf, declared
from tests.factories.http import Json, SparkClient, result
from tests.factories.origin import answer, redirect
from tests.factories.spark_processes import Service


@pytest.fixture(scope="session")
def addresses(shelf: Shelf, media: Path) -> dict[str, str]:
    """Where each case's file is served."""
    return {case.name: case.place(shelf, media / case.name.replace(" ", "-")) for case in CASES}


@pytest.fixture(scope="module")
def ended(client: SparkClient, group: str, addresses: dict[str, str]) -> dict[str, Json]:
    """The ended task of each case, all submitted at once."""
    tasks = {case.name: client.submit_asset(group, addresses[case.name], case.type, case.name[:64]) for case in CASES}
    return {name: client.ended(task) for name, task in tasks.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_file_at_a_limit_ends_as_the_policy_says(client: SparkClient, ended: dict[str, Json], case: Case) -> None:
    task = ended[case.name]
    if case.code is None:
        assert task["status"] == "completed", task["error"]
        assert client.get_asset(result(task)["Id"])["Status"] == "Active"
        return
    assert task["status"] == "failed", task
    error = task["error"]
    assert error["code"] == f"InvalidParameter.{case.code}"
    assert error["error_message"] == f"{error['code']}: {error['message']}"
    assert case.says in error["message"]
    asset = client.get_asset(task["metadata"]["asset_id"])
    assert asset["Status"] == "Failed"
    assert asset["URL"] == ""
    assert asset["Error"] == {"Code": case.code, "Message": error["message"]}
    assert asset.keys().isdisjoint({"Sha256", "Size", "Format", "Width", "Height", "Duration"})


def test_a_failed_download_says_why(client: SparkClient, group: str, shelf: Shelf) -> None:
    addresses = {
        "http_status": shelf.behave("/gone", answer(b"no", status=410)),
        "incomplete": shelf.behave("/half", declared(5000, bytes(2000))),
        "empty_body": shelf.put("/empty", b""),
        "bad_redirect": shelf.behave("/astray", redirect(None)),
        "too_many_redirects": shelf.behave("/circle", redirect("/circle")),
        "bad_encoding": shelf.behave("/packed", answer(b"xx", headers={"Content-Encoding": "gzip"})),
    }
    tasks = {reason: client.submit_asset(group, url) for reason, url in addresses.items()}
    for reason, task_id in tasks.items():
        error = client.ended(task_id)["error"]
        assert (error["code"], error["reason"]) == ("InvalidParameter.DownloadFailed", reason)
        assert "127.0.0.1" not in error["message"]


def test_a_refused_address_is_never_asked(client: SparkClient, group: str) -> None:
    for url in ("http://169.254.169.254/latest/meta-data", "http://[::ffff:10.0.0.1]/x", "http://10.1.2.3/x.jpg"):
        error = client.ended(client.submit_asset(group, url))["error"]
        assert (error["code"], error["reason"]) == ("InvalidParameter.DownloadFailed", "blocked_address")


def test_the_address_of_the_server_itself_is_refused_although_loopback_is_allowed(
    service: Service, client: SparkClient, group: str
) -> None:
    if service.is_fleet:
        pytest.skip("a worker on another machine does not know where its servers listen")
    error = client.ended(client.submit_asset(group, f"{service.base_url}/healthz"))["error"]
    assert (error["code"], error["reason"]) == ("InvalidParameter.DownloadFailed", "blocked_address")
