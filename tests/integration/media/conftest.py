import asyncio
import inspect
import os
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from spark_assets.domain.media import MediaFormat
from spark_assets.media.confinement import offered_layers
from spark_assets.media.parser import Parser
from spark_assets.media.sandbox import SandboxedInspector
from tests.factories import media
from tests.integration.media import captive, probes
from tests.integration.media.captive import PROBE

OFFERED = offered_layers()
needs_landlock = pytest.mark.skipif(not OFFERED.landlock, reason="this kernel offers no Landlock")
needs_seccomp = pytest.mark.skipif(not OFFERED.seccomp, reason="this kernel offers no seccomp filters")
PROBES = inspect.getsource(probes)
CAPTIVE = captive.__name__
"""The program of a child that can be told to turn on its parent."""


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spool")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def inspector(spool: Path) -> AsyncIterator[SandboxedInspector]:
    os.environ["A_SECRET_OF_THE_SERVER"] = "xyzzy"
    made = SandboxedInspector(spool, workers=1, wall_time=2.0, program=CAPTIVE)
    await made.start()
    yield made
    await made.close()
    del os.environ["A_SECRET_OF_THE_SERVER"]


async def attempt(parser: Parser, function: Callable[..., object], *arguments: object) -> bytes:
    """Run a probe in the child, brought in as text: a confined child can read no file that we could put it into."""
    call = f"space[{function.__name__!r}](*{arguments!r})"
    text = f"(exec({PROBES!r}, space := {{'__name__': 'probes'}}), {call})[1]"
    return await parser.run(PROBE + zlib.compress(text.encode()))


async def run(inspector: SandboxedInspector, function: Callable[..., object], *arguments: object) -> bytes:
    """Run a probe as if it were a job: the same child, the same limits, the same way for errors."""
    async with inspector._turn() as parser:
        return await attempt(parser, function, *arguments)


async def start_lingering(inspector: SandboxedInspector) -> tuple[int, asyncio.Task[bytes]]:
    """The number of a child, once it is busy with a job that does not end, and that job."""
    child = int(await run(inspector, probes.tell_process))
    job = asyncio.create_task(run(inspector, probes.linger))
    async with asyncio.timeout(10):
        while Path(f"/proc/{child}/comm").read_text() != "lingering\n":  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    return child, job


async def assert_gone(child: int) -> None:
    async with asyncio.timeout(10):
        while Path(f"/proc/{child}").exists():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)


async def assert_still_works(inspector: SandboxedInspector, spool: Path) -> None:
    inspection = await inspector.inspect(media.make_jpeg(spool / "next", 320, 200), MediaFormat.JPEG, None)
    assert inspection.facts.width == 320
