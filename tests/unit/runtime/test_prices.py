import os
from decimal import Decimal
from pathlib import Path

import pytest

from spark_assets.domain.parameters import OPERATIONS
from spark_assets.domain.usage import FREE, Charge
from spark_assets.runtime.prices import price_list, price_setting
from spark_assets.settings import BadSettings, Settings, load_settings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without settings, but for a home of the test's own."""
    for name in list(os.environ):
        if name.startswith("SPARK_ASSETS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SPARK_ASSETS_HOME", str(tmp_path))
    return monkeypatch


def test_every_model_has_a_price_setting_and_every_price_setting_a_model() -> None:
    assert len(OPERATIONS) == 10
    assert sorted(price_setting(model) for model in OPERATIONS) == sorted(
        name for name in Settings.model_fields if name.startswith("price_")
    )
    assert price_setting("spark_asset_create_group") == "price_create_group"


def test_everything_is_free_until_it_is_priced() -> None:
    prices = price_list(load_settings())
    assert all(prices.charge(model) == FREE for model in OPERATIONS)


def test_each_model_costs_what_its_setting_says_less_the_discount(environment: pytest.MonkeyPatch) -> None:
    for number, model in enumerate(OPERATIONS, 1):
        environment.setenv(f"SPARK_ASSETS_{price_setting(model).upper()}", f"0.0{number:02}")
    environment.setenv("SPARK_ASSETS_DISCOUNT", "25")
    prices = price_list(load_settings())
    for number, model in enumerate(OPERATIONS, 1):
        assert prices.charge(model) == Charge(number * 750, number * 250)


@pytest.mark.parametrize("value", ["-1", "100.000001", "half", "NaN", "Infinity", "1.0000001"])
def test_a_discount_that_is_no_percentage_stops_the_start(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("SPARK_ASSETS_DISCOUNT", value)
    with pytest.raises(BadSettings, match="SPARK_ASSETS_DISCOUNT"):
        load_settings()


@pytest.mark.parametrize("value", ["0", "100", "33.333333"])
def test_a_discount_may_be_anything_from_nothing_to_all(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("SPARK_ASSETS_DISCOUNT", value)
    assert load_settings().discount == Decimal(value)
