"""A small synchronous client: bare HTTP exactly as it is told, and the task dialect on top of it."""

import hashlib
import http.client
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from tests.factories import given_out

GENERATION: Final = "/model/v1/generation"
TASKS: Final = f"{GENERATION}/task"
PATIENCE: Final = 60.0
"""Seconds to wait for a task to end."""
_PAUSE: Final = 0.03

Json = dict[str, Any]


@dataclass
class Answer:
    """What came back; header names in lower case, the last one of a name."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json()["error"]["code"])

    @property
    def message(self) -> str:
        """The sentence of an error."""
        return str(self.json()["error"]["message"])

    @property
    def sha256(self) -> str:
        """The hash of the body in hex."""
        return hashlib.sha256(self.body).hexdigest()


def send(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    timeout: float = 30.0,
    source: str | None = None,
) -> Answer:
    """One request on a connection of its own, with no header beyond these, a `Host`, and the length of a body; follows nothing.

    `source`: the address to connect from.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    given_out.note_request(body)
    connection = http.client.HTTPConnection(
        parts.hostname, parts.port, timeout=timeout, source_address=None if source is None else (source, 0)
    )
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        given = list(headers.items() if isinstance(headers, Mapping) else headers)
        has_host = any(name.lower() == "host" for name, _ in given)
        connection.putrequest(method, target, skip_host=has_host, skip_accept_encoding=True)
        for name, value in given:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, found, response.read())
        given_out.note_answer(answer.body, found.get("location", ""))
        return answer
    finally:
        connection.close()


def follow(method: str, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
    """The same, and on to where redirects lead, with the same headers."""
    for _ in range(5):
        answer = send(method, url, headers=headers or {})
        if answer.status not in {301, 302, 303, 307, 308}:
            return answer
        url = answer.headers["location"]
    raise AssertionError("the redirects do not end")


class TaskFailed(AssertionError):
    """A task that was expected to complete has failed."""


@dataclass
class SparkClient:
    """A caller of the task dialect with one key."""

    base_url: str
    key: str
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every request."""
    source: str | None = None
    """The address to connect from."""

    def request(self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request with the key; an empty `Authorization` in `headers` leaves it out."""
        given = {"Authorization": f"Bearer {self.key}", **self.headers, **(headers or {})}
        return send(
            method, self.base_url + path, body=body, headers={name: value for name, value in given.items() if value}, source=self.source
        )

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request of our own surface, with a body in JSON if there is one."""
        return self.request(method, path, body=None if body is None else json.dumps(body).encode(), headers=headers)

    def post(self, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """Submit a task: bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", GENERATION, body=content, headers={"Content-Type": "application/json", **(headers or {})})

    def submit(self, model: str, **parameters: Any) -> str:
        """Submit a task that must be accepted; its ID."""
        answer = self.post({"model": model, **parameters})
        assert answer.status == 200, answer.body
        return str(answer.json()["id"])

    def poll(self, task_id: str) -> Json:
        """The task object."""
        answer = self.request("GET", f"{TASKS}/{task_id}")
        assert answer.status == 200, answer.body
        found: Json = answer.json()
        return found

    def ended(self, task_id: str, patience: float = PATIENCE) -> Json:
        """The task object once it has ended, either way."""
        deadline = time.monotonic() + patience
        while (task := self.poll(task_id))["status"] == "in_progress":
            assert time.monotonic() < deadline, f"the task did not end within {patience} s: {task}"
            time.sleep(_PAUSE)
        return task

    def completed(self, task_id: str, patience: float = PATIENCE) -> Json:
        """The task object once it has completed. Raises TaskFailed."""
        task = self.ended(task_id, patience)
        if task["status"] != "completed":
            raise TaskFailed(task["error"]["error_message"])
        return task

    def create_group(self, name: str = "group", **parameters: Any) -> str:
        """A new group's ID."""
        task = self.completed(self.submit("spark_asset_create_group", Name=name, GroupType="AIGC", **parameters))
        return str(result(task)["Id"])

    def submit_asset(self, group: str, url: str, asset_type: str = "Image", name: str = "asset", **parameters: Any) -> str:
        """The ID of a task that registers an asset."""
        return self.submit("spark_asset_create", Name=name, URL=url, AssetType=asset_type, GroupId=group, **parameters)

    def create_asset(self, group: str, url: str, asset_type: str = "Image", name: str = "asset", **parameters: Any) -> str:
        """The ID of a new asset that is active."""
        return str(result(self.completed(self.submit_asset(group, url, asset_type, name, **parameters)))["Id"])

    def get_asset(self, asset_id: str, **parameters: Any) -> Json:
        """The result of spark_asset_get."""
        return result(self.completed(self.submit("spark_asset_get", Id=asset_id, **parameters)))

    def get_v1_asset(self, asset_id: str) -> Json:
        """The asset as our own surface shows it."""
        answer = self.request("GET", f"/v1/assets/{asset_id}")
        assert answer.status == 200, answer.body
        found: Json = answer.json()
        return found


def envelope(task: Json) -> Json:
    """The JSON in the text of a completed task."""
    found: Json = json.loads(task["output"][0]["content"][0]["text"])
    return found


def result(task: Json) -> Json:
    """The result in the text of a completed task."""
    found: Json = envelope(task)["Result"]
    return found
