"""What the tests of the doors share: a real site on a home of its own, and exchanges that keep what was answered."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from spark_assets.runtime.assembly import open_runtime
from spark_assets.runtime.databases import prepare_database
from spark_assets.runtime.home import make_home
from spark_assets.settings import Settings
from spark_assets.web.exchange import Exchange, Message
from spark_assets.web.site import Site
from tests.factories.databases import write_sqlite_file


class Answered:
    """An exchange, and what its client got to see."""

    def __init__(self, site: Site, scope: Message, messages: Sequence[Message]) -> None:
        self._messages = iter(messages)
        self.sent: list[Message] = []
        self.exchange = Exchange(site, scope, self._receive, self._send)

    async def _receive(self) -> Message:
        return next(self._messages)

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        """The status number."""
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        """The headers."""
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        """The body."""
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def error(self) -> Any:
        """The body of a refusal."""
        return json.decode(self.body)


MakeExchange = Callable[..., Answered]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A site without a server."""
    settings = Settings(home=tmp_path / "home")
    make_home(settings)
    write_sqlite_file(settings.sqlite_path)
    prepare_database(settings)
    async with open_runtime(settings) as runtime:
        yield Site(runtime)


@pytest.fixture
def make_exchange(site: Site) -> MakeExchange:
    """Exchanges on that site."""

    def make(method: str = "GET", *, headers: dict[str, str] | None = None, parts: Sequence[bytes | None] = (b"",)) -> Answered:
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        scope = {"type": "http", "method": method, "path": "/somewhere", "query_string": b"", "headers": raw, "path_params": {}}
        last = len(parts) - 1
        messages: list[Message] = [
            {"type": "http.disconnect"} if part is None else {"type": "http.request", "body": part, "more_body": number < last}
            for number, part in enumerate(parts)
        ]
        return Answered(site, scope, messages)

    return make
