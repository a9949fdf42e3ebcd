"""Usage: what was done and what it cost, by day, model and project; and what is held of what may be."""

import calendar
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from spark_assets.domain.usage import MICRO
from spark_assets.web.console.charts import Chart, share, upright
from spark_assets.web.console.frame import Page
from spark_assets.web.console.tasks import WORKS

_MONTH: Final = re.compile(r"(\d{4})-(\d\d)")
_QUOTAS: Final = 12
"""Projects whose storage is shown here; the page of projects shows all."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What was used by one day, model or project, and its share in hundredths of what was used most."""

    name: str
    words: str | None = None
    """What a model does."""
    tasks: int
    price: str
    discount: str
    cost: str
    share: float = 0.0


async def show_usage(page: Page) -> None:
    """`/console/usage`: of the current month and all projects, unless `month`, `start`, `end` or `only` say otherwise."""
    only, start, end = page.one("only"), *_span(page)
    # Without a project named, the one in the address is not meant either: what is compared here are projects.
    wide = msgspec.structs.replace(page, call=msgspec.structs.replace(page.call, project=None))
    asked = {"project": only, "start": start, "end": end}
    # Asked apart: told apart by all three at once, a year of many projects has more lines than anybody can wait for.
    found = await wide.ask("/v1/usage", asked | {"by": ["model", "day"]})
    projects = await wide.ask("/v1/usage", asked | {"by": ["project"]})
    days = _days(found["items"], found["start"], found["end"])
    month = _month(page)
    await page.show(
        "usage.html.jinja",
        usage=found, only=only, days=days, models=_lines(found["items"], "model"), by_project=_lines(projects["items"], "project"),
        requests=_chart(days, lambda line: (Decimal(line.tasks), str(line.tasks))),
        costs=_chart(days, lambda line: (Decimal(line.cost), line.cost)),
        quotas=await _quotas(wide, only), month=month, before=_beside(month, -1), after=_after(page, month), share=share,
        last_day=(datetime.fromisoformat(found["end"]) - timedelta(microseconds=1)).date().isoformat(),
    )  # fmt: skip


def _month(page: Page) -> str | None:
    """The month that is shown, `YYYY-MM`; None for a span of its own."""
    if page.one("start") or page.one("end"):
        return None
    asked = page.one("month") or ""
    found = _MONTH.fullmatch(asked)
    if found and int(found[1]) >= 1970 and 1 <= int(found[2]) <= 12:
        return asked
    return _this_month(page)


def _span(page: Page) -> tuple[str | None, str | None]:
    """The first and the last day; what the surface says of what makes no sense, the page says."""
    month = _month(page)
    if month is None:
        return page.one("start"), page.one("end")
    year, number = map(int, month.split("-"))
    return f"{month}-01", f"{month}-{calendar.monthrange(year, number)[1]}"


def _beside(month: str | None, step: int) -> str | None:
    if month is None:
        return None
    year, number = map(int, month.split("-"))
    whole = year * 12 + number - 1 + step
    return f"{whole // 12:04d}-{whole % 12 + 1:02d}" if 1970 * 12 <= whole < 10_000 * 12 else None


def _after(page: Page, month: str | None) -> str | None:
    """The next month, if that has begun."""
    after = _beside(month, 1)
    return after if after is not None and after <= _this_month(page) else None


def _this_month(page: Page) -> str:
    return datetime.fromtimestamp(page.exchange.now / MICRO, UTC).strftime("%Y-%m")


def _days(items: Sequence[dict[str, Any]], start: str, end: str) -> list[Line]:
    """Every day of the span, also those on which there was nothing."""
    known = {line.name: line for line in _lines(items, "day")}
    first, last = _day_of(start), (datetime.fromisoformat(end) - timedelta(microseconds=1)).date()
    names = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
    nothing = _line("", ())
    return [known.get(name) or msgspec.structs.replace(nothing, name=name) for name in names]


def _day_of(moment: str) -> date:
    return datetime.fromisoformat(moment).date()


def _lines(items: Sequence[dict[str, Any]], field: str) -> list[Line]:
    """The items added up by a field; days in their order, models and projects with what cost most, or else was most, first."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        by_name.setdefault(str(item[field]), []).append(item)
    lines = [_line(name, its_items) for name, its_items in by_name.items()]
    if field == "day":
        return lines
    lines.sort(key=lambda line: (Decimal(line.cost), line.tasks), reverse=True)
    most = max((line.tasks for line in lines), default=0)
    return [msgspec.structs.replace(line, share=share(line.tasks, most)) for line in lines]


def _line(name: str, items: Sequence[dict[str, Any]]) -> Line:
    def total(field: str) -> str:
        return f"{sum((Decimal(item[field]) for item in items), Decimal(0)):.6f}"

    tasks = sum(item["tasks"] for item in items)
    return Line(name=name, words=WORKS.get(name), tasks=tasks, price=total("price"), discount=total("discount"), cost=total("cost"))


def _chart(days: Sequence[Line], read: Callable[[Line], tuple[Decimal, str]]) -> Chart:
    return upright([(line.name, *read(line)) for line in days])


async def _quotas(page: Page, only: str | None) -> list[dict[str, Any]]:
    """What projects hold, and may hold: the one that the page is about, or the newest ones."""
    if only:
        return [await page.ask("/v1/quotas/{project}", project=only)]
    found: list[dict[str, Any]] = (await page.ask("/v1/quotas", {"limit": str(_QUOTAS)}))["items"]
    return found
