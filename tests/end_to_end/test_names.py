"""How long a name may be: code points after NFC, whatever they look like."""

from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient, result
from tests.factories.media import make_jpeg


@pytest.fixture(scope="session")
def address(shelf: Shelf, media: Path) -> str:
    """Of a picture that is accepted."""
    return shelf.put("/named.jpg", make_jpeg(media / "named.jpg"))


NAMES: Final[list[tuple[str, str, bool]]] = [
    ("64 letters", "x" * 64, True),
    ("65 letters", "x" * 65, False),
    ("64 composed of two code points each", "e\u0301" * 64, True),
    ("65 composed of two code points each", "e\u0301" * 65, False),
    ("64 emoji", "\U0001f600" * 64, True),
    ("65 emoji", "\U0001f600" * 65, False),
    ("32 letters with a mark that no composition has", "x\u0301" * 32, True),
    ("33 letters with a mark that no composition has", "x\u0301" * 33, False),
    ("64 Hangul syllables as letters", "\u1112\u1161\u11ab" * 64, True),
    ("65 Hangul syllables as letters", "\u1112\u1161\u11ab" * 65, False),
    ("33 of which NFC makes two each", "\u0958" * 33, False),
    ("32 of which NFC makes two each", "\u0958" * 32, True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fits"), [(text, fits) for _, text, fits in NAMES], ids=[label for label, _, _ in NAMES])
def test_a_name_counts_code_points_after_composition_and_is_kept_as_sent(
    client: SparkClient, group: str, address: str, name: str, fits: bool
) -> None:
    answered = client.post({"model": "spark_asset_create", "Name": name, "URL": address, "AssetType": "Image", "GroupId": group})
    if not fits:
        assert (answered.status, answered.code) == (400, "InvalidParameter.Name")
        return
    asset_id = result(client.completed(answered.json()["id"]))["Id"]
    assert client.get_asset(asset_id)["Name"] == name
