"""`spark-assets usage`: what was charged, by model and by day."""

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from spark_assets.cli.output import open_console, print_json
from spark_assets.cli.session import FIGURES, Place, Session, over_http_or_at_home
from spark_assets.domain.usage import CURRENCY, DAY, Dimension, UsageSpan, UsageTotal, day_name, dollars

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from spark_assets.ports.unit_of_work import Repositories

_BY: Final = (Dimension.DAY, Dimension.MODEL)
_MOST_DAYS: Final = 3660
_LONGEST_BAR: Final = 30
"""Columns: with the figures beside it, a row fits a terminal of 80."""


@partial(over_http_or_at_home, forms=FIGURES)
def usage(
    place: Place,
    days: Annotated[int, typer.Option(min=1, max=_MOST_DAYS, help="How many days back, today included; days are UTC.")] = 30,
    project: Annotated[str | None, typer.Option(help="One project; all without this.", show_default=False)] = None,
) -> None:
    """Show what was used and what it costs.

    Example: spark-assets usage --days 7 --project film
    """
    today = time.time_ns() // 1000 // DAY
    span = UsageSpan(start=(today - days + 1) * DAY, end=(today + 1) * DAY)
    totals = _over_http(place, span, project) if isinstance(place, Session) else place.read(lambda library: _find(library, span, project))
    if place.as_json:
        print_json(_described(totals, span))
    else:
        _draw(totals, span)


def _over_http(session: Session, span: UsageSpan, project: str | None) -> list[UsageTotal]:
    from spark_assets.cli.remote.usage import ask_usage

    return ask_usage(session, span, project)


async def _find(repositories: "Repositories", span: UsageSpan, name: str | None) -> list[UsageTotal]:
    from spark_assets.operations.projects import by_name
    from spark_assets.operations.usage import add_up

    if name is None:
        return await add_up(repositories, None, span, _BY)
    return await add_up(repositories, [(await by_name(repositories, name)).id], span, _BY)


def _described(totals: Sequence[UsageTotal], span: UsageSpan) -> dict[str, object]:
    from spark_assets.operations.usage import grand_total, merge

    models = sorted(merge(totals, (Dimension.MODEL,)), key=lambda total: total.model or "")
    return {
        "start": day_name(span.start // DAY),
        "end": day_name(span.end // DAY - 1),
        "currency": CURRENCY,
        "total": _figures(grand_total(totals)),
        "models": [{"model": total.model, **_figures(total)} for total in models],
        "days": [{"day": day_name(total.day or 0), **_figures(total)} for total in merge(totals, (Dimension.DAY,))],
    }


def _figures(total: UsageTotal) -> dict[str, object]:
    return {"tasks": total.tasks, "cost": dollars(total.cost), "discount": dollars(total.discount)}


def _draw(totals: Sequence[UsageTotal], span: UsageSpan) -> None:
    from spark_assets.cli.drawing import draw
    from spark_assets.operations.usage import grand_total, merge

    console = open_console()
    console.print(f"{day_name(span.start // DAY)} to {day_name(span.end // DAY - 1)} (UTC), {CURRENCY}")
    if not totals:
        console.print("Nothing was used.")
        return
    models = sorted(merge(totals, (Dimension.MODEL,)), key=lambda total: (-total.cost, -total.tasks, total.model or ""))
    table = _table("Model", "Tasks", "Discount", "Cost")
    for total in models:
        table.add_row(total.model, *_shown(total))
    table.add_row("all", *_shown(grand_total(totals)), style="bold")
    console.print()
    draw(table)
    console.print()
    draw(_chart(console, merge(totals, (Dimension.DAY,)), span))


def _shown(total: UsageTotal) -> tuple[str, str, str]:
    return f"{total.tasks:,}", dollars(total.discount), dollars(total.cost)


def _chart(console: "Console", used: Sequence[UsageTotal], span: UsageSpan) -> "Table":
    """A row for each day since the first one with usage; bars of the cost, or of the tasks where nothing had a price."""
    by_day = {total.day: total for total in used}
    is_priced = any(total.cost for total in used)
    sizes = {day: total.cost if is_priced else total.tasks for day, total in by_day.items()}
    largest = max(sizes.values())
    mark = "█" if console.is_terminal and not console.options.ascii_only else "#"
    table = _table("Day", "Tasks", "Cost")
    table.add_column("Cost of the day" if is_priced else "Tasks of the day", style="cyan", no_wrap=True)
    for day in range(min(total.day or 0 for total in used), span.end // DAY):
        total = by_day.get(day, UsageTotal())
        bar = mark * -(-sizes.get(day, 0) * _LONGEST_BAR // largest)
        table.add_row(day_name(day), f"{total.tasks:,}", dollars(total.cost), bar)
    return table


def _table(first: str, *figures: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for figure in figures:
        table.add_column(figure, justify="right", no_wrap=True)
    return table
