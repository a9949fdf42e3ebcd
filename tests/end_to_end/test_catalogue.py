"""The catalogue of models as real clients ask for it: some without a key, and one SDK unmodified."""

from typing import Any
from urllib.parse import urlencode

import pytest
from seaart_sdk import Client, ClientConfig, ModelSearchParams, SeaArtError

from spark_assets.domain.parameters import OPERATIONS
from tests.factories.http import Answer, SparkClient, send

MODELS = "/api/v1/skill/models"
SEARCH = "/model/v1/models/skill/search"


@pytest.fixture
def sdk(client: SparkClient) -> Client:
    """The SDK with an ordinary key."""
    return Client(ClientConfig(api_key=client.key, base_url=client.base_url))


def _get(client: SparkClient, path: str, **query: str) -> Answer:
    """Without a key."""
    return send("GET", f"{client.base_url}{path}?{urlencode(query)}")


def _data(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    shown = answer.json()
    assert shown["status"] == {"code": 200, "message": ""}
    return shown["data"]


def test_the_models_are_listed_page_by_page_without_a_key(client: SparkClient) -> None:
    first = _data(_get(client, MODELS, page_size="7"))
    second = _data(_get(client, MODELS, page="2", page_size="7"))
    assert [model["id"] for model in first["models"] + second["models"]] == list(OPERATIONS)
    assert {name: first[name] for name in ("total", "page", "page_size", "total_pages")} == {
        "total": 10,
        "page": 1,
        "page_size": 7,
        "total_pages": 2,
    }
    assert set(first["models"][0]) == {"id", "name", "type", "description", "input_modalities", "output_modalities"}
    assert _data(_get(client, MODELS, page="9"))["models"] == []


def test_the_models_are_filtered_by_type_and_by_keywords(client: SparkClient) -> None:
    found = _data(_get(client, MODELS, type="asset", keywords="DELETE group"))
    assert [model["id"] for model in found["models"]] == ["spark_asset_delete_group"]
    assert [model["name"] for model in _data(_get(client, MODELS, keywords="deleteAsset group"))["models"]] == ["DeleteAssetGroup"]
    assert _data(_get(client, MODELS, type="video"))["total"] == 0
    assert _data(_get(client, MODELS, keywords="delete video"))["total"] == 0


@pytest.mark.parametrize(
    ("path", "query", "param"),
    [
        (MODELS, {"page": "0"}, "page"),
        (MODELS, {"page": "1.5"}, "page"),
        (MODELS, {"page_size": "101"}, "page_size"),
        (SEARCH, {"limit": "-1"}, "limit"),
        (SEARCH, {"limit": "9" * 5000}, "limit"),
    ],
)
def test_a_number_that_is_none_is_refused_by_name(client: SparkClient, path: str, query: dict[str, str], param: str) -> None:
    refused = _get(client, path, **query)
    assert (refused.status, refused.code) == (400, f"InvalidParameter.{param}")


def test_a_spec_leads_to_a_task(client: SparkClient) -> None:
    spec = _data(_get(client, f"{MODELS}/spark_asset_create_group/spec"))
    assert spec["api"]["endpoint"] == f"{client.base_url}/model/v1/generation"
    required = {parameter["name"]: parameter["example"] for parameter in spec["parameters"] if parameter["required"]}
    submitted = client.post({"model": spec["model_id"], "input": [{"params": required}]})
    assert submitted.status == 200
    answer = client.request("GET", f"{spec['api']['endpoint'].removeprefix(client.base_url)}/task/{submitted.json()['id']}")
    assert answer.json()["status"] == "completed"


@pytest.mark.parametrize("path", [f"{MODELS}/nope/spec", "/model/v1/models/skill/nope"])
def test_an_unknown_model_is_not_found(client: SparkClient, path: str) -> None:
    refused = _get(client, path)
    assert (refused.status, refused.code) == (404, "NotFound.model")


@pytest.mark.parametrize("path", [MODELS, f"{MODELS}/spark_asset_get/spec", SEARCH, "/model/v1/models/skill/spark_asset_get"])
def test_the_catalogue_is_only_read(client: SparkClient, path: str) -> None:
    assert send("HEAD", client.base_url + path).status == 200
    refused = send("POST", client.base_url + path, body=b"{}")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


def test_a_search_answers_as_search_engines_do(client: SparkClient) -> None:
    answer = _get(client, SEARCH, q="list", limit="1")
    assert answer.status == 200
    shown = answer.json()
    assert set(shown) == {"hits", "query", "processingTimeMs", "limit", "offset", "estimatedTotalHits"}
    assert (shown["query"], shown["limit"], shown["offset"], shown["estimatedTotalHits"]) == ("list", 1, 0, 2)
    assert [hit["id"] for hit in shown["hits"]] == ["spark_asset_list"]


def test_the_sdk_searches_the_models(sdk: Client) -> None:
    everything = sdk.modal.list_models()
    assert [hit["name"] for hit in everything.hits] == list(OPERATIONS)
    found = sdk.modal.search_models(
        ModelSearchParams(query="register", input="video", output="text", type="asset", provider="spark-assets", limit=5)
    )
    assert (found.query, found.limit, found.estimated_total_hits) == ("register", 5, 1)
    assert found.hits[0]["name"] == "spark_asset_create"
    for nothing in (ModelSearchParams(input="smell"), ModelSearchParams(provider="other"), ModelSearchParams(query="dance")):
        assert sdk.modal.list_models(nothing).hits == []


def test_the_sdk_reads_the_page_of_a_model(sdk: Client, client: SparkClient) -> None:
    shown = sdk.modal.get_model_skill("spark_asset_create")
    assert shown.startswith("# spark_asset_create\n")
    assert f"curl {client.base_url}/model/v1/generation" in shown
    with pytest.raises(SeaArtError, match=r"NotFound\.model"):
        sdk.modal.get_model_skill("nope")


def test_a_page_is_markdown(client: SparkClient) -> None:
    assert _get(client, "/model/v1/models/skill/spark_asset_get").headers["content-type"] == "text/markdown; charset=utf-8"
