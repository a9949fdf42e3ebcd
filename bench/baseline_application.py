"""The real application with two ordinary Litestar handlers beside it: what the poll and create rows are held against.

They are served by the same process, so that the server, its settings and its event loop are the same for both sides.
"""

import os
from pathlib import Path
from typing import Final

import msgspec
from litestar import Litestar, get, post

from spark_assets.cli import application

ANSWER_VARIABLE: Final = "BENCH_ANSWER_FILE"
"""The environment variable that names the file with the bytes to answer."""
GET_PATH: Final = "/bench/constant"
POST_PATH: Final = "/bench/decoded"


class Creation(msgspec.Struct):
    """The body of a `spark_asset_create`."""

    model: str
    Name: str
    URL: str
    AssetType: str
    GroupId: str


def create() -> Litestar:
    """The application of one server process."""
    answer = Path(os.environ[ANSWER_VARIABLE]).read_bytes()

    @get(GET_PATH, media_type="application/json")
    async def constant() -> bytes:
        return answer

    @post(POST_PATH, media_type="application/json")
    async def decoded(data: Creation) -> bytes:
        return answer

    built = application.create()
    built.register(constant)
    built.register(decoded)
    return built
