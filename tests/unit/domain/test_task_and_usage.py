from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.project import check_project_name
from spark_assets.domain.task import Stage, failure_code, fetching_progress, stage_progress
from spark_assets.domain.usage import FREE, PriceList, dollars, to_micro

amounts = st.integers(min_value=0, max_value=10**15)


@given(amounts)
def test_money_survives_the_way_through_decimals_to_the_last_digit(micro: int) -> None:
    shown = dollars(micro)
    assert to_micro(Decimal(shown)) == micro
    assert len(shown.partition(".")[2]) == 6


@pytest.mark.parametrize(("micro", "shown"), [(0, "0.000000"), (1, "0.000001"), (20_000, "0.020000"), (1_234_567, "1.234567")])
def test_money_is_shown_with_six_places(micro: int, shown: str) -> None:
    assert dollars(micro) == shown


@pytest.mark.parametrize("amount", ["-0.000001", "-1", "0.0000001", "1.0000005"])
def test_an_amount_that_is_negative_or_too_fine_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="six places"):
        to_micro(Decimal(amount))


def test_money_is_never_a_float() -> None:
    micro = to_micro(Decimal("0.1")) + to_micro(Decimal("0.2"))
    assert type(micro) is int
    assert dollars(micro) == "0.300000"


def test_a_model_without_a_price_is_free() -> None:
    prices = PriceList({"a": 5})
    assert prices.charge("a").cost == 5
    assert prices.charge("b") == FREE


@given(st.lists(st.integers(min_value=0, max_value=2**40), min_size=2, max_size=20).map(sorted), st.none() | st.integers(1, 2**40))
def test_progress_only_grows_while_bytes_arrive_and_stays_below_the_next_stage(received: list[int], total: int | None) -> None:
    shown = [fetching_progress(count, total) for count in received]
    assert shown == sorted(shown)
    assert all(stage_progress(Stage.FETCHING) <= progress <= stage_progress(Stage.INSPECTING) for progress in shown)


def test_progress_grows_from_stage_to_stage() -> None:
    stages = [Stage.QUEUED, Stage.FETCHING, Stage.INSPECTING, Stage.STORING, Stage.ACTIVE]
    shown = [stage_progress(stage) for stage in stages]
    assert shown == sorted(set(shown))
    assert (shown[0], shown[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("bare", "code"),
    [
        ("WidthTooSmall", "InvalidParameter.WidthTooSmall"),
        ("DownloadFailed", "InvalidParameter.DownloadFailed"),
        ("InternalError", "InternalError"),
        ("Conflict.Cancelled", "Conflict.Cancelled"),
    ],
)
def test_the_code_of_a_task_for_a_bare_one(bare: str, code: str) -> None:
    assert failure_code(bare) == code


@pytest.mark.parametrize("name", ["a", "default", "Film.2026_v-1", "0", "x" * 64])
def test_names_that_a_project_may_have(name: str) -> None:
    assert check_project_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "-a", ".a", "a b", "a/b", "ä", "x" * 65, "a\n", "\0", "a\u202e"])
def test_names_that_no_project_may_have(name: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        check_project_name(name)
    assert refused.value.param == "ProjectName"
