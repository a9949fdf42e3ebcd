import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain.cursor import CursorSigner
from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.link import SigningKey
from spark_assets.domain.listing import AssetFilter, Position, SortBy, SortOrder
from spark_assets.operations.paging import Paging, scope_of

OLD, NEW = SigningKey("1", "0123456789abcdef"), SigningKey("2", "fedcba9876543210")
SIGNER = CursorSigner((OLD,))
SCOPE = b"scope"
POSITION = Position((1_780_000_000_000_000,), "asset-20260101120000-bcdfg")
CURSOR = SIGNER.seal(POSITION, SCOPE)
VALUES = st.integers(0, 2**53) | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def _refused(cursor: str, scope: bytes = SCOPE, signer: CursorSigner = SIGNER) -> None:
    with pytest.raises(InvalidParameter) as refused:
        signer.open(cursor, scope)
    assert (refused.value.code, refused.value.param) == ("InvalidParameter.NextToken", "NextToken")


@given(VALUES, st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.binary(max_size=40))
def test_a_cursor_gives_its_position_back(value: int | str, identity: str, scope: bytes) -> None:
    position = Position((value,), identity)
    assert SIGNER.open(SIGNER.seal(position, scope), scope) == position


def test_a_cursor_can_stand_in_an_address_as_it_is() -> None:
    assert all(character.isalnum() or character in "-_" for character in CURSOR)


@given(st.integers(0, len(CURSOR) - 1), st.characters(exclude_categories=["Cs"]))
def test_any_changed_character_is_refused(place: int, character: str) -> None:
    changed = CURSOR[:place] + character + CURSOR[place + 1 :]
    if changed != CURSOR:
        _refused(changed)


def test_any_changed_byte_is_refused() -> None:
    raw = base64.urlsafe_b64decode(CURSOR + "=" * (-len(CURSOR) % 4))
    for place in range(len(raw)):
        for flipped in (1, 0x80, 0xFF):
            changed = raw[:place] + bytes([raw[place] ^ flipped]) + raw[place + 1 :]
            _refused(base64.urlsafe_b64encode(changed).rstrip(b"=").decode())


def test_every_other_spelling_of_the_same_bytes_is_refused() -> None:
    for length in range(3):  # of three lengths in a row, two leave bits unused at the end
        cursor = SIGNER.seal(Position(("x" * length,), "y"), SCOPE)
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
            if last != cursor[-1]:
                _refused(cursor[:-1] + last)
        _refused(cursor + "=" * (-len(cursor) % 4 or 4))
        _refused(cursor + "\n")


@given(st.text(max_size=200))
def test_what_was_never_a_cursor_is_refused(text: str) -> None:
    _refused(text)


@pytest.mark.parametrize("cut", [0, 1, 16, 22, len(CURSOR) - 1])
def test_a_part_of_a_cursor_is_refused(cut: int) -> None:
    _refused(CURSOR[:cut])


def test_a_cursor_is_bound_to_its_list() -> None:
    paging, wanted = Paging(), AssetFilter(group_ids=("group-1",))
    scopes = [
        scope_of("assets", "project-a", wanted, paging),
        scope_of("groups", "project-a", wanted, paging),
        scope_of("assets", "project-b", wanted, paging),
        scope_of("assets", "project-a", AssetFilter(group_ids=("group-2",)), paging),
        scope_of("assets", "project-a", AssetFilter(name="group-1"), paging),
        scope_of("assets", "project-a", wanted, Paging(sort_by=SortBy.UPDATE_TIME)),
        scope_of("assets", "project-a", wanted, Paging(sort_order=SortOrder.ASCENDING)),
    ]
    assert len(set(scopes)) == len(scopes)
    cursor = SIGNER.seal(POSITION, scopes[0])
    assert SIGNER.open(cursor, scope_of("assets", "project-a", wanted, Paging(max_results=99, next_token=cursor))) == POSITION
    for scope in scopes[1:]:
        _refused(cursor, scope)


def test_a_cursor_of_an_older_key_is_read_as_long_as_the_key_is_there() -> None:
    both = CursorSigner((NEW, OLD))
    assert both.open(CURSOR, SCOPE) == POSITION
    _refused(both.seal(POSITION, SCOPE))
    _refused(CURSOR, signer=CursorSigner((NEW,)))
