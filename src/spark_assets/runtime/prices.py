"""The price list that the settings make."""

from typing import Final

from spark_assets.domain.parameters import OPERATIONS
from spark_assets.domain.usage import PriceList, to_micro
from spark_assets.settings import Settings

_FAMILY: Final = "spark_asset_"
"""What the names of all models begin with."""


def price_setting(model: str) -> str:
    """The setting that holds a model's price: `price_create_group` for `spark_asset_create_group`."""
    return f"price_{model.removeprefix(_FAMILY)}"


def price_list(settings: Settings) -> PriceList:
    """What the models cost."""
    prices = {model: to_micro(getattr(settings, price_setting(model))) for model in OPERATIONS}
    return PriceList(prices, settings.discount)
