"""Positions as clients send them."""

import pytest

from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.event import BEGINNING, Position, read_position


@pytest.mark.parametrize("position", [BEGINNING, Position(0, 42), Position(10**17, 3)])
def test_a_position_is_read_as_it_was_told(position: Position) -> None:
    assert read_position("after", str(position)) == position


@pytest.mark.parametrize("text", ["", "-", "1", "1-", "-1", "1-2-3", "a-b", "1-²", "1 -2", "1-" + "9" * 19, "+1-2", "1_0-2"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        read_position("after", text)
    assert refused.value.code == "InvalidParameter.after"


def test_positions_are_ordered_by_transaction_and_then_by_number() -> None:
    assert sorted([Position(2, 1), Position(1, 9), Position(1, 2)]) == [Position(1, 2), Position(1, 9), Position(2, 1)]
