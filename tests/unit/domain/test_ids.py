import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain import ids
from spark_assets.domain.ids import SUFFIX_ALPHABET, TaskIds

NOW = 1_780_000_000_000_000
STAMP = "20260528202640"
SUFFIX = f"[{SUFFIX_ALPHABET}]"
moments = st.integers(min_value=0, max_value=2**32 * 1_000_000 - 1)


@pytest.mark.parametrize(
    ("new", "form"),
    [
        (lambda: ids.new_asset_id(NOW), f"asset-{STAMP}-{SUFFIX}{{5}}"),
        (lambda: ids.new_group_id(NOW), f"group-{STAMP}-{SUFFIX}{{5}}"),
        (lambda: ids.new_request_id(NOW), f"{STAMP}[0-9A-F]{{20}}"),
        (ids.new_project_id, f"project-{SUFFIX}{{12}}"),
        (ids.new_key_id, f"key-{SUFFIX}{{12}}"),
        (lambda: TaskIds().new(NOW), "[0-9a-v]{20}"),
    ],
    ids=["asset", "group", "request", "project", "key", "task"],
)
def test_each_id_has_its_form(new: Callable[[], str], form: str) -> None:
    for _ in range(200):
        assert re.fullmatch(form, new())


def test_suffixes_have_no_vowels_and_no_digits_that_read_like_letters() -> None:
    assert not set(SUFFIX_ALPHABET) & set("aeiouy01")
    assert len(set(SUFFIX_ALPHABET)) == len(SUFFIX_ALPHABET)


def test_every_character_of_a_suffix_is_used_about_equally_often() -> None:
    drawn = "".join(ids.new_project_id().removeprefix("project-") for _ in range(3000))
    expected = len(drawn) / len(SUFFIX_ALPHABET)
    for character in SUFFIX_ALPHABET:
        assert 0.8 * expected < drawn.count(character) < 1.2 * expected


def test_a_hundred_thousand_task_ids_of_one_process_have_no_repeats() -> None:
    task_ids = TaskIds()
    assert len({task_ids.new(NOW) for _ in range(100_000)}) == 100_000


def test_task_ids_of_many_processes_have_no_repeats() -> None:
    assert len({TaskIds().new(NOW) for _ in range(1000)}) == 1000


@given(moments, moments)
def test_task_ids_sort_by_the_second_they_were_made_in(one: int, other: int) -> None:
    task_ids = TaskIds()
    first, second = task_ids.new(one), task_ids.new(other)
    if one // 1_000_000 != other // 1_000_000:
        assert (first < second) == (one < other)


@given(st.lists(moments, min_size=1, max_size=20))
def test_stamps_tell_the_second_whatever_was_asked_before(times: list[int]) -> None:
    for time in times:
        asset, group = ids.new_asset_id(time), ids.new_group_id(time)
        assert asset.split("-")[1] == group.split("-")[1]
        assert ids.new_request_id(time)[:14] == asset.split("-")[1]


def test_asset_ids_sort_by_time() -> None:
    times = [0, 1_000_000, 59_000_000, 86_400_000_000, NOW, NOW + 1_000_000]
    made = [ids.new_asset_id(time) for time in times]
    assert made == sorted(made)
    assert made[0].startswith("asset-19700101000000-")
