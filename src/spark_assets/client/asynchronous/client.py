"""The client: one object for one server and one key."""

import os
from types import TracebackType
from typing import Any, Final

import httpx2
import msgspec

from spark_assets import __version__
from spark_assets.client.asynchronous.administration import AsyncAccessKeys, AsyncKeys, AsyncUsage, AsyncWebhooks
from spark_assets.client.asynchronous.assets import AsyncAssets
from spark_assets.client.asynchronous.events import AsyncEvents
from spark_assets.client.asynchronous.groups import AsyncGroups, AsyncProjects
from spark_assets.client.asynchronous.tasks import AsyncTasks
from spark_assets.client.asynchronous.transport import AsyncTransport
from spark_assets.client.asynchronous.uploads import AsyncUploads
from spark_assets.client.bodies import BASE_URL, checked_address, checked_key, chosen_retries


class AsyncClient:
    """Speaks to a Spark Assets server, or with `gateway=True` to the hosted gateway, as far as that goes.

    async with AsyncClient("http://127.0.0.1:8080", "sk-...") as client:
        group = await client.groups.create("hero")
        asset = await client.assets.create(group_id=group.id, path="hero.jpg", wait=True)

    Requests that could do something twice carry an `Idempotency-Key`, so all of them are repeated when the line breaks or the
    server asks for it (`Retry-After`), up to 12 times in about 40 seconds, so that a server that is started anew, or one whose
    database or store is away for a moment, is not noticed. An address where nobody has answered yet is given up after 5; `attempts`
    is meant for both. Nothing is sent again later than a minute after it failed first, unless more attempts were asked for.
    Every error is a SparkAssetsError.
    """

    def __init__(
        self, base_url: str | None = None, key: str | None = None, *, project: str | None = None, gateway: bool = False,
        timeout: float = 30.0, attempts: int | None = None, transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:  # fmt: skip
        """Without `base_url`, `key` and `attempts`, SPARK_ASSETS_BASE_URL, SPARK_ASSETS_KEY and SPARK_ASSETS_ATTEMPTS (12).

        `project`: used where a call names none. `timeout`: seconds for each step of a request. `transport`: another way to send
        requests, such as one through a proxy or into an application. Raises ValueError without a key, and for an address or a key
        that can be none.
        """
        key = key or os.environ.get("SPARK_ASSETS_KEY")
        if not key:
            raise ValueError("give a key, or set SPARK_ASSETS_KEY: `spark-assets keys create --name NAME` makes one")
        address = checked_address(base_url or os.environ.get("SPARK_ASSETS_BASE_URL") or BASE_URL)
        headers = {"Authorization": f"Bearer {checked_key(key)}", "User-Agent": f"spark-assets/{__version__}"}
        if project and not gateway:
            headers["X-Project"] = project
        self._http = httpx2.AsyncClient(base_url=address, headers=headers, timeout=timeout, transport=transport)
        self._transport = AsyncTransport(
            self._http, timeout=timeout, gateway=gateway, project=project, retries=chosen_retries(attempts)
        )  # fmt: skip
        self.projects: Final = AsyncProjects(self._transport)
        self.groups: Final = AsyncGroups(self._transport)
        self.assets: Final = AsyncAssets(self._transport)
        self.tasks: Final = AsyncTasks(self._transport)
        self.uploads: Final = AsyncUploads(self._transport)
        self.events: Final = AsyncEvents(self._transport)
        self.keys: Final = AsyncKeys(self._transport)
        self.access_keys: Final = AsyncAccessKeys(self._transport)
        self.webhooks: Final = AsyncWebhooks(self._transport)
        self.usage: Final = AsyncUsage(self._transport)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def request(self, method: str, path: str, body: Any = None) -> bytes:
        """Any request at all, with a body in JSON if there is one; the bytes of the answer. Raises ConnectionFailed, ApiError."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        answer = await self._transport.send(method, path, content=content, headers=headers)
        return answer.content
