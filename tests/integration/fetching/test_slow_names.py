"""Name servers that hang, and the downloads of everybody else."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from spark_assets.fetching.download import FetchTimes, HttpSource
from spark_assets.fetching.name_lookup import SystemResolver
from tests.factories.origin import Origin, answer, run_origin
from tests.integration.fetching.conftest import content, ignore
from tests.unit.fetching.hanging_names import HangingNames

Run = Callable[[Awaitable[None]], None]


@pytest.fixture
def names() -> Iterator[HangingNames]:
    """Names, those that hang until the test is over among them."""
    names = HangingNames()
    yield names
    names.release()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Callable[[Any], None]]:
    """Runs a coroutine on each kind of event loop."""
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner.run
