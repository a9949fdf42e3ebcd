"""What a poll tells while an ingest is under way."""

import time
from pathlib import Path

from tests.end_to_end.shelf import Shelf, slowly
from tests.factories.http import Json, SparkClient
from tests.factories.media import make_jpeg

STAGES = ["queued", "fetching", "inspecting", "storing", "active"]


def test_stage_bytes_and_progress_grow_with_what_has_arrived(client: SparkClient, group: str, shelf: Shelf, media: Path) -> None:
    content = make_jpeg(media / "slow.jpg", 1200, 900, quality=90).read_bytes()
    task_id = client.submit_asset(group, shelf.behave("/slow.jpg", slowly(content, 2.2, parts=44)))
    seen: list[Json] = []
    while (task := client.poll(task_id))["status"] == "in_progress":
        seen.append(task)
        time.sleep(0.02)
    assert task["status"] == "completed"
    progress = [one["progress"] for one in seen]
    received = [one["metadata"]["bytes"] for one in seen]
    stages = [STAGES.index(one["metadata"]["stage"]) for one in seen]
    for series in (progress, received, stages):
        assert series == sorted(series)
    assert len(set(progress)) >= 4
    assert all(0 <= value < 1 for value in progress)
    assert len({value for value in received if 0 < value < len(content)}) >= 3
    assert "fetching" in {one["metadata"]["stage"] for one in seen}
    assert (task["metadata"]["bytes"], task["metadata"]["stage"]) == (len(content), "active")
    # While bytes arrive, the share of progress follows the share of bytes: 5 % to 75 %.
    for one in seen:
        if one["metadata"]["stage"] == "fetching" and one["metadata"]["bytes"]:
            share = one["metadata"]["bytes"] / len(content)
            assert abs(one["progress"] - (0.05 + 0.7 * share)) < 0.01
