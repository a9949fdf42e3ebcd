import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain.asset import ModerationStrategy
from spark_assets.domain.errors import InvalidParameter, MissingParameter
from spark_assets.domain.group import GroupType
from spark_assets.domain.media import AssetType
from spark_assets.domain.parameters import (
    CREATE_ASSET,
    CREATE_GROUP,
    GET_ASSET,
    LIST_ASSETS,
    LIST_GROUPS,
    OPERATIONS,
    UPDATE_ASSET,
    UPDATE_GROUP,
    Operation,
)

GROUP = {"Name": "cast", "GroupType": "AIGC"}
ASSET = {"Name": "hero", "URL": "https://example.com/hero.jpg", "AssetType": "Image", "GroupId": "group-1"}
GET = {"Id": "asset-1"}
LIST = {"Filter": {}}
COMPLETE = dict.fromkeys(OPERATIONS, GET) | {
    CREATE_GROUP.model: GROUP,
    CREATE_ASSET.model: ASSET,
    LIST_ASSETS.model: LIST,
    LIST_GROUPS.model: LIST,
}
WRONG_TYPES: tuple[Any, ...] = (1, 1.5, True, False, [], {}, ["x"], {"a": 1})
DECOMPOSED = "e\u0301"  # one character after NFC
EXPANDING = "\u0958"  # two characters after NFC

EVERY_PARAMETER = [
    (operation, parameter.name) for operation in OPERATIONS.values() for parameter in operation.required + operation.optional
]
REQUIRED = [(operation, parameter.name) for operation in OPERATIONS.values() for parameter in operation.required]
OPTIONAL = [(operation, parameter.name) for operation in OPERATIONS.values() for parameter in operation.optional]

AT_THE_LIMIT: list[tuple[Operation, str, Any]] = [
    (CREATE_GROUP, "Name", "x" * 64),
    (CREATE_GROUP, "Name", "x"),
    (CREATE_GROUP, "Name", " padded "),
    (CREATE_GROUP, "Name", "🎬" * 64),
    (CREATE_GROUP, "Name", DECOMPOSED * 64),
    (CREATE_GROUP, "Name", EXPANDING * 32),
    (CREATE_GROUP, "Name", "</script>'\";--"),
    (CREATE_GROUP, "Name", "a\u202eb\u200bc"),
    (CREATE_GROUP, "Description", "x" * 300),
    (CREATE_GROUP, "Description", ""),
    (CREATE_GROUP, "Description", "   "),
    (CREATE_ASSET, "Name", "é" * 64),
    (CREATE_ASSET, "URL", "https://e.com/" + "x" * (8192 - 14)),
    (CREATE_ASSET, "ExternalId", "x" * 128),
    (CREATE_ASSET, "GroupId", "anything at all"),
    (CREATE_ASSET, "Metadata", {}),
    (CREATE_ASSET, "Metadata", {"a": "x" * (8192 - 8)}),
    (CREATE_ASSET, "Metadata", {"deep": [1, 2.5, None, True, {"ü": "🎬"}]}),
    (GET_ASSET, "Id", "x" * 10_000),
    (UPDATE_ASSET, "Metadata", {}),
    (UPDATE_GROUP, "Description", ""),
    *((LIST_ASSETS, name, value) for name in ("PageSize", "MaxResults") for value in (1, 100)),
    (LIST_ASSETS, "PageNumber", 1),
    (LIST_GROUPS, "PageNumber", 1_000_000),
    (LIST_ASSETS, "NextToken", ""),
]
OVER_THE_LIMIT: list[tuple[Operation, str, Any]] = [
    (CREATE_GROUP, "Name", "x" * 65),
    (CREATE_GROUP, "Name", "🎬" * 65),
    (CREATE_GROUP, "Name", DECOMPOSED * 65),
    (CREATE_GROUP, "Name", EXPANDING * 33),
    *((CREATE_GROUP, "Name", blank) for blank in (" ", "\u3000", "\u00a0 \u2003")),
    *((CREATE_GROUP, "Name", f"a{control}b") for control in "\0\t\n\r\x1f\x7f\x80\x85\x9f"),
    (CREATE_GROUP, "GroupType", "LivenessFace"),
    (CREATE_GROUP, "GroupType", "aigc"),
    (CREATE_GROUP, "Description", "x" * 301),
    (CREATE_GROUP, "Description", "two\nlines"),
    (CREATE_ASSET, "AssetType", "image"),
    (CREATE_ASSET, "AssetType", "Text"),
    (CREATE_ASSET, "URL", "https://e.com/" + "x" * (8193 - 14)),
    (CREATE_ASSET, "ExternalId", "x" * 129),
    (CREATE_ASSET, "ExternalId", " "),
    (CREATE_ASSET, "ExternalId", ""),
    (CREATE_ASSET, "Tags", [f"tag {number}" for number in range(33)]),
    (CREATE_ASSET, "Tags", ["x" * 65]),
    (CREATE_ASSET, "Tags", [""]),
    (CREATE_ASSET, "Tags", ["ok", " "]),
    (CREATE_ASSET, "Tags", ["ok", 1]),
    (CREATE_ASSET, "Tags", ["ok", None]),
    (CREATE_ASSET, "Tags", "night"),
    (CREATE_ASSET, "Metadata", {"a": "x" * (8192 - 7)}),
    (CREATE_ASSET, "Metadata", {"a": "ü" * 4093}),
    (CREATE_ASSET, "Moderation", {"Strategy": "skip"}),
    (CREATE_ASSET, "Moderation", {"strategy": "Skip"}),
    (CREATE_ASSET, "Moderation", {"Strategy": 1}),
    (CREATE_ASSET, "Moderation", {"Strategy": ["Skip"]}),
    (CREATE_ASSET, "Moderation", {"Strategy": {}}),
    (UPDATE_ASSET, "Name", " "),
    *((LIST_ASSETS, name, value) for name in ("PageSize", "MaxResults") for value in (0, -1, 101, 10**30, "10", 10.5, True)),
    (LIST_ASSETS, "PageNumber", 0),
    (LIST_GROUPS, "PageNumber", 1_000_001),
    (LIST_ASSETS, "SortBy", "createtime"),
    (LIST_GROUPS, "SortBy", "GroupId"),
    (LIST_ASSETS, "SortOrder", "desc"),
]


def _name_of(item: object) -> str:
    return item.model if isinstance(item, Operation) else repr(item)[:30]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=_name_of)
def test_what_is_required_is_enough(operation: Operation) -> None:
    values = operation.read(COMPLETE[operation.model])
    assert set(values) == {parameter.field for parameter in operation.required}


@pytest.mark.parametrize(("operation", "name"), REQUIRED, ids=_name_of)
@pytest.mark.parametrize("absence", ["absent", None, ""], ids=["absent", "null", "empty"])
def test_a_required_parameter_that_is_not_there_is_missing(operation: Operation, name: str, absence: object) -> None:
    given = {**COMPLETE[operation.model], name: absence}
    if absence == "absent":
        del given[name]
    with pytest.raises(MissingParameter) as refused:
        operation.read(given)
    assert (refused.value.code, refused.value.param) == (f"MissingParameter.{name}", name)


@pytest.mark.parametrize(("operation", "name"), OPTIONAL, ids=_name_of)
def test_an_optional_parameter_may_be_absent_or_null(operation: Operation, name: str) -> None:
    assert operation.read({**COMPLETE[operation.model], name: None}) == operation.read(COMPLETE[operation.model])


@pytest.mark.parametrize(("operation", "name"), EVERY_PARAMETER, ids=_name_of)
def test_a_value_of_the_wrong_type_is_invalid(operation: Operation, name: str) -> None:
    for value in WRONG_TYPES:
        objects, numbers = type(value) is dict, type(value) is int
        fits = {"Tags": type(value) is list, "Metadata": objects, "Moderation": objects, "Filter": objects}
        fits |= {"PageNumber": numbers, "PageSize": numbers, "MaxResults": numbers}
        if fits.get(name):
            continue
        with pytest.raises(InvalidParameter) as refused:
            operation.read({**COMPLETE[operation.model], name: value})
        assert (refused.value.code, refused.value.param) == (f"InvalidParameter.{name}", name), value


@pytest.mark.parametrize(("operation", "name", "value"), AT_THE_LIMIT, ids=_name_of)
def test_a_value_at_the_limit_is_kept_as_sent(operation: Operation, name: str, value: object) -> None:
    field = next(parameter.field for parameter in operation.required + operation.optional if parameter.name == name)
    assert operation.read({**COMPLETE[operation.model], name: value})[field] == value


def test_an_empty_external_id_clears_the_one_there_was() -> None:
    assert UPDATE_ASSET.read({**GET, "ExternalId": ""}) == {"id": "asset-1", "external_id": None}


@pytest.mark.parametrize(("operation", "name", "value"), OVER_THE_LIMIT, ids=_name_of)
def test_a_value_over_the_limit_is_invalid(operation: Operation, name: str, value: object) -> None:
    with pytest.raises(InvalidParameter) as refused:
        operation.read({**COMPLETE[operation.model], name: value})
    assert (refused.value.code, refused.value.param) == (f"InvalidParameter.{name}", name)
    assert name in refused.value.message


@pytest.mark.parametrize(("operation", "name"), EVERY_PARAMETER, ids=_name_of)
def test_a_name_in_other_letters_is_refused_with_the_right_one(operation: Operation, name: str) -> None:
    complete = COMPLETE[operation.model]
    for spelling in {name.lower(), name.upper(), name.swapcase()} - {name}:
        others = {key: value for key, value in complete.items() if key != name}
        for body in ({**complete, spelling: "x"}, {**others, spelling: "x"}):
            with pytest.raises(InvalidParameter) as refused:
                operation.read(body)
            assert refused.value.param == name
            assert spelling in refused.value.message


@given(st.dictionaries(st.text(max_size=12), st.none() | st.booleans() | st.integers() | st.text(max_size=5), max_size=5))
def test_unknown_keys_are_ignored(unknown: dict[str, object]) -> None:
    known = {parameter.name.casefold() for parameter in CREATE_ASSET.required + CREATE_ASSET.optional}
    extra = {key: value for key, value in unknown.items() if key.casefold() not in known}
    assert CREATE_ASSET.read({**extra, **ASSET}) == CREATE_ASSET.read(ASSET)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80))
def test_names_are_counted_as_code_points_after_nfc(name: str) -> None:
    fits = 0 < len(unicodedata.normalize("NFC", name)) <= 64
    fits = fits and name.strip() != "" and not any(unicodedata.category(character) == "Cc" for character in name)
    if fits:
        assert CREATE_GROUP.read({**GROUP, "Name": name})["name"] == name
    else:
        with pytest.raises((InvalidParameter, MissingParameter)):
            CREATE_GROUP.read({**GROUP, "Name": name})


@pytest.mark.parametrize("absence", [{}, {"Name": None}, {"Name": ""}], ids=["absent", "null", "empty"])
def test_a_waived_parameter_may_be_absent(absence: dict[str, object]) -> None:
    others = {name: value for name, value in ASSET.items() if name != "Name"}
    assert "name" not in CREATE_ASSET.read({**others, **absence}, waived={"Name"})
    with pytest.raises(MissingParameter):
        CREATE_ASSET.read({**others, **absence}, waived={"Other"})
    with pytest.raises(InvalidParameter, match="spelled Name"):
        CREATE_ASSET.read({**others, **absence, "name": "hero"}, waived={"Name"})


def test_choices_become_members() -> None:
    assert CREATE_GROUP.read(GROUP)["type"] is GroupType.AIGC
    for kind in AssetType:
        assert CREATE_ASSET.read({**ASSET, "AssetType": kind.value})["type"] is kind


@pytest.mark.parametrize(
    ("given", "strategy"),
    [
        ({}, ModerationStrategy.DEFAULT),
        ({"Strategy": None}, ModerationStrategy.DEFAULT),
        ({"Strategy": "Default"}, ModerationStrategy.DEFAULT),
        ({"Strategy": "Skip", "Other": 1}, ModerationStrategy.SKIP),
    ],
)
def test_moderation_is_read(given: dict[str, object], strategy: ModerationStrategy) -> None:
    assert CREATE_ASSET.read({**ASSET, "Moderation": given})["moderation"] is strategy


def test_repeated_tags_count_once_and_keep_their_order() -> None:
    tags = [f"tag {number}" for number in range(32)]
    assert CREATE_ASSET.read({**ASSET, "Tags": [*tags, *tags]})["tags"] == tuple(tags)
    assert CREATE_ASSET.read({**ASSET, "Tags": []})["tags"] == ()


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=_name_of)
def test_every_example_can_be_read(operation: Operation) -> None:
    everything = operation.required + operation.optional
    operation.read({parameter.name: parameter.example for parameter in everything})
    for parameter in everything:
        assert parameter.description
        if parameter.choices and parameter.json_type == "string":
            for choice in parameter.choices:
                parameter.read(parameter.name, choice)


def test_a_callback_is_a_text_of_limited_length() -> None:
    asset = {"Name": "hero", "URL": "https://example.com/a.jpg", "AssetType": "Image", "GroupId": "group-1"}
    url = "https://example.com/hook?job=7"
    assert CREATE_ASSET.read({**asset, "callback_url": url})["callback_url"] == url
    for wrong in (7, ["https://example.com"], "https://example.com/" + "a" * 9000):
        with pytest.raises(InvalidParameter) as refused:
            CREATE_ASSET.read({**asset, "callback_url": wrong})
        assert refused.value.code == "InvalidParameter.callback_url"
