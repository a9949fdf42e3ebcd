"""What tasks cost. Money is counted in whole micro-dollars, never in floating point."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import Final

import msgspec

MICRO: Final = 1_000_000
DAY: Final = 86_400 * MICRO
"""Microseconds of a day."""
CURRENCY: Final = "USD"
_PERCENT: Final = 100
_EPOCH: Final = date(1970, 1, 1)


class Charge(msgspec.Struct, frozen=True):
    """The price of one completed task in micro-dollars: what is due, and what was taken off."""

    cost: int = 0
    discount: int = 0


FREE: Final = Charge()


class PriceList(msgspec.Struct, frozen=True):
    """Prices per model in micro-dollars, and the percentage taken off each; a model that is not listed is free."""

    prices: dict[str, int] = {}
    discount_percent: Decimal = Decimal(0)

    def charge(self, model: str) -> Charge:
        """What one completed task of the model costs.

        The amount taken off is rounded to a whole micro-dollar, half a one upwards; cost and amount together are the price.
        """
        price = self.prices.get(model, 0)
        if not price:
            return FREE
        taken_off = int((price * self.discount_percent / _PERCENT).to_integral_value(ROUND_HALF_UP))
        return Charge(price - taken_off, taken_off)


class UsageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger; there is at most one per task."""

    task_id: str
    project_id: str
    key_id: str
    model: str
    charge: Charge
    created_at: int
    """Unix microseconds."""


class Dimension(Enum):
    """What lines of the ledger are told apart by when they are added up."""

    PROJECT = "project"
    MODEL = "model"
    DAY = "day"
    """In UTC."""


class UsageSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of the ledger are meant: those from `start` to just before `end`, in Unix microseconds."""

    start: int
    end: int
    models: tuple[str, ...] | None = None
    """None: all."""
    key_ids: tuple[str, ...] | None = None
    """None: all."""


class UsageTotal(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of the ledger added up: how many tasks, and micro-dollars. What they were not told apart by is None."""

    tasks: int = 0
    cost: int = 0
    discount: int = 0
    project_id: str | None = None
    model: str | None = None
    day: int | None = None
    """Days since 1970-01-01."""

    @property
    def price(self) -> int:
        """Micro-dollars before anything was taken off."""
        return self.cost + self.discount


def to_micro(amount: Decimal) -> int:
    """Micro-dollars of a decimal amount of dollars. Raises ValueError if it is negative or finer than a micro-dollar."""
    micro = amount * MICRO
    if amount < 0 or micro != micro.to_integral_value():
        raise ValueError("a price is a decimal of at least 0 with at most six places")
    return int(micro)


def dollars(micro: int) -> str:
    """`0.000000`: the form in which the dialect shows money."""
    return f"{micro // MICRO}.{micro % MICRO:06d}"


def dollar_number(micro: int) -> int | float:
    """Dollars as a JSON number, for clients that want one; whole ones without a decimal point."""
    return micro // MICRO if micro % MICRO == 0 else micro / MICRO


def day_name(day: int) -> str:
    """`YYYY-MM-DD` for days since 1970-01-01."""
    return (_EPOCH + timedelta(days=day)).isoformat()
