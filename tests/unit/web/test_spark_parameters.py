from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain.errors import InvalidParameter, MissingParameter, NotFound
from spark_assets.domain.parameters import CREATE_ASSET, CREATE_GROUP, OPERATIONS
from spark_assets.web.spark.parameters import collect, find_operation

GIVEN = {"Name": "cast", "GroupType": "AIGC", "Description": "x"}
MODEL = CREATE_GROUP.model


def _placed(top: dict[str, Any], inputs: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    return {"model": MODEL, **top, "input": [{"params": inputs}], "parameters": parameters}


@pytest.mark.parametrize(
    "body",
    [
        {"model": MODEL, **GIVEN},
        {"model": MODEL, "input": [{"params": GIVEN}]},
        {"model": MODEL, "parameters": GIVEN},
        {"model": MODEL, **GIVEN, "input": [], "parameters": None},
        {"model": MODEL, **GIVEN, "input": [{"params": None}], "parameters": {}},
        {"model": MODEL, **GIVEN, "input": [{}], "parameters": {}},
        {"model": MODEL, **GIVEN, "input": [{"params": {}}, {"params": {"Name": "second inputs are ignored"}}]},
        _placed(GIVEN, GIVEN, GIVEN),
    ],
)
def test_parameters_are_found_in_each_of_the_three_places(body: dict[str, Any]) -> None:
    assert collect(body, CREATE_GROUP) == GIVEN


@given(st.dictionaries(st.sampled_from(list(GIVEN)), st.sampled_from(["top", "input", "parameters"]), min_size=3))
def test_parameters_may_be_spread_over_the_places(places: dict[str, str]) -> None:
    spread: dict[str, dict[str, Any]] = {"top": {}, "input": {}, "parameters": {}}
    for name, place in places.items():
        spread[place][name] = GIVEN[name]
    assert collect(_placed(spread["top"], spread["input"], spread["parameters"]), CREATE_GROUP) == GIVEN


@pytest.mark.parametrize(
    ("one", "other"),
    [("cast", "crew"), (1, True), (0, False), (1, 1.0), ("1", 1), ([], {}), ({"a": 1}, {"a": 2})],
)
def test_different_values_in_two_places_are_refused(one: Any, other: Any) -> None:
    for body in (
        _placed({"Name": one}, {"Name": other}, {}),
        _placed({"Name": one}, {}, {"Name": other}),
        _placed({}, {"Name": one}, {"Name": other}),
    ):
        with pytest.raises(InvalidParameter) as refused:
            collect(body, CREATE_GROUP)
        assert refused.value.param == "Name"


def test_null_in_one_place_does_not_contradict_a_value_in_another() -> None:
    assert collect(_placed({"Name": None}, {"Name": "cast"}, {"Name": None}), CREATE_GROUP) == {"Name": "cast"}


def test_unknown_keys_may_differ_between_places() -> None:
    collect(_placed({"seed": 1}, {"seed": 2}, {"seed": 3}), CREATE_GROUP)


def test_the_gateways_own_keys_are_no_parameters_at_the_top_level() -> None:
    body = {"model": "m", "id": 1, "moderation": True, "metadata": {"a": 1}, "options": {}, **GIVEN}
    assert CREATE_ASSET.model != MODEL
    assert collect(body, CREATE_GROUP) == GIVEN


@pytest.mark.parametrize("value", ["x", 1, True, {}, {"params": {}}, ["x"], [[]], [{}, 1], [{"params": "x"}], [{"params": []}]])
def test_an_input_of_the_wrong_type_is_refused(value: object) -> None:
    with pytest.raises(InvalidParameter) as refused:
        collect({"model": MODEL, "input": value}, CREATE_GROUP)
    assert refused.value.param == "input"


@pytest.mark.parametrize("value", ["x", 1, True, [], [{}]])
def test_parameters_of_the_wrong_type_are_refused(value: object) -> None:
    with pytest.raises(InvalidParameter) as refused:
        collect({"model": MODEL, "parameters": value}, CREATE_GROUP)
    assert refused.value.param == "parameters"


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_the_model_is_taken_from_the_body_else_from_the_header(operation: Any) -> None:
    header = operation.model.encode()
    assert find_operation({"model": operation.model}, None) is operation
    assert find_operation({"model": operation.model}, b"something else") is operation
    for body in ({}, {"model": None}, {"model": ""}):
        assert find_operation(body, header) is operation
        assert find_operation(body, b"  " + header + b" ") is operation


@pytest.mark.parametrize("header", [None, b"", b"  "])
def test_without_a_model_it_is_missing(header: bytes | None) -> None:
    with pytest.raises(MissingParameter) as refused:
        find_operation({}, header)
    assert refused.value.code == "MissingParameter.model"


@pytest.mark.parametrize("model", [0, 1, True, False, [], {}, ["spark_asset_get"]])
def test_a_model_that_is_no_text_is_invalid_whatever_the_header_says(model: object) -> None:
    with pytest.raises(InvalidParameter) as refused:
        find_operation({"model": model}, MODEL.encode())
    assert refused.value.code == "InvalidParameter.model"


@pytest.mark.parametrize("model", ["spark_asset_none", "Spark_Asset_Get", "spark_asset_get ", "\0"])
def test_an_unknown_model_is_not_found(model: str) -> None:
    with pytest.raises(NotFound) as refused:
        find_operation({"model": model}, None)
    assert refused.value.code == "NotFound.model"
