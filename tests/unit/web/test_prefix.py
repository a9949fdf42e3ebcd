"""The prefix before all addresses."""

from typing import Any

import pytest

from spark_assets.settings import OWN_PLACES
from spark_assets.web.app import ROUTES, take_off


@pytest.mark.parametrize(
    ("arrived", "expected"),
    [
        ("/tools/v1/assets", "/v1/assets"),
        ("/tools/", "/"),
        ("/tools", "/"),
        ("/v1/assets", "/v1/assets"),
        ("/toolset/v1", "/toolset/v1"),
        ("/tools/tools/v1", "/tools/v1"),
        ("/%74ools/v1", "/tools/v1"),
    ],
)
def test_the_prefix_is_taken_off_once_if_it_is_there_as_it_is_written(arrived: str, expected: str) -> None:
    scope: dict[str, Any] = {"raw_path": arrived.encode(), "path": arrived.replace("%74", "t")}
    take_off("/tools", scope)
    assert (scope["path"], scope["raw_path"].decode().replace("%74", "t")) == (expected, expected)


def test_without_a_prefix_nothing_is_taken_off() -> None:
    scope: dict[str, Any] = {"raw_path": b"/v1", "path": "/v1"}
    take_off("", scope)
    assert scope == {"raw_path": b"/v1", "path": "/v1"}


def test_none_of_our_own_paths_can_be_a_prefix() -> None:
    own = {path.split("/")[1] for path in ROUTES} | {"model"}
    assert own <= OWN_PLACES, "add what is missing to settings.OWN_PLACES"
