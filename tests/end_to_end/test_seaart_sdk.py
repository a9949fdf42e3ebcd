"""The Python SDK of the vendor's gateway, unmodified, pointed at a service of ours."""

import pytest
from seaart_sdk import ERR_AUTH, ERR_GENERAL, ERR_TASK_FAILED, Client, ClientConfig, SeaArtError, new_task
from seaart_sdk import with_poll_callback as callback
from seaart_sdk import with_poll_interval as interval

from tests.end_to_end.shelf import Shelf, slowly
from tests.factories.http import SparkClient, result
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service

OFTEN = interval(0.05)


@pytest.fixture
def sdk(client: SparkClient) -> Client:
    """The SDK with an ordinary key."""
    return Client(ClientConfig(api_key=client.key, base_url=client.base_url))


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A picture that is accepted."""
    return make_jpeg(tmp_path_factory.mktemp("sdk") / "x.jpg").read_bytes()


def _create_group(sdk: Client) -> str:
    task = sdk.modal.create({"model": "spark_asset_create_group", "Name": "hero", "GroupType": "AIGC"}).wait(OFTEN)
    assert task.status == "completed"
    return str(task.output[0].content[0].job_id)


def test_the_sdk_creates_a_group_and_an_asset_and_reads_it(sdk: Client, client: SparkClient, shelf: Shelf, content: bytes) -> None:
    group = _create_group(sdk)
    created = sdk.modal.create(
        {"model": "spark_asset_create", "Name": "hero", "URL": shelf.put("/sdk.jpg", content), "AssetType": "Image", "GroupId": group}
    )
    assert created.status == "in_progress"
    task = created.wait(OFTEN)
    asset_id = task.output[0].content[0].job_id
    assert task.usage is not None
    assert task.metadata is not None
    assert task.metadata.completed_at >= task.metadata.in_queue_at > 0
    read = sdk.modal.create({"model": "spark_asset_get", "Id": asset_id}).wait(OFTEN)
    assert read.output[0].content[0].job_id == asset_id
    # The SDK keeps nothing else of a result, so what it has made is looked at without it.
    shown = result(client.poll(read.id))
    assert (shown["Id"], shown["Status"], shown["GroupId"]) == (asset_id, "Active", group)


def test_the_sdks_task_builder_works(sdk: Client) -> None:
    body = new_task("spark_asset_create_group").param("Name", "built").param("GroupType", "AIGC").metadata("trace", 1).option("x", True)
    assert sdk.modal.create(body.build()).wait(OFTEN).status == "completed"


def test_the_sdk_reports_a_failed_asset_with_our_message(sdk: Client, shelf: Shelf, content: bytes) -> None:
    group = _create_group(sdk)
    body = {"model": "spark_asset_create", "Name": "x", "URL": shelf.put("/small.jpg", content), "AssetType": "Video", "GroupId": group}
    task = sdk.modal.create(body)
    with pytest.raises(SeaArtError) as raised:
        task.wait(OFTEN)
    assert raised.value.kind == ERR_TASK_FAILED
    assert raised.value.task_id == task.id
    assert raised.value.message == "task failed: InvalidParameter.TypeMismatch: the file is an Image (jpeg), but AssetType says Video"


def test_the_sdk_reports_a_refused_request_with_our_message(sdk: Client) -> None:
    with pytest.raises(SeaArtError) as raised:
        sdk.modal.create({"model": "spark_asset_create_group", "GroupType": "AIGC"})
    assert (raised.value.kind, raised.value.status) == (ERR_GENERAL, 400)
    assert raised.value.message == "MissingParameter.Name: the parameter Name is required"


def test_the_sdk_reports_a_wrong_key(client: SparkClient) -> None:
    stranger = Client(ClientConfig(api_key="sk_wrong", base_url=client.base_url))
    with pytest.raises(SeaArtError) as raised:
        stranger.modal.create({"model": "spark_asset_get", "Id": "x"})
    assert (raised.value.kind, raised.value.status) == (ERR_AUTH, 401)
    assert raised.value.message.startswith("InvalidApiKey: ")


def test_the_sdk_reports_an_unknown_task(sdk: Client) -> None:
    with pytest.raises(SeaArtError) as raised:
        sdk.modal.get("0" * 20)
    assert raised.value.status == 404
    assert raised.value.message.startswith("NotFound.task_id: ")


def test_the_sdk_names_a_project(service: Service, client: SparkClient) -> None:
    service.quick_command("projects", "create", "campaign")
    named = Client(ClientConfig(api_key=client.key, base_url=client.base_url, project="campaign"))
    group = _create_group(named)
    body = {"model": "spark_asset_create", "Name": "x", "URL": "http://127.0.0.1/x.jpg", "AssetType": "Image", "GroupId": group}
    elsewhere = Client(ClientConfig(api_key=client.key, base_url=client.base_url))
    with pytest.raises(SeaArtError, match=r"NotFound\.group_id"):
        elsewhere.modal.create(body)
    assert named.modal.create(body).id
    unknown = Client(ClientConfig(api_key=client.key, base_url=client.base_url, project="no such"))
    with pytest.raises(SeaArtError, match=r"NotFound\.ProjectName"):
        unknown.modal.create(body)


def test_the_sdk_sees_progress_grow(sdk: Client, shelf: Shelf, content: bytes) -> None:
    group = _create_group(sdk)
    url = shelf.behave("/slow-sdk.jpg", slowly(content, 1.8, parts=20))
    seen: list[tuple[str, float]] = []
    task = sdk.modal.create({"model": "spark_asset_create", "Name": "x", "URL": url, "AssetType": "Image", "GroupId": group})
    task.wait(OFTEN, callback(lambda status, progress: seen.append((status, progress))))
    growing = [progress for status, progress in seen if status == "in_progress"]
    assert growing == sorted(growing)
    assert len(set(growing)) >= 2
    assert seen[-1][0] == "completed"
