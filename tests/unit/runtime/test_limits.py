from pathlib import Path

import pytest

from spark_assets.domain.limits import PROFILES, Limits
from spark_assets.runtime.limits import load_limits
from spark_assets.settings import BadSettings


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_found_by_name(name: str) -> None:
    assert load_limits(name) is PROFILES[name]


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", Limits()),
        ("creations_in_progress = 100\n", Limits({}, 100)),
        ("[requests_per_second]\nspark_asset_list = 5\nspark_asset_get = 1\n", Limits({"spark_asset_list": 5, "spark_asset_get": 1})),
        ("creations_in_progress = 1\n[requests_per_second]\nspark_asset_create = 2\n", Limits({"spark_asset_create": 2}, 1)),
    ],
    ids=["empty", "creations", "rates", "both"],
)
def test_limits_are_read_from_a_file_and_what_it_leaves_out_is_not_limited(tmp_path: Path, text: str, limits: Limits) -> None:
    file = tmp_path / "limits.toml"
    file.write_text(text)
    assert load_limits(str(file)) == limits


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[requests_per_second", "cannot be used"),
        ("requests = 5\n", "'requests'"),
        ("requests_per_second = 5\n", "'requests_per_second' must be a table"),
        ("[requests_per_second]\nspark_asset_poll = 5\n", "'spark_asset_poll'"),
        ("[requests_per_second]\nListAssets = 5\n", "'ListAssets'"),
        ("[requests_per_second]\nspark_asset_list = 0\n", "requests_per_second.spark_asset_list must be a whole number from 1"),
        ("[requests_per_second]\nspark_asset_list = -1\n", "spark_asset_list"),
        ("[requests_per_second]\nspark_asset_list = 1.5\n", "spark_asset_list"),
        ("[requests_per_second]\nspark_asset_list = true\n", "spark_asset_list"),
        ('[requests_per_second]\nspark_asset_list = "30"\n', "spark_asset_list"),
        ("[requests_per_second]\nspark_asset_list = 1000001\n", "to 1000000"),
        ("creations_in_progress = 0\n", "creations_in_progress must be a whole number"),
        ("creations_in_progress = false\n", "creations_in_progress"),
    ],
)
def test_a_bad_file_of_limits_is_refused_and_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "limits.toml"
    file.write_text(text)
    with pytest.raises(BadSettings) as refused:
        load_limits(str(file))
    assert str(refused.value).startswith("SPARK_ASSETS_LIMITS names a file that cannot be used: ")
    assert words in str(refused.value)


@pytest.mark.parametrize("name", ["on", "", "limits.json", "/nowhere/limits.toml"])
def test_limits_that_are_not_there_are_refused(name: str) -> None:
    with pytest.raises(BadSettings, match="SPARK_ASSETS_LIMITS names"):
        load_limits(name)
