"""Names in every script: kept as they were sent, listed, found, and given to the file that is downloaded; others refused by name."""

import unicodedata
from typing import Final
from urllib.parse import quote, unquote

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient, follow
from tests.factories.media import make_jpeg

NAMES: Final = {
    "Arabic": "صورة البطل",
    "Hebrew with points": "שָׁלוֹם עוֹלָם",
    "right to left among left to right": "scene \u05d0\u05d1 2",
    "directions forced": "a\u202eb\u202c",
    "Devanagari": "हिन्दी क्षेत्र",
    "Thai": "ภาษาไทยน้ำ",
    "Tibetan": "བོད་ཡིག",
    "Chinese beyond the first plane": "\U00020000\U0002a6d6",
    "Japanese with a combining mark": "か\u3099き",
    "Hangul as letters": "\u1112\u1161\u11ab",
    "Vietnamese decomposed": unicodedata.normalize("NFD", "Tiếng Việt"),
    "Vietnamese composed": unicodedata.normalize("NFC", "Tiếng Việt"),
    "a compatibility form": "ﬁle ① ﬀ",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "a flag of tags": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "a skin and a variation": "\U0001f44b\U0001f3fd \u2764\ufe0f",
    "zero width": "a\u200bb\u200cc\u200dd\ufeffe",
    "many marks": "Z\u0351\u036b\u0343\u036a\u0302\u036b",
    "Turkish": "\u0130stanbul \u0131s\u0131",
    "German": "Straße GROẞ",
    "Greek": "ΌΣΟΣ σς",
    "cuneiform": "\U00012000\U00012001",
    "private use": "\ue000\U000f0000",
    "letters of markup": "<b>&amp;</b>'\"",
    "a path": "../../etc/passwd",
    "percent": "100%25 _\\",
    "a template": "{{7*7}}${7*7}",
    "a line separator": "a\u2028b",
}
REFUSED: Final = ("a\x00b", "a\nb", "a\x1b[31mb", "a\x7fb", "a\x85b", "   ", "\u3000\u2003", "\r\n")


@pytest.fixture(scope="module")
def address(shelf: Shelf, media: object, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a picture that is accepted."""
    return shelf.put("/scripts.jpg", make_jpeg(tmp_path_factory.mktemp("scripts") / "x.jpg", 400, 400))


def _found(client: SparkClient, group: str, name: str) -> list[str]:
    answer = client.call("GET", f"/v1/assets?group_id={group}&name={quote(name, safe='')}")
    assert answer.status == 200, answer.body
    return [item["name"] for item in answer.json()["items"]]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_kept_listed_found_and_given_to_the_file(client: SparkClient, address: str, name: str, size: str) -> None:
    group = client.create_group(name)
    asset = client.create_asset(group, address, name=name)
    shown = client.get_v1_asset(asset)
    assert (shown["name"], client.get_asset(asset)["Name"]) == (name, name)
    assert client.call("GET", f"/v1/groups/{group}").json()["name"] == name
    assert _found(client, group, name) == [name]
    begin = name[: len(name) // 2 + 1]
    if unicodedata.normalize("NFC", begin) in unicodedata.normalize("NFC", name):  # half a syllable is another one
        assert _found(client, group, begin) == [name]
    assert _found(client, group, name + "x") == []
    if size == "fleet":
        return  # the object store sends the bytes, and knows no names
    disposition = follow("GET", shown["url"], headers={"Range": "bytes=0-0"}).headers["content-disposition"]
    saved = unquote(disposition.partition("filename*=UTF-8''")[2], errors="strict")
    assert disposition.isascii()
    assert disposition.isprintable()
    assert not set(saved) & set('/\\"<>:|?*%\r\n\u202e\u2028')
    assert all(character == "_" or character in name + ".jpg" for character in saved), saved


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_a_name_with_what_is_no_text_is_refused_everywhere(client: SparkClient, group: str, address: str, name: str) -> None:
    made = client.post({"model": "spark_asset_create", "Name": name, "URL": address, "AssetType": "Image", "GroupId": group})
    renamed = client.call("PATCH", f"/v1/groups/{group}", {"name": name})
    assert {made.status, renamed.status} == {400}
    assert made.code in {"InvalidParameter.Name", "MissingParameter.Name"}
    assert renamed.code in {"InvalidParameter.name", "MissingParameter.name"}


@pytest.mark.parametrize("label", ["Vietnamese decomposed", "Turkish", "German", "Greek", "Hangul as letters"])
def test_a_name_is_found_in_other_letters_of_the_same_word(client: SparkClient, address: str, label: str) -> None:
    """In any case, and however its letters are put together."""
    group = client.create_group(label)
    name = NAMES[label]
    client.create_asset(group, address, name=name)
    assert _found(client, group, unicodedata.normalize("NFC", name)) == [name]
    assert _found(client, group, unicodedata.normalize("NFD", name)) == [name]
    if label != "Turkish":  # whose dotted capital has no single small letter
        assert _found(client, group, name.lower()) == [name]
