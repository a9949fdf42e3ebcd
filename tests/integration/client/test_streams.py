"""What the SDK does with event streams that end before what they tell of."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from spark_assets.client import Client, NotFound
from tests.end_to_end.shelf import Shelf
from tests.factories.origin import answer
from tests.integration.client.test_repetition import in_turn, refused, told

TASK: dict[str, Any] = {
    "id": "t", "model": "spark_asset_create", "status": "in_progress", "project": "default", "asset_id": "asset-1", "group_id": None,
    "stage": "queued", "progress": 0.0, "bytes_received": 0, "attempts": 0, "cost": "0", "discount": "0", "request_id": "r",
    "retry_of": None, "created_at": "", "completed_at": None, "error": None,
}  # fmt: skip
STREAM = {"Content-Type": "text/event-stream"}


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as running:
        yield running


def event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def test_a_stream_that_a_stopping_server_ends_or_refuses_is_taken_up_again(shelf: Shelf) -> None:
    half = answer(event("progress", {"stage": "fetching", "progress": 0.5, "bytes": 5}), headers=STREAM)
    whole = answer(event("completed", {**TASK, "status": "completed"}), headers=STREAM)
    shelf.put("/v1/tasks/t", json.dumps(TASK).encode())
    shelf.behave("/v1/tasks/t/events", in_turn(half, told(503, refused("ServiceUnavailable"), Retry_After="0"), whole))
    with Client(shelf.origin.url(""), "sk-test") as client:
        task = client.tasks.get("t")
        assert [step.progress for step in task.events()] == [0.5]
    assert (task.status, shelf.origin.count("/v1/tasks/t/events")) == ("completed", 3)


def test_a_refusal_that_will_not_change_ends_a_stream(shelf: Shelf) -> None:
    shelf.put("/v1/tasks/t", json.dumps(TASK).encode())
    shelf.behave("/v1/tasks/t/events", told(404, refused("NotFound.task_id")))
    shelf.behave(
        "/v1/events", in_turn(told(503, refused("ServiceUnavailable"), Retry_After="0"), told(404, refused("NotFound.ProjectName")))
    )
    with Client(shelf.origin.url(""), "sk-test") as client:
        with pytest.raises(NotFound):
            list(client.tasks.get("t").events())
        with pytest.raises(NotFound):
            next(client.events.listen(project="gone"))
    assert (shelf.origin.count("/v1/tasks/t/events"), shelf.origin.count("/v1/events")) == (1, 2)
