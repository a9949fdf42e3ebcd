"""What a migration does to a schema, as code sees it that does not know the migration."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, inspect


class Shape(NamedTuple):
    """The tables of a database, by name, with everything about them that a statement can meet."""

    columns: Mapping[str, Mapping[str, tuple[str, bool, bool]]]
    """By table: for each column its type, whether it may be NULL, and whether a row that does not name it gets a value."""
    indexes: Mapping[str, Mapping[str, bool]]
    """By table: for each index whether it is unique."""
    constraints: Mapping[str, frozenset[str]]
    """By table: its keys, unique values, references and checks, each as a text."""


def shape_of(connection: Connection) -> Shape:
    """The shape of a database now; what the queue and Alembic keep for themselves is left out."""
    found = inspect(connection)
    tables = [name for name in found.get_table_names() if not name.startswith(("pgqueuer", "alembic"))]
    return Shape(
        {name: {column["name"]: _column(column) for column in found.get_columns(name)} for name in tables},
        {name: {str(index["name"]): bool(index["unique"]) for index in found.get_indexes(name)} for name in tables},
        {
            name: frozenset(
                repr(sorted((key, str(value)) for key, value in constraint.items()))
                for constraint in (
                    found.get_pk_constraint(name),
                    *found.get_unique_constraints(name),
                    *found.get_foreign_keys(name),
                    *found.get_check_constraints(name),
                )
            )
            for name in tables
        },
    )


def _column(column: Any) -> tuple[str, bool, bool]:
    fills_itself = column["default"] is not None or bool(column.get("autoincrement") is True) or column.get("computed") is not None
    return str(column["type"]), bool(column["nullable"]), fills_itself


def breakages(before: Shape, after: Shape, *, is_shared: bool) -> list[str]:
    """What code that knows the shape before could stumble over in the one after.

    `is_shared`: other processes may be at work meanwhile, so that an index which they need must stay; without it, it may go.
    """
    broken = [f"the table {table} is gone" for table in before.columns.keys() - after.columns.keys()]
    for table in before.columns.keys() & after.columns.keys():
        broken += _broken_columns(table, before.columns[table], after.columns[table])
        broken += _broken_indexes(table, before.indexes[table], after.indexes[table], is_shared=is_shared)
        if before.constraints[table] != after.constraints[table]:
            broken.append(f"the constraints of {table} change: {sorted(before.constraints[table] ^ after.constraints[table])}")
    return sorted(broken)


def _broken_columns(table: str, before: Mapping[str, tuple[str, bool, bool]], after: Mapping[str, tuple[str, bool, bool]]) -> list[str]:
    broken = [f"{table}.{name} changes or is gone" for name, found in before.items() if after.get(name) != found]
    added = {name: found for name, found in after.items() if name not in before}
    return broken + [f"{table}.{name} must be given" for name, (_, nullable, filled) in added.items() if not (nullable or filled)]


def _broken_indexes(table: str, before: Mapping[str, bool], after: Mapping[str, bool], *, is_shared: bool) -> list[str]:
    broken = [f"{name} makes values of {table} unique" for name, unique in after.items() if unique and not before.get(name)]
    gone = [(name, unique) for name, unique in before.items() if after.get(name) is None or after[name] is not unique]
    return broken + [f"the index {name} of {table} is gone" for name, unique in gone if unique or is_shared]
