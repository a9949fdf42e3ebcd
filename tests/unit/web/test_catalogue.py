import pytest
from msgspec import json

from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.parameters import OPERATIONS, Operation
from spark_assets.web.catalogue.entries import models, spec
from spark_assets.web.catalogue.pages import agent_prompt, example_body, page

BASE = "https://assets.example.com/api"
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))


def test_every_model_is_in_the_catalogue() -> None:
    assert [model.id for model in models()] == list(OPERATIONS)


@every_operation
def test_a_spec_tells_of_every_parameter_that_may_be_sent(operation: Operation) -> None:
    shown = json.decode(json.encode(spec(operation, BASE)))
    assert shown["api"]["endpoint"] == "https://assets.example.com/api/model/v1/generation"
    required = [parameter["name"] for parameter in shown["parameters"] if parameter["required"]]
    optional = [parameter["name"] for parameter in shown["parameters"] if not parameter["required"]]
    assert required == [parameter.name for parameter in operation.required]
    assert optional == [parameter.name for parameter in operation.optional]
    for parameter in shown["parameters"]:
        assert set(parameter) >= {"name", "path", "type", "required", "description", "constraints"}
        assert parameter["path"] == f"input[0].params.{parameter['name']}"
        assert set(parameter["constraints"]) <= {"enum", "default", "min", "max", "min_length", "max_length", "max_items"}


@every_operation
def test_the_examples_of_a_spec_are_accepted_by_the_operation(operation: Operation) -> None:
    shown = json.decode(json.encode(spec(operation, BASE)))
    given = {parameter["name"]: parameter["example"] for parameter in shown["parameters"] if "example" in parameter}
    operation.read(given)


@every_operation
def test_the_limits_of_a_spec_are_those_of_the_operation(operation: Operation) -> None:
    """At a limit a value is taken, beyond it refused."""
    readers = {parameter.name: parameter for parameter in operation.required + operation.optional}
    for parameter in spec(operation, BASE).parameters:
        limits, reader = parameter.constraints, readers[parameter.name]
        good: list[object] = []
        bad: list[object] = []
        if isinstance(limits.max, int) and isinstance(limits.min, int):
            good, bad = [limits.min, limits.max], [limits.min - 1, limits.max + 1]
        if isinstance(limits.max_length, int):
            good, bad = ["x" * limits.max_length], ["x" * (limits.max_length + 1)]
        if isinstance(limits.max_items, int):
            good = [[str(number) for number in range(limits.max_items)]]
            bad = [[str(number) for number in range(limits.max_items + 1)]]
        if isinstance(limits.enum, tuple):
            good, bad = list(limits.enum), ["something else"]
        for value in good:
            reader.read(reader.name, value)
        for value in bad:
            with pytest.raises(InvalidParameter, match=reader.name):
                reader.read(reader.name, value)


@every_operation
def test_a_page_shows_every_parameter_and_an_example_that_works(operation: Operation) -> None:
    shown = page(operation, BASE)
    for parameter in operation.required + operation.optional:
        assert f"| `{parameter.name}` |" in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("  -d '")]
    body = json.decode(line.removeprefix("  -d '").removesuffix("'"))
    assert body == example_body(operation)
    assert body.pop("model") == operation.model
    operation.read(body)


@every_operation
def test_an_agent_is_told_in_one_paragraph_how_to_send_and_how_to_wait(operation: Operation) -> None:
    told = agent_prompt(operation, BASE)
    assert "\n" not in told
    for words in (
        operation.model,
        f"POST {BASE}/model/v1/generation ",
        "/task/<id>",
        "Authorization",
        *(p.name for p in operation.required),
    ):
        assert words in told


def test_the_keys_of_a_filter_are_its_children() -> None:
    (shown,) = [parameter for parameter in spec(OPERATIONS["spark_asset_list"], BASE).parameters if parameter.name == "Filter"]
    assert isinstance(shown.children, list)
    assert [child.path for child in shown.children][:2] == ["input[0].params.Filter.GroupIds", "input[0].params.Filter.GroupType"]
