"""Which statements are run on the bare driver, and with which values."""

from sqlalchemy import Column, MetaData, String, Table, bindparam, insert, select, text
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from spark_assets.db.prepared import Preparations

FILMS = Table("films", MetaData(), Column("id", String(9), primary_key=True), Column("title", String(9)))
PLACED = Table("placed", MetaData(), Column("id", String(9), primary_key=True), Column("shelf", String(9), default="top"))
BY_TITLE = select(FILMS.c.id).where(FILMS.c.title == bindparam("title"), FILMS.c.id != bindparam("title"))


def test_values_stand_in_the_order_of_the_text_and_a_name_that_is_used_twice_is_given_as_often_as_the_driver_wants_it() -> None:
    values = {"title": "Heat"}
    on_sqlite = Preparations(sqlite_dialect(paramstyle="qmark")).find(BY_TITLE, values)
    on_postgres = Preparations(asyncpg_dialect()).find(BY_TITLE, values)
    assert on_sqlite is not None and on_postgres is not None
    assert on_sqlite.values(values) == ["Heat", "Heat"]
    assert on_postgres.values(values) == ["Heat"]
    assert on_postgres.sql.count("$1") == 2
    assert [row.id for row in on_postgres.rows([("film-1",), ("film-2",)])] == ["film-1", "film-2"]


def test_what_only_sqlalchemy_can_do_is_left_to_it() -> None:
    preparations = Preparations(asyncpg_dialect())
    assert preparations.find(insert(FILMS), {"id": "film-1"}) is not None
    assert preparations.find(insert(PLACED), {"id": "film-1"}) is None, "it knows the default"
    assert preparations.find(insert(PLACED), {"id": "film-1", "shelf": "low"}) is not None
    assert preparations.find(select(FILMS).where(FILMS.c.id.in_(bindparam("ids", expanding=True))), {"ids": ["film-1"]}) is None
    assert preparations.find(text("SELECT :title"), {"title": "Heat"}) is None
