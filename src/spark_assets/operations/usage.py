"""Usage: lines of the ledger, added up."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.usage import DAY, Dimension, UsageSpan, UsageTotal
from spark_assets.operations import projects
from spark_assets.operations.call import Call
from spark_assets.ports.unit_of_work import Repositories

MOST_LINES: Final = 10_000
"""Totals of one answer: a year, day by day, of nine projects with three models. More would hold up everybody while they are written."""
_Sums = dict[tuple[object, ...], UsageTotal]
"""By project, model and day."""


async def summary(
    repositories: Repositories, call: Call, span: UsageSpan, by: Sequence[Dimension], project: str | None = None
) -> list[UsageTotal]:
    """What the named project used, or, where none is named, all projects within the key's reach; added up as in `add_up`.

    Raises AccessDenied, NotFound `ProjectName`, InvalidParameter `by` for more than MOST_LINES totals.
    """
    call.caller.require(Scope.ASSETS_READ)
    if project or call.project:
        within: Sequence[str] | None = [(await projects.find(repositories, call, project)).id]
    else:
        within = projects.reach_of(call)
    return await add_up(repositories, within, span, by, most=MOST_LINES)


async def add_up(
    repositories: Repositories, project_ids: Sequence[str] | None, span: UsageSpan, by: Sequence[Dimension], *, most: int | None = None
) -> list[UsageTotal]:
    """The lines of those projects (None: all) within the span, one total for each combination of the dimensions that occurs.

    Asked for day by day, with a turn for other long reads in between: a month may hold a million lines. So this belongs among
    single reads, not inside a unit of work. Raises InvalidParameter `by` for more than `most` totals.
    """
    sums: _Sums = {}
    for day in _days_of(span):
        _add(sums, await repositories.usage.totals(project_ids, day, by), by)
        if most is not None and len(sums) > most:
            raise InvalidParameter("by", f"there are more than {most} totals; ask for a shorter time, for one project, or tell less apart")
    return list(sums.values())


def merge(totals: Sequence[UsageTotal], by: Sequence[Dimension]) -> list[UsageTotal]:
    """Totals that are told apart by these dimensions alone, in the order in which they first occur."""
    sums: _Sums = {}
    _add(sums, totals, by)
    return list(sums.values())


def _add(sums: _Sums, totals: Sequence[UsageTotal], by: Sequence[Dimension]) -> None:
    for total in totals:
        kept = UsageTotal(
            project_id=total.project_id if Dimension.PROJECT in by else None,
            model=total.model if Dimension.MODEL in by else None,
            day=total.day if Dimension.DAY in by else None,
        )
        known = sums.get((kept.project_id, kept.model, kept.day), kept)
        sums[kept.project_id, kept.model, kept.day] = replace(
            known, tasks=known.tasks + total.tasks, cost=known.cost + total.cost, discount=known.discount + total.discount
        )


def grand_total(totals: Sequence[UsageTotal]) -> UsageTotal:
    """All of them as one; also of nothing."""
    return merge([UsageTotal(), *totals], ())[0]


def _days_of(span: UsageSpan) -> Iterator[UsageSpan]:
    start = span.start
    while start < span.end:
        end = min((start // DAY + 1) * DAY, span.end)
        yield replace(span, start=start, end=end)
        start = end
