"""What the vendor's gateway tells of money: an estimate before a task, and a statement after many. Costs are decimals in dollars."""

import msgspec


class Precharge(msgspec.Struct):
    """What a task would cost."""

    billing_model: str
    cost: str
    currency: str
    discount: int | float
    model: str
    original_model: str
    hash: str
    sample_count: int
    updated_at: int


class PrechargeAnswer(msgspec.Struct):
    """An estimate in its envelope."""

    status: str
    data: Precharge


class BillingSummary(msgspec.Struct):
    """What all of a statement comes to; there are no tokens here, but clients look for them."""

    total_requests: int
    total_cost: str
    discount_total_cost: str
    currency: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class BillingItem(msgspec.Struct):
    """One line of a statement."""

    team_alias: str
    provider: str
    model_group: str
    total_requests: int
    total_cost: str
    discount_total_cost: str
    discount_rate: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class BillingPage(msgspec.Struct):
    """One page of the lines."""

    items: list[BillingItem]
    total: int
    page: int
    page_size: int
    total_pages: int


class Billing(msgspec.Struct):
    """A statement."""

    team: str
    environments: list[str]
    summary: BillingSummary
    items: BillingPage


class BillingAnswer(msgspec.Struct):
    """A statement in its envelope."""

    code: int
    message: str
    data: Billing
