"""The moderators that the how-to shows do what it says."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from spark_assets.fetching.outbound import HttpOutbound
from spark_assets.moderation.entry_point_moderator import load_moderator
from spark_assets.moderation.http_moderator import HttpModerator
from spark_assets.ports.moderator import ALLOWED, Moderator, Verdict
from tests.factories.loopback_server import free_port
from tests.factories.moderation import case, install_package

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "plug-in-a-moderator.md"
REFUSED = Verdict("weapons are not accepted")


@pytest.fixture(scope="module")
def programs() -> list[str]:
    """The Python of the page: the endpoint and the plug-in."""
    blocks = PAGE.read_text().split("```python\n")[1:]
    return [block.partition("```")[0] for block in blocks]


async def _judges(moderator: Moderator) -> None:
    assert await moderator.judge(case()) == ALLOWED
    assert await moderator.judge(case(name="My Weapon")) == REFUSED
    assert await moderator.judge(case(rendition=None)) == REFUSED


async def _answers(port: int, process: "subprocess.Popen[bytes]") -> None:
    async with asyncio.timeout(30):
        while process.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return
    raise AssertionError("the program ended")


@pytest.fixture
def endpoint(programs: list[str], tmp_path: Path) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """The program of the page, on a free port."""
    port = free_port()
    program = tmp_path / "moderator.py"
    program.write_text(programs[0].replace("9000", str(port)))
    process = subprocess.Popen([sys.executable, str(program)], stderr=subprocess.DEVNULL)
    yield port, process
    process.kill()
    process.wait()


async def test_the_endpoint_of_the_page_judges(endpoint: tuple[int, "subprocess.Popen[bytes]"]) -> None:
    port, process = endpoint
    await _answers(port, process)
    outbound = HttpOutbound(AddressGuard(parse_allow_list(f"127.0.0.1:{port}"), frozenset()), user_agent="tests")
    try:
        await _judges(HttpModerator(outbound, f"http://127.0.0.1:{port}/", timeout=20))
    finally:
        await outbound.close()


async def test_the_plug_in_of_the_page_judges(programs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(install_package(tmp_path, "my_package", programs[1], strict="Moderator")))
    await _judges(load_moderator("strict", timeout=20))
