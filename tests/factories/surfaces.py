"""Every way in which a client may speak of the ten operations, behind one call."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from spark_assets.domain.parameters import Operation
from spark_assets.domain.signature import SignedRequest
from tests.factories.http import Answer, Json, SparkClient, envelope, send
from tests.factories.signing import NAMES, sign, signing_headers
from tests.factories.spark_processes import Service

VERSION: Final = "2024-01-01"
JSON: Final = {"Content-Type": "application/json"}


@dataclass
class Member:
    """Someone with an API key and an access key that may do the same; empty ones for someone without."""

    client: SparkClient
    access_key: str = ""
    secret: str = ""


@dataclass
class Reply:
    """What came back at once, and the result or the error in it, wherever the surface puts them."""

    answer: Answer
    result: Json | None = None
    error: Json | None = None

    @property
    def code(self) -> str:
        """The code of the error; empty if there is none."""
        return "" if self.error is None else str(self.error.get("code") or self.error.get("Code"))

    @property
    def plain(self) -> tuple[int, dict[str, str], bytes]:
        """Everything of the answer but what differs between any two requests."""
        headers = {name: value for name, value in self.answer.headers.items() if name not in {"x-request-id", "date"}}
        return self.answer.status, headers, self.answer.body.replace(self.answer.headers["x-request-id"].encode(), b"ID")


def member(service: Service, *options: str) -> Member:
    """Someone whose two keys have these options of `keys create`."""
    made = service.quick_command("access-keys", "create", "--name", "test", *options)
    return Member(service.client(*options), made["id"], made["secret"])


def stranger(service: Service) -> Member:
    """Someone without any key."""
    return Member(SparkClient(service.base_url, "", headers={"Authorization": ""}))


def by_task(caller: Member, operation: Operation, parameters: Json) -> Reply:
    """The task dialect; the result is polled for."""
    answer = caller.client.post({"model": operation.model, **parameters})
    if answer.status != 200:
        return Reply(answer, error=answer.json()["error"])
    task = caller.client.ended(answer.json()["id"])
    if task["status"] == "failed":
        return Reply(answer, error=task["error"])
    found = envelope(task)
    assert found["ResponseMetadata"]["Action"] == operation.action
    return Reply(answer, result=found["Result"])


def by_action(caller: Member, operation: Operation, parameters: Json) -> Reply:
    """`/?Action=` with an API key."""
    return _opened(operation.action, caller.client.request("POST", _target(operation.action), body=_encode(parameters), headers=JSON))


def by_signature(caller: Member, operation: Operation, parameters: Json) -> Reply:
    """`/?Action=` with a signature, or with nothing."""
    return _opened(operation.action, send_signed(caller, operation.action, _encode(parameters)))


def by_open(caller: Member, operation: Operation, parameters: Json) -> Reply:
    """`/open/<Action>`."""
    return _bare(caller, f"/open/{operation.action}", parameters)


def by_volc(caller: Member, operation: Operation, parameters: Json) -> Reply:
    """`/volc/asset/<Action>`."""
    return _bare(caller, f"/volc/asset/{operation.action}", parameters)


SURFACES: Final[dict[str, Callable[[Member, Operation, Json], Reply]]] = {
    "task": by_task,
    "action": by_action,
    "signed": by_signature,
    "open": by_open,
    "volc": by_volc,
}


def send_signed(
    caller: Member, action: str, body: bytes, *, sent: bytes | None = None, at: float | None = None, version: str = VERSION
) -> Answer:
    """Sign a request for this body and moment (Unix seconds; now), and send it, with another body if one is given."""
    query = (("Action", action), ("Version", version))
    headers = signing_headers(urlsplit(caller.client.base_url).netloc, body, time.time() if at is None else at)
    if caller.secret:
        request = SignedRequest(method="POST", path="/", query=query, headers=headers, body=body)
        headers["authorization"] = sign(request, caller.secret, NAMES, key=caller.access_key)
    del headers["host"]  # it is sent by itself
    return send("POST", f"{caller.client.base_url}/?{urlencode(query)}", body=body if sent is None else sent, headers=headers)


def _target(action: str) -> str:
    return f"/?Action={action}&Version={VERSION}"


def _encode(parameters: Json) -> bytes:
    return json.dumps(parameters).encode()


def _opened(action: str, answer: Answer) -> Reply:
    body = answer.json()
    head = body["ResponseMetadata"]
    assert (head["Action"], head["Version"], head["Service"]) == (action, VERSION, "ark")
    assert head["RequestId"] == answer.headers["x-request-id"]
    assert ("Result" in body) == (answer.status == 200) == ("Error" not in head)
    return Reply(answer, body.get("Result"), head.get("Error"))


def _bare(caller: Member, path: str, parameters: Json) -> Reply:
    answer = caller.client.request("POST", path, body=_encode(parameters), headers=JSON)
    body = answer.json()
    return Reply(answer, result=body) if answer.status == 200 else Reply(answer, error=body["error"])
