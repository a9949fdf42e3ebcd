"""A schema made at once, as the code describes it, where there is none yet: what the migrations would leave, without running them."""

import time

from sqlalchemy import Column, Connection, MetaData, String, Table
from sqlalchemy.schema import CreateIndex, CreateTable

from spark_assets.db import administration_tables, event_tables
from spark_assets.db.schema import FLOOR, HEAD
from spark_assets.db.tables import metadata, projects

DEFAULT_PROJECT = ("project-default", "default")
"""ID and name of the project that every library begins with."""


def create_schema(connection: Connection) -> None:
    """Make the tables in an empty database, with the default project, and write down which version they are.

    Indexes are made by name, always in the same order: of two that serve a query as well, SQLite takes the younger.
    """
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index))
    project_id, name = DEFAULT_PROJECT
    connection.execute(projects.insert().values(id=project_id, name=name, created_at=time.time_ns() // 1000))
    version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True), Column("floor", String(32)))
    version.primary_key.name = "alembic_version_pkc"  # as Alembic calls it
    version.create(connection)
    connection.execute(version.insert().values(version_num=HEAD, floor=FLOOR))


__all__ = ["DEFAULT_PROJECT", "administration_tables", "create_schema", "event_tables"]
"""The modules of tables add theirs to the metadata."""
