"""Turns: ingests that wait in line are called, as many of each project as may be at hand."""

from collections.abc import Mapping
from itertools import chain, zip_longest

from spark_assets.domain.backlog import Backlog
from spark_assets.ports.lines import Ingest
from spark_assets.ports.queue import Job, JobKind
from spark_assets.ports.unit_of_work import Database, UnitOfWork


def ingest_job(ingest: Ingest) -> Job:
    """The job of an ingest whose turn it is."""
    return Job(JobKind.INGEST, ingest.task_id, ingest.host, ingest.project_id)


async def call_in_turn(uow: UnitOfWork, wanted: Mapping[str, int]) -> int:
    """Enqueue so many of each project's lines, one of each project after the other; how many there were."""
    called = [await uow.lines.call(project_id, count) for project_id, count in wanted.items()]
    in_turn = [ingest for ingest in chain.from_iterable(zip_longest(*called)) if ingest is not None]
    for ingest in in_turn:
        uow.enqueue(ingest_job(ingest))
    return len(in_turn)


async def count_backlog(database: Database, backlog: Backlog) -> None:
    """Let the backlog be what is on record."""
    backlog.begin_count()
    async with database.read() as repositories:
        counted = await repositories.lines.unfinished()
    backlog.end_count(counted)
