"""What bytes a caller has already: found by their hash, in all projects of the key and in no other."""

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service

PROJECTS = ("bytes-one", "bytes-two", "bytes-foreign")


@pytest.fixture(scope="module")
def url(service: Service, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a picture that nobody else registers."""
    for name in PROJECTS:
        service.quick_command("projects", "create", name)
    return shelf.put("/known.jpg", make_jpeg(tmp_path_factory.mktemp("known") / "x.jpg", 411, 417))


def _register(caller: SparkClient, url: str, project: str) -> str:
    group = caller.create_group(ProjectName=project)
    return caller.create_asset(group, url, ProjectName=project)


def test_bytes_are_found_in_every_project_of_the_key_and_in_no_other(service: Service, url: str) -> None:
    caller = service.client("--project", PROJECTS[0], "--project", PROJECTS[1])
    foreigner = service.client("--project", PROJECTS[2])
    mine = [_register(caller, url, project) for project in PROJECTS[:2]]
    other = _register(foreigner, url, PROJECTS[2])
    sha256 = foreigner.get_v1_asset(other)["sha256"]

    def found(asking: SparkClient, more: str = "") -> list[tuple[str, str]]:
        items = asking.request("GET", f"/v1/assets?sha256={sha256}{more}").json()["items"]
        return [(item["id"], item["project"]) for item in items]

    assert found(caller) == [(mine[1], PROJECTS[1]), (mine[0], PROJECTS[0])]
    assert found(caller, f"&project={PROJECTS[0]}") == [(mine[0], PROJECTS[0])]
    assert found(foreigner) == [(other, PROJECTS[2])]
    first = caller.request("GET", f"/v1/assets?sha256={sha256}&limit=1").json()
    rest = caller.request("GET", f"/v1/assets?sha256={sha256}&limit=1&cursor={first['next_cursor']}").json()
    assert [item["id"] for item in first["items"] + rest["items"]] == mine[::-1]
    assert rest["next_cursor"] is None
