"""The commands of docs/how-to/follow-tasks-live.md, as they stand there."""

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.end_to_end.shelf import Shelf
from tests.end_to_end.test_readme import ROOT, shell_lines
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service

PAGE: Final = ROOT / "docs" / "how-to" / "follow-tasks-live.md"


def test_the_commands_of_the_page_do_what_it_says(service: Service, shelf: Shelf, media: Path, tmp_path: Path) -> None:
    service.quick_command("projects", "create", "followed")
    client = service.client("--project", "followed")  # where nothing else happens meanwhile
    url = shelf.put("/followed.jpg", make_jpeg(media / "followed.jpg"))
    script = "\n".join(shell_lines(PAGE.read_text())).replace("http://127.0.0.1:8080", service.base_url)
    finished = subprocess.run(
        ["bash", "-e"],
        cwd=tmp_path, input=script, capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"], "KEY": client.key, "GROUP": client.create_group(), "URL": url},
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    said = finished.stdout
    waited, _, watched = said.partition("event: completed\n")
    assert '"status":"completed"' in waited
    assert watched.startswith('data: {"id":"')
    for event in ("ready", "task.completed", "asset.active", "asset.deleted"):
        assert f"event: {event}\n" in watched
    assert watched.rstrip().endswith("event: ready\ndata: {}"), "there is nothing more to tell"
