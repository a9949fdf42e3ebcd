"""What a client asked for, and what it was told: the measure of everything that is there after a crash."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Final

from tests.factories.http import Answer, Json, SparkClient

_LATER: Final = {408, 429, 503, 507}
"""Statuses of an answer that promises nothing: the request is repeated."""


@dataclass
class Creation:
    """A request that makes an asset, repeated under its idempotency key until it is answered."""

    number: int
    ask: Callable[[SparkClient, dict[str, str]], Answer]
    sha256: str | None
    """Of the file; None for a source that cannot be had."""
    project: str = "default"
    task_id: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What is the same at every repetition."""
        return {"Idempotency-Key": f"creation-{self.number}"}


@dataclass
class Promises:
    """All that a client was told, by whichever process of the service; safe to use from several threads."""

    asked: list[Creation] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    """Assets whose deletion or erasure was asked for; whether it happened may not be known yet."""
    deleting: dict[str, str] = field(default_factory=dict)
    """Those that are to be removed until that is acknowledged, and by which of `delete` and `erase`."""
    ended: dict[str, Json] = field(default_factory=dict)
    """The task as it was first seen to have ended."""
    broken: list[str] = field(default_factory=list)
    """Sentences about what was told wrongly on the way."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledged(self) -> dict[str, Creation]:
        """The creations that were answered, by their task."""
        return {creation.task_id: creation for creation in self.asked if creation.task_id}

    def unanswered(self) -> list[Creation]:
        """The others."""
        return [creation for creation in self.asked if not creation.task_id]

    def submit(self, client: SparkClient, creation: Creation) -> bool:
        """Ask; whether there was an answer to rely on."""
        answer = attempt(lambda: creation.ask(client, creation.headers))
        if answer is None or answer.status in _LATER:
            return False
        if answer.status not in {200, 202}:
            self.complain(f"creation {creation.number} was answered {answer.status}: {answer.body[:300]!r}")
            return False
        creation.task_id = str(answer.json()["id"])
        return True

    def remove(self, client: SparkClient, asset_id: str) -> bool:
        """Delete or erase the asset; whether it is known to be gone."""
        if self.deleting[asset_id] == "delete":
            answer = attempt(lambda: client.call("DELETE", f"/v1/assets/{asset_id}"))
        else:
            answer = attempt(lambda: client.call("POST", "/v1/erasures", {"asset_ids": [asset_id]}))
        if answer is None or answer.status in _LATER:
            return False
        if answer.status not in {200, 204, 404}:  # 404: an earlier attempt did it, and its answer was lost
            self.complain(f"the removal of {asset_id} was answered {answer.status}: {answer.body[:300]!r}")
        with self.lock:
            del self.deleting[asset_id]
        return True

    def look(self, client: SparkClient, task_id: str) -> Json | None:
        """The task; None if nobody answered. What has ended must stay as it was."""
        answer = attempt(lambda: client.request("GET", f"/model/v1/generation/task/{task_id}"))
        if answer is None or answer.status in _LATER:
            return None
        if answer.status != 200:
            self.complain(f"the acknowledged task {task_id} is answered {answer.status}: {answer.body[:300]!r}")
            return None
        found: Json = answer.json()
        if found["status"] == "in_progress":
            if task_id in self.ended:
                self.complain(f"the task {task_id} had ended as {self.ended[task_id]['status']} and is in progress")
            return found
        first = self.ended.setdefault(task_id, found)
        if (first["status"], first.get("output")) != (found["status"], found.get("output")):
            self.complain(f"the task {task_id} ended as {first}, and then as {found}")
        return found

    def complain(self, sentence: str) -> None:
        """Note that a promise is broken."""
        with self.lock:
            self.broken.append(sentence)


def attempt(ask: Callable[[], Answer]) -> Answer | None:
    """The answer; None if the connection came to nothing, as it does with a process that is killed."""
    try:
        return ask()
    except (OSError, HTTPException):
        return None
