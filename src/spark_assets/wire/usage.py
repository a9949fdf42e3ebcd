"""Shapes of our own REST surface: usage. Money is decimals in `currency`."""

import msgspec


class UsageAmounts(msgspec.Struct, kw_only=True):
    """Completed tasks added up."""

    tasks: int
    price: str
    """Before the discount."""
    discount: str
    cost: str
    """What is due."""


class UsageItem(UsageAmounts, kw_only=True):
    """The tasks of one project, model or day, or of a combination; what was not told apart is null."""

    project: str | None
    model: str | None
    day: str | None
    """`YYYY-MM-DD`, in UTC."""


class UsageBody(msgspec.Struct, kw_only=True):
    """What was used from `start` to just before `end`."""

    start: str
    end: str
    currency: str
    total: UsageAmounts
    items: list[UsageItem]
