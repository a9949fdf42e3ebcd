"""Fixtures for tests of the worker, the assembly line and the housekeeping: a workshop on a database of its own."""

from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.factories.databases import KeptJobs, open_sqlite
from tests.factories.workshop import Workshop


@pytest.fixture
def kept() -> KeptJobs:
    """The jobs that were handed over."""
    return KeptJobs()


@pytest.fixture
async def workshop(tmp_path: Path, kept: KeptJobs) -> AsyncIterator[Workshop]:
    """A workshop whose jobs are kept."""
    async with open_sqlite(tmp_path / "library.db", kept) as database:
        workshop = Workshop(tmp_path, database)
        yield workshop
        await workshop.blobs.close()


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged meanwhile, kept instead of drawn on a terminal."""
    with capture_logs() as entries:
        yield entries
