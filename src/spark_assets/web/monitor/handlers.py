"""What has been used and what it comes to: `GET /monitor/api/v1/cost/billing`."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from spark_assets.domain.usage import CURRENCY, Dimension, UsageSpan, UsageTotal, dollars
from spark_assets.operations import usage
from spark_assets.operations.call import Call
from spark_assets.ports.unit_of_work import Repositories
from spark_assets.web.catalogue.entries import PROVIDER
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.json_body import check_accept
from spark_assets.web.monitor.span import read_span
from spark_assets.web.query import page_count, read_page, read_query
from spark_assets.wire.billing import Billing, BillingAnswer, BillingItem, BillingPage, BillingSummary

ENVIRONMENT: Final = "release"
"""A server is one environment; of the two names that clients know, this is the one for what is in earnest."""
_ALL_PROJECTS: Final = "*"
"""Stands for the team where the statement covers all that the key may see; no project can be called so."""


async def get_billing(exchange: Exchange) -> None:
    """`GET /monitor/api/v1/cost/billing`: a line for each project and model, the dearest first.

    Costs named `total_cost` are before the discount, `discount_total_cost` is what is due.
    """
    exchange.allow("GET", "HEAD")
    check_accept(exchange)
    runtime = exchange.site.runtime
    caller = await exchange.caller()
    call = exchange.call(caller)
    query = read_query(exchange)
    page, page_size = read_page(query)
    start, end = read_span(query, exchange.now)
    async with runtime.database.read() as repositories:
        span = await _select(repositories, query, UsageSpan(start=start, end=end))
        totals = await usage.summary(repositories, call, span, (Dimension.PROJECT, Dimension.MODEL))
        names = {project.id: project.name for project in await repositories.projects.all()}
    totals.sort(key=lambda total: (-total.cost, total.project_id or "", total.model or ""))
    shown = totals[(page - 1) * page_size : page * page_size]
    items = [_item(total, names) for total in shown]
    data = Billing(
        team=_team(call, names),
        environments=[ENVIRONMENT],
        summary=_summary(totals),
        items=BillingPage(items, len(totals), page, page_size, page_count(len(totals), page_size)),
    )
    await exchange.respond(200, encode(BillingAnswer(0, "", data)))


async def _select(repositories: Repositories, query: Mapping[str, str], span: UsageSpan) -> UsageSpan:
    """The lines that the filters leave: by model, by the key's name or ID, and none in another environment or of another provider."""
    is_elsewhere = query.get("environment", ENVIRONMENT) != ENVIRONMENT or query.get("provider", PROVIDER) != PROVIDER
    models = None if "model_group" not in query else (query["model_group"],)
    name = query.get("credential_name")
    key_ids = None
    if name is not None:
        keys = [(key.id, key.name) for key in await repositories.keys.all()]
        keys += [(key.id, key.name) for key in await repositories.access_keys.all()]
        key_ids = tuple(key[0] for key in keys if name in key)
    return replace(span, models=() if is_elsewhere else models, key_ids=key_ids)


def _team(call: Call, names: Mapping[str, str]) -> str:
    """The project that the statement is about, or a sign for all that are within the key's reach."""
    reach = call.caller.project_ids
    if call.project:
        return call.project
    return next((names.get(only, only) for only in reach), "") if reach is not None and len(reach) == 1 else _ALL_PROJECTS


def _summary(totals: Sequence[UsageTotal]) -> BillingSummary:
    total = usage.grand_total(totals)
    return BillingSummary(total.tasks, dollars(total.price), dollars(total.cost), CURRENCY)


def _item(total: UsageTotal, names: Mapping[str, str]) -> BillingItem:
    project_id = total.project_id or ""
    return BillingItem(
        team_alias=names.get(project_id, project_id),
        provider=PROVIDER,
        model_group=total.model or "",
        total_requests=total.tasks,
        total_cost=dollars(total.price),
        discount_total_cost=dollars(total.cost),
        discount_rate=total.cost / total.price if total.price else 1.0,
    )
