"""A server that may fetch from one port and post to another, and canaries on every kind of loopback address that it must not touch."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from tests.end_to_end.shelf import Shelf
from tests.factories.canaries import Canaries
from tests.factories.http import Json, SparkClient
from tests.factories.receivers import Receiver
from tests.factories.spark_processes import Service, embedded

ADMIN: Final = ("--scope", "project:admin", "--scope", "assets:read", "--scope", "assets:write")
PROXIES: Final = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class Scene(NamedTuple):
    """A server, who asks it, where it may fetch from and post to, and what it must not touch."""

    service: Service
    client: SparkClient
    group: str
    shelf: Shelf
    receiver: Receiver
    canaries: Canaries

    @property
    def good(self) -> str:
        """Host and port of the one origin that is allowed."""
        return f"127.0.0.1:{self.shelf.origin.port}"

    def batch(self, lines: list[Json]) -> list[Json]:
        """What a batch of creations is answered, a result for each line; `group_id` and `type` are filled in."""
        texts = [json.dumps({"type": "Image", "group_id": self.group, **line}) for line in lines]
        headers = {"Content-Type": "application/x-ndjson"}
        answered = self.client.request("POST", "/v1/batches", body="\n".join(texts).encode(), headers=headers)
        assert answered.status == 200, answered.body
        return [json.loads(line) for line in answered.body.splitlines()]

    def failures(self, urls: list[str]) -> list[Json]:
        """How creations from these addresses, which must be accepted, failed."""
        results = self.batch([{"url": url} for url in urls])
        assert [url for url, result in zip(urls, results, strict=True) if result["status"] != "accepted"] == []
        ended = [self.client.ended(result["task"]["id"]) for result in results]
        assert [url for url, task in zip(urls, ended, strict=True) if task["status"] != "failed"] == []
        return [task["error"] for task in ended]


@contextmanager
def guarded() -> Iterator[Scene]:
    """A service whose environment names a canary as its proxy for everything."""
    with Shelf() as shelf, Receiver() as receiver, Canaries() as canaries:
        receives = receiver.url.removeprefix("http://").removesuffix("/hook")
        service = embedded(source_allow=f"127.0.0.1:{shelf.origin.port}", webhook_allow=receives, host_concurrency=16, drain_timeout=2)
        service.server.variables.update(dict.fromkeys(PROXIES, f"http://127.0.0.2:{canaries.port}"))
        with service:
            client = service.client(*ADMIN)
            yield Scene(service, client, client.create_group(), shelf, receiver, canaries)
