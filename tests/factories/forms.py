"""Bodies of ways in: forms, the headers of tus, batches."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tests.factories.http import Answer, Json, SparkClient

BOUNDARY: Final = "a-boundary-of-the-tests"
TUS: Final = {"Tus-Resumable": "1.0.0"}
OFFSET_STREAM: Final = "application/offset+octet-stream"


def form(*fields: tuple[str, str], file: bytes | None = None, file_name: str = "photo.jpg", file_first: bool = False) -> bytes:
    """A form with these fields and the file, after them or before."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields]
    if file is not None:
        head = f'Content-Disposition: form-data; name="file"; filename="{file_name}"\r\nContent-Type: image/x\r\n\r\n'
        parts.insert(0 if file_first else len(parts), head.encode() + file)
    return b"".join(b"--%b\r\n%b\r\n" % (BOUNDARY.encode(), part) for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def upload(client: SparkClient, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Send a form."""
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return client.request("POST", "/v1/uploads", body=body, headers={**kind, **(headers or {})})


def data_uri(content: bytes) -> str:
    """The bytes as an address."""
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def metadata(**texts: str) -> str:
    """Texts as tus carries them."""
    return ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in texts.items())


def begin(client: SparkClient, length: int, headers: Mapping[str, str] | None = None, **texts: str) -> Answer:
    """Begin a resumable upload."""
    given = {**TUS, "Upload-Length": str(length), "Upload-Metadata": metadata(**texts), **(headers or {})}
    return client.request("POST", "/v1/uploads/tus", body=b"", headers=given)


def path_of(client: SparkClient, answer: Answer) -> str:
    """The path of the upload that was begun."""
    assert answer.status == 201, answer.body
    return answer.headers["location"].removeprefix(client.base_url)


def add(client: SparkClient, path: str, offset: int, content: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Add bytes to it."""
    given = {**TUS, "Upload-Offset": str(offset), "Content-Type": OFFSET_STREAM, **(headers or {})}
    return client.request("PATCH", path, body=content, headers=given)


def offset_of(client: SparkClient, path: str) -> int:
    """Where it stands."""
    answer = client.request("HEAD", path, headers=TUS)
    assert answer.status == 200
    return int(answer.headers["upload-offset"])


def batch(client: SparkClient, lines: Sequence[Any], headers: Mapping[str, str] | None = None) -> list[Json]:
    """What became of the lines; texts are sent as they are."""
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()
    answer = client.request("POST", "/v1/batches", body=body, headers={"Content-Type": "application/x-ndjson", **(headers or {})})
    assert answer.status == 200, answer.body
    return list(read_lines(answer.body))


def read_lines(body: bytes) -> Iterable[Json]:
    """Each line, read as JSON."""
    return (json.loads(line) for line in body.splitlines())


def ended(client: SparkClient, task_id: str) -> Json:
    """The task as our own surface shows it, once it has ended."""
    while True:
        task: Json = client.call("GET", f"/v1/tasks/{task_id}?wait=30").json()
        if task["status"] != "in_progress":
            return task
