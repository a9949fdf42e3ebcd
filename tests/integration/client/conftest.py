"""What a program passes to the SDK as its transport: a door that answers from a function, for both clients."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import pytest

from spark_assets.client import AsyncClient, Client

Answer = tuple[int, Any]
Behaviour = Callable[[httpx2.Request], Answer]
BASE_URL = "http://library.test/assets"


class Door:
    """Answers both clients alike, and remembers what was asked."""

    def __init__(self, blocks: bool) -> None:
        self._blocks = blocks
        self.requests: list[httpx2.Request] = []
        self.behaviour: Behaviour = lambda request: (404, {"error": {"code": "NotFound.path", "message": "no"}})

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        """The answer of the day."""
        self.requests.append(request)
        status, body = self.behaviour(request)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx2.Response(status, content=content, headers={"X-Request-Id": "r-2"})

    def call(self, work: Callable[[Any], Any], **options: Any) -> Any:
        """What the work gets of a client: a value, what is awaited, or the first of what is iterated."""
        transport = httpx2.MockTransport(self.handle)
        if self._blocks:
            with Client(BASE_URL, "sk-test", transport=transport, attempts=1, **options) as client:
                found = work(client)
                return next(found) if isinstance(found, Iterator) else found

        async def call() -> Any:
            async with AsyncClient(BASE_URL, "sk-test", transport=transport, attempts=1, **options) as client:
                found = work(client)
                return await found if isinstance(found, Awaitable) else await anext(found)

        return asyncio.run(call())

    @property
    def body(self) -> Any:
        """What the last request said."""
        return json.loads(self.requests[-1].content)


@pytest.fixture(params=["blocks", "awaits"])
def door(request: pytest.FixtureRequest) -> Door:
    """A door for the client that blocks, and one for the client that awaits."""
    return Door(request.param == "blocks")
