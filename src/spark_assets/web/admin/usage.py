"""`/v1/usage`: what was used and what it cost."""

from collections.abc import Mapping
from typing import Final

from spark_assets.domain.usage import CURRENCY, Dimension, UsageSpan, UsageTotal, day_name, dollars
from spark_assets.domain.usage_parameters import BY, END, START, USAGE_PROJECT
from spark_assets.operations import usage
from spark_assets.ports.unit_of_work import Repositories
from spark_assets.web.admin.endpoint import Asked, Endpoint, reading
from spark_assets.web.admin.key_bodies import project_names
from spark_assets.web.monitor.span import read_span
from spark_assets.wire.times import rfc3339
from spark_assets.wire.usage import UsageAmounts, UsageBody, UsageItem

_LATEST: Final = 253_402_300_799_999_999
"""The last microsecond of the year 9999: behind it, a time cannot be written."""
_USUAL: Final = (Dimension.MODEL, Dimension.DAY)


async def _get(repositories: Repositories, asked: Asked) -> UsageBody:
    start, end = read_span(asked.pick("start", "end"), asked.call.now)
    span, by = UsageSpan(start=start, end=end), asked.values.get("by", _USUAL)
    totals = await usage.summary(repositories, asked.call, span, by, asked.values.get("project"))
    names = await project_names(repositories)
    items = [_item(total, names) for total in totals]
    items.sort(key=lambda item: (item.day or "", item.project or "", item.model or ""))
    return UsageBody(
        start=rfc3339(start),
        end=rfc3339(min(end, _LATEST)),
        currency=CURRENCY,
        total=_amounts(usage.grand_total(totals)),
        items=items,
    )


def _amounts(total: UsageTotal) -> UsageAmounts:
    return UsageAmounts(tasks=total.tasks, price=dollars(total.price), discount=dollars(total.discount), cost=dollars(total.cost))


def _item(total: UsageTotal, names: Mapping[str, str]) -> UsageItem:
    return UsageItem(
        project=None if total.project_id is None else names.get(total.project_id, total.project_id),
        model=total.model,
        day=None if total.day is None else day_name(total.day),
        tasks=total.tasks,
        price=dollars(total.price),
        discount=dollars(total.discount),
        cost=dollars(total.cost),
    )


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/usage",
        summary="Completed tasks and what they cost; of the current month, by model and day, unless asked otherwise",
        query=(USAGE_PROJECT, START, END, BY),
        answer=UsageBody,
        handle=reading(_get),
        errors=("NotFound.ProjectName",),
    ),
)
