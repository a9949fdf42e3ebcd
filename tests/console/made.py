"""Assets for the console's tests, made through the SDK from real files."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from spark_assets.client import Client
from spark_assets.wire.admin import AssetBody
from tests.factories.media import make_jpeg, make_mp3, make_png, make_video


def make_file(folder: Path, kind: str = "png") -> Path:
    """A file of that ending, small and of the default policy."""
    path = folder / f"{uuid4().hex[:8]}.{kind}"
    match kind:
        case "mp4":
            return make_video(path, seconds=2)
        case "mp3":
            return make_mp3(path)
        case "jpg":
            return make_jpeg(path)
        case _:
            return make_png(path, 400, 320)


def make_asset(sdk: Client, folder: Path, name: str, kind: str = "png", **fields: Any) -> AssetBody:
    """An active asset; in a group of its own unless `group_id` says another."""
    group_id = fields.pop("group_id", None) or sdk.groups.create(f"Group of {name}", project=fields.get("project")).id
    made = sdk.assets.create(group_id=group_id, path=make_file(folder, kind), name=name, wait=True, **fields)
    assert isinstance(made, AssetBody)
    return made


def make_project(sdk: Client) -> str:
    """A new project: its name."""
    return sdk.projects.create(f"p-{uuid4().hex[:8]}").name
