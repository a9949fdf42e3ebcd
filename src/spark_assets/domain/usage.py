"""What a task cost. Money is counted in whole micro-dollars, never in floating point."""

from decimal import Decimal
from typing import Final

import msgspec

MICRO: Final = 1_000_000


class Charge(msgspec.Struct, frozen=True):
    """The price of one completed task in micro-dollars: what is due, and what was taken off."""

    cost: int = 0
    discount: int = 0


FREE: Final = Charge()


class PriceList(msgspec.Struct, frozen=True):
    """Prices per model in micro-dollars; a model that is not listed is free."""

    prices: dict[str, int] = {}

    def charge(self, model: str) -> Charge:
        """What one completed task of the model costs."""
        return Charge(self.prices.get(model, 0))


class UsageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger; there is at most one per task."""

    task_id: str
    project_id: str
    key_id: str
    model: str
    charge: Charge
    created_at: int
    """Unix microseconds."""


def to_micro(amount: Decimal) -> int:
    """Micro-dollars of a decimal amount of dollars. Raises ValueError if it is negative or finer than a micro-dollar."""
    micro = amount * MICRO
    if amount < 0 or micro != micro.to_integral_value():
        raise ValueError("a price is a decimal of at least 0 with at most six places")
    return int(micro)


def dollars(micro: int) -> str:
    """`0.000000`: the form in which the dialect shows money."""
    return f"{micro // MICRO}.{micro % MICRO:06d}"
