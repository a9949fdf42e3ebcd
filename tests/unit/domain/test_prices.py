from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain.usage import FREE, Charge, PriceList, UsageTotal, day_name, dollar_number, to_micro

percents = st.decimals(min_value=0, max_value=100, places=6)


@given(st.integers(min_value=0, max_value=10**12), percents)
def test_what_is_due_and_what_was_taken_off_are_the_price_together(price: int, percent: Decimal) -> None:
    charge = PriceList({"a": price}, percent).charge("a")
    assert charge.cost + charge.discount == price
    assert 0 <= charge.discount <= price
    assert abs(charge.discount * 100 - price * percent) <= 50
    assert type(charge.cost) is int
    assert type(charge.discount) is int


@pytest.mark.parametrize(
    ("price", "percent", "charge"),
    [
        ("0.02", "0", Charge(20_000, 0)),
        ("0.02", "100", Charge(0, 20_000)),
        ("0.02", "12.5", Charge(17_500, 2_500)),
        ("0.000001", "50", Charge(0, 1)),
        ("0.000001", "49.999999", Charge(1, 0)),
        ("0.000003", "50", Charge(1, 2)),
        ("1000000", "33.333333", Charge(666_666_670_000, 333_333_330_000)),
    ],
)
def test_a_discount_is_rounded_to_a_micro_dollar_and_half_a_one_upwards(price: str, percent: str, charge: Charge) -> None:
    assert PriceList({"a": to_micro(Decimal(price))}, Decimal(percent)).charge("a") == charge


def test_nothing_is_taken_off_what_is_free() -> None:
    assert PriceList({"a": 0}, Decimal(50)).charge("a") == FREE
    assert PriceList({}, Decimal(50)).charge("b") == FREE


def test_a_total_knows_its_price_before_the_discount() -> None:
    assert UsageTotal(tasks=2, cost=30, discount=10).price == 40


@pytest.mark.parametrize(("micro", "shown"), [(0, "0"), (2_000_000, "2"), (9_990, "0.00999"), (1, "1e-06")])
def test_whole_dollars_are_whole_numbers(micro: int, shown: str) -> None:
    assert repr(dollar_number(micro)) == shown


@pytest.mark.parametrize(("day", "name"), [(0, "1970-01-01"), (20_602, "2026-05-29"), (-1, "1969-12-31")])
def test_a_day_is_shown_as_its_date(day: int, name: str) -> None:
    assert day_name(day) == name
