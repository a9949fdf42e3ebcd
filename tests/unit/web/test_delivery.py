import re
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spark_assets.web.delivery.handlers import _file_name
from spark_assets.web.delivery.ranges import MOST_RANGES, NotSatisfiable, parse_ranges

CONTENT = bytes(range(256)) * 2
sizes = st.integers(min_value=0, max_value=len(CONTENT))
positions = st.integers(min_value=0, max_value=2 * len(CONTENT))


def _cut(header: str, size: int) -> bytes | None:
    """The bytes a header picks out of a content of that size, one range after the other; None where it is not satisfiable."""
    try:
        found = parse_ranges(header, size)
    except NotSatisfiable:
        return None
    content = CONTENT[:size]
    if found is None:
        return content
    assert all(0 <= part.start < size and 0 < part.length <= size - part.start for part in found)
    return b"".join(content[part.start : part.start + part.length] for part in found)


@given(positions, positions, sizes)
def test_a_range_from_first_to_last_is_a_slice(first: int, last: int, size: int) -> None:
    expected = CONTENT[:size][first : last + 1] or None
    assert _cut(f"bytes={first}-{last}", size) == (CONTENT[:size] if last < first else expected)


@given(positions, sizes)
def test_an_open_range_is_the_rest(first: int, size: int) -> None:
    assert _cut(f"bytes={first}-", size) == (CONTENT[:size][first:] or None)


@given(positions, sizes)
def test_a_suffix_range_is_the_end(length: int, size: int) -> None:
    expected = CONTENT[:size][-length:] if length else b""
    assert _cut(f"bytes=-{length}", size) == (expected or None)


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=1-2-3", "bytes=--1", "bytes=1 - 2",
     "bytes=0-1,4-3", "bytes=0-1,", "bytes=,", "bytes=0-1,x-4",
     "lines=0-1", "bytes=\uff11-\uff12", "bytes=-0x1", "bytes=1.5-2", "bytes=+1-2", "bytes=9999999999999999999-", "bytes 0-1",
     "bytes=0-1;", "bytes=\n0-1x"],
)  # fmt: skip
def test_a_range_that_is_not_understood_asks_for_the_whole(header: str) -> None:
    assert parse_ranges(header, 100) is None


@pytest.mark.parametrize("header", ["Bytes=0-9", "BYTES=0-9", " bytes=0-9 ", "bytes= 0-9"])
def test_the_unit_is_read_in_any_letters(header: str) -> None:
    assert parse_ranges(header, 100) == [(0, 10)]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-1,3-4", [(0, 2), (3, 2)]),
        ("bytes=5-6, 0-1 ,\t-3", [(5, 2), (0, 2), (97, 3)]),
        ("bytes=0-0,200-300", [(0, 1)]),
        ("bytes=0-49,50-99", [(0, 50), (50, 50)]),
        ("bytes=0-99,0-0", None),
        ("bytes=" + ",".join(["0-0"] * MOST_RANGES), [(0, 1)] * MOST_RANGES),
        ("bytes=" + ",".join(["0-0"] * (MOST_RANGES + 1)), None),
        ("bytes=" + "0-," * 10_000, None),
    ],
    ids=["two", "in any order", "one behind the end", "all of it in two", "more than there is", "the most", "too many", "a flood"],
)
def test_a_few_ranges_are_given_in_their_order_and_more_ask_for_the_whole(header: str, expected: list[tuple[int, int]] | None) -> None:
    assert parse_ranges(header, 100) == expected


def test_ranges_of_which_none_is_there_cannot_be_satisfied() -> None:
    with pytest.raises(NotSatisfiable):
        parse_ranges("bytes=100-,200-201,-0", 100)


@given(st.text(max_size=30), sizes)
def test_no_header_does_harm(header: str, size: int) -> None:
    _cut(header, size)


def _saved_as(disposition: str) -> str:
    """The name that a client which knows RFC 6266 saves under."""
    message = Message()
    message["Content-Disposition"] = f"attachment; {disposition}"
    encoded = re.search(r"filename\*=UTF-8''([^;]*)", disposition)
    assert encoded is not None
    assert message.get_filename() is not None
    return unquote(encoded[1], errors="strict")


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("hero.jpg", "hero.jpg"),
        ("a hero; really, \u00a7 1 'x'.jpg", "a hero; really, \u00a7 1 'x'.jpg"),
        ('she said "cut".jpg', "she said _cut_.jpg"),
        ("../../etc/passwd.jpg", ".._.._etc_passwd.jpg"),
        ("C:\\boot.jpg", "C__boot.jpg"),
        ("a\r\nSet-Cookie: x=1.jpg", "a__Set-Cookie_ x=1.jpg"),
        ("Größe 🎬 主角.jpg", "Größe 🎬 主角.jpg"),
        ("\u202egpj.exe.jpg", "_gpj.exe.jpg"),
        ("שלום.jpg", "שלום.jpg"),
        ("a%20b.jpg", "a_20b.jpg"),
        ("a\0b\x7f.jpg", "a_b_.jpg"),
    ],
)
def test_a_file_is_saved_under_its_name_without_what_is_dangerous(name: str, saved: str) -> None:
    assert _saved_as(_file_name(name)) == saved


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80))
@example('"')
@example("\\")
@example("';filename=evil.exe")
def test_no_name_breaks_out_of_the_header(name: str) -> None:
    disposition = _file_name(name)
    assert disposition.isascii()
    assert disposition.isprintable()
    plain = re.fullmatch(r"filename=\"([^\"\\]*)\"; filename\*=UTF-8''([A-Za-z0-9%._~-]*)", disposition)
    assert plain is not None
    assert not set(_saved_as(disposition)) & set('/\\"')
