from typing import Any

import pytest

from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.filter_values import read_asset_filter, read_group_filter
from spark_assets.domain.listing import AssetFilter, GroupFilter
from spark_assets.domain.media import AssetType

SHA256 = "0123456789abcdef" * 4
NOON = 1_769_860_800_000_000
READ: dict[str, tuple[str, Any, Any]] = {
    "GroupIds": ("group_ids", ["group-1", "group-2", "group-1"], ("group-1", "group-2")),
    "GroupType": ("group_type", "AIGC", "AIGC"),
    "Name": ("name", "Größe 🎬", "Größe 🎬"),
    "Statuses": ("statuses", ["Active", "Failed"], (AssetStatus.ACTIVE, AssetStatus.FAILED)),
    "AssetTypes": ("types", ["Image"], (AssetType.IMAGE,)),
    "Tags": ("tags", ["night", "rain"], ("night", "rain")),
    "ExternalId": ("external_id", "shot-42", "shot-42"),
    "Sha256": ("sha256", SHA256.upper(), SHA256),
    "CreatedAfter": ("created_after", "2026-01-31T12:00:00Z", NOON),
    "CreatedBefore": ("created_before", "2026-01-31T13:00:00.000001+01:00", NOON + 1),
}
GROUP_KEYS = ("GroupIds", "GroupType", "Name")
WRONG_TYPES: tuple[Any, ...] = (1, 1.5, True, False, [1], {}, {"a": 1}, [None], [["x"]])
AT_THE_LIMIT: list[tuple[str, Any]] = [
    ("GroupIds", []),
    ("GroupIds", [f"group-{number}" for number in range(100)]),
    ("GroupIds", ["x" * 128]),
    ("GroupType", "LivenessFace"),
    ("Name", ""),
    ("Name", "x" * 64),
    ("Name", "e\u0301" * 64),
    ("Name", "%_\\/'"),
    ("Statuses", []),
    ("Statuses", ["Processing", "Active", "Failed"]),
    ("Statuses", ["Active"] * 100),
    ("AssetTypes", ["Image", "Video", "Audio"]),
    ("Tags", [f"tag {number}" for number in range(32)]),
    ("Tags", ["x" * 64]),
    ("ExternalId", "x" * 128),
    ("CreatedAfter", "0001-01-01T00:00:00Z"),
    ("CreatedAfter", "9999-12-31T23:59:59-23:59"),
    ("CreatedBefore", "0001-01-01T00:00:00+23:59"),
]
OVER_THE_LIMIT: list[tuple[str, Any]] = [
    ("GroupIds", [f"group-{number}" for number in range(101)]),
    ("GroupIds", ["x" * 129]),
    ("GroupIds", ["a\0b"]),
    ("GroupIds", "group-1"),
    ("GroupType", "aigc"),
    ("GroupType", ""),
    ("Name", "x" * 65),
    ("Name", "x" * 100_000),
    ("Name", "a\0b"),
    ("Statuses", ["active"]),
    ("Statuses", ["Active", "Deleted"]),
    ("Statuses", ["Active"] * 101),
    ("Statuses", "Active"),
    ("AssetTypes", ["image"]),
    ("Tags", [f"tag {number}" for number in range(33)]),
    ("Tags", ["x" * 65]),
    ("Tags", ["a\0b"]),
    ("ExternalId", "x" * 129),
    ("ExternalId", "a\0b"),
    ("Sha256", SHA256[1:]),
    ("Sha256", SHA256 + "0"),
    ("Sha256", "g" * 64),
    ("Sha256", "\u0660" * 64),
    *(
        (key, time)
        for key in ("CreatedAfter", "CreatedBefore")
        for time in ("", "now", "2026-01-31", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z")
    ),
]


def _refused(key: str, value: Any, given: Any) -> None:
    with pytest.raises(InvalidParameter) as refused:
        read_asset_filter("Filter", given)
    assert (refused.value.code, refused.value.param) == ("InvalidParameter.Filter", "Filter"), value
    assert f"Filter.{key}" in refused.value.message


def test_an_empty_filter_selects_everything() -> None:
    assert read_asset_filter("Filter", {}) == AssetFilter()
    assert read_group_filter("Filter", {}) == GroupFilter()
    assert AssetFilter().group_type == GroupFilter().group_type == "AIGC"


@pytest.mark.parametrize("key", READ)
def test_a_key_is_read(key: str) -> None:
    field, given, expected = READ[key]
    assert getattr(read_asset_filter("Filter", {key: given}), field) == expected
    if key in GROUP_KEYS:
        assert getattr(read_group_filter("Filter", {key: given}), field) == expected


@pytest.mark.parametrize("key", READ)
def test_an_absent_or_null_key_selects_everything(key: str) -> None:
    assert read_asset_filter("Filter", {key: None}) == AssetFilter()


@pytest.mark.parametrize("key", READ)
def test_a_value_of_the_wrong_type_is_invalid(key: str) -> None:
    for value in WRONG_TYPES:
        _refused(key, value, {key: value})


@pytest.mark.parametrize(("key", "value"), AT_THE_LIMIT, ids=lambda item: repr(item)[:30])
def test_a_value_at_the_limit_is_accepted(key: str, value: Any) -> None:
    read_asset_filter("Filter", {key: value})


@pytest.mark.parametrize(("key", "value"), OVER_THE_LIMIT, ids=lambda item: repr(item)[:30])
def test_a_value_over_the_limit_is_invalid(key: str, value: Any) -> None:
    _refused(key, value, {key: value})


@pytest.mark.parametrize("key", READ)
def test_a_key_in_other_letters_is_refused_with_the_right_one(key: str) -> None:
    for spelling in {key.lower(), key.upper(), key.swapcase()} - {key}:
        with pytest.raises(InvalidParameter, match=f"spelled {key}, not {spelling}") as refused:
            read_asset_filter("Filter", {spelling: READ[key][1]})
        assert refused.value.code == "InvalidParameter.Filter"


def test_unknown_keys_are_ignored() -> None:
    assert read_asset_filter("Filter", {"Colour": "red", "": 1}) == AssetFilter()
    assert read_group_filter("Filter", {"Tags": 7, "Statuses": "x"}) == GroupFilter()


@pytest.mark.parametrize("value", ["x", 1, True, [], [{}]])
def test_what_is_no_object_is_no_filter(value: Any) -> None:
    for read in (read_asset_filter, read_group_filter):
        with pytest.raises(InvalidParameter, match="must be an object"):
            read("Filter", value)
