"""The limits that the settings name: a profile, or a TOML file, and the counter that they are held with.

In a file, `creations_in_progress` and the table `requests_per_second`, whose keys are models and whose values are whole
numbers. What is left out is not limited.
"""

from typing import Any, Final

from spark_assets.db.memory_rates import MemoryRates
from spark_assets.db.sqlite import SqliteDatabase
from spark_assets.domain.limits import PROFILES, Limits
from spark_assets.domain.parameters import OPERATIONS
from spark_assets.ports.rates import RateCounter
from spark_assets.ports.unit_of_work import Database
from spark_assets.runtime.profiles import load_profile

_MOST: Final = 1_000_000
_RATES: Final = "requests_per_second"
_CREATIONS: Final = "creations_in_progress"


def load_limits(name: str) -> Limits:
    """The limits of a profile or a file. Raises BadSettings."""
    return load_profile("LIMITS", name, PROFILES, _limits)


def open_rates(limits: Limits, database: Database) -> RateCounter | None:
    """What counts requests for all processes on this database; None where nothing is limited."""
    if not limits.requests_per_second:
        return None
    if isinstance(database, SqliteDatabase):
        return MemoryRates()
    from spark_assets.db.postgres import PostgresDatabase  # noqa: PLC0415  # asyncpg is loaded only where it is used
    from spark_assets.db.postgres_rates import PostgresRates  # noqa: PLC0415

    assert isinstance(database, PostgresDatabase)
    return PostgresRates(database)


def _limits(given: dict[str, Any], _name: str) -> Limits:
    unknown = set(given) - {_RATES, _CREATIONS}
    if unknown:
        raise ValueError(f"there is no key '{min(unknown)}' in a file of limits; there are {_CREATIONS} and the table {_RATES}")
    rates = given.get(_RATES, {})
    if not isinstance(rates, dict):
        raise ValueError(f"'{_RATES}' must be a table with a number for each model")
    for model in rates:
        if model not in OPERATIONS:
            raise ValueError(f"there is no model '{model}' to limit; there are {', '.join(OPERATIONS)}")
    creations = given.get(_CREATIONS)
    return Limits(
        {model: _number(f"{_RATES}.{model}", limit) for model, limit in rates.items()},
        None if creations is None else _number(_CREATIONS, creations),
    )


def _number(key: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= _MOST:
        raise ValueError(f"{key} must be a whole number from 1 to {_MOST}; leave it out for no limit")
    return value
