"""What `usage` asks of a server that is reached over HTTP."""

from datetime import date
from decimal import Decimal
from typing import Final

from spark_assets.cli.session import Session
from spark_assets.domain.usage import DAY, UsageSpan, UsageTotal, day_name, to_micro

_EPOCH: Final = date(1970, 1, 1)


def ask_usage(session: Session, span: UsageSpan, project: str | None) -> list[UsageTotal]:
    """The totals by model and day of the projects that the key may use, or of one."""
    start, end = (f"{day_name(time // DAY)}T00:00:00Z" for time in (span.start, span.end))
    found = session.client.usage.get(project=project, start=start, end=end, by=("day", "model"))
    return [
        UsageTotal(
            tasks=item.tasks,
            cost=to_micro(Decimal(item.cost)),
            discount=to_micro(Decimal(item.discount)),
            model=item.model,
            day=None if item.day is None else (date.fromisoformat(item.day) - _EPOCH).days,
        )
        for item in found.items
    ]
