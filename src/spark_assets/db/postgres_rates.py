"""Rates counted in PostgreSQL: exact across all processes, by the database's clock, in one statement."""

from typing import Final

from sqlalchemy import BigInteger, and_, bindparam, case, cast, extract, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert

from spark_assets.db.administration_tables import rates
from spark_assets.db.postgres import PostgresDatabase
from spark_assets.ports.rates import WINDOW, Verdict

_SET_BACK: Final = 60
"""A window that lies so far ahead was counted before the clock was set back: no statement waits that long for its turn."""

# A count need not survive a crash, so nobody waits for the disk; the setting ends with the statement.
_UNHURRIED = select(func.set_config("synchronous_commit", "off", True)).cte("unhurried")
_WINDOW = cast(func.floor(extract("epoch", func.clock_timestamp()) / WINDOW), BigInteger)
_COUNT = insert(rates).from_select(
    [column.name for column in rates.columns],
    select(bindparam("key_id"), bindparam("operation"), _WINDOW, literal(1)).select_from(_UNHURRIED),
)
_CURRENT = and_(rates.c.second >= _COUNT.excluded.second, rates.c.second <= _COUNT.excluded.second + _SET_BACK)
"""The window on record is this one, or a later one that began while the statement waited for its turn."""
# One statement: whoever comes at the same moment waits for the row and then sees what was counted, so no request is counted twice
# or missed. It returns no row if the window is used up.
_TAKE = _COUNT.on_conflict_do_update(
    index_elements=[rates.c.key_id, rates.c.operation],
    set_={
        "second": case((_CURRENT, rates.c.second), else_=_COUNT.excluded.second),
        "requests": case((_CURRENT, rates.c.requests + 1), else_=1),
    },
    where=or_(~_CURRENT, rates.c.requests < bindparam("limit")),
).returning(rates.c.requests)


class PostgresRates:
    """Counts on the connections of a database."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def take(self, key_id: str, operation: str, limit: int) -> Verdict:
        """Count a request, for all processes."""
        rows = await self._database.run(_TAKE, {"key_id": key_id, "operation": operation, "limit": limit})
        return Verdict(allowed=True, remaining=limit - rows[0].requests) if rows else Verdict(allowed=False, remaining=0)
