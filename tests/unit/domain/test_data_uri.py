"""`data:` URIs: every byte comes back, and what is none is refused without being repeated."""

import base64
import tracemalloc
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain.data_uri import decode_data_uri, is_data_uri
from spark_assets.domain.errors import InvalidParameter


@given(st.binary(min_size=1))
def test_what_was_written_in_base64_comes_back_with_and_without_padding(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    assert decode_data_uri(f"data:image/png;base64,{text}") == content
    assert decode_data_uri(f"data:;base64,{text.rstrip('=')}") == content
    assert decode_data_uri(f"DATA:image/png;charset=x;BASE64,{quote_from_bytes(text.encode(), safe='')}") == content


@given(st.binary(min_size=1))
def test_what_was_percent_encoded_comes_back(content: bytes) -> None:
    assert decode_data_uri(f"data:,{quote_from_bytes(content)}") == content


@pytest.mark.parametrize("before", range(4))
def test_many_escapes_come_back_and_take_little_memory(before: int) -> None:
    content = b"x" * before + bytes(range(256)) * 4096
    text = "data:," + "x" * before + "".join(f"%{value:02x}" for value in range(256)) * 4096
    tracemalloc.start()
    try:
        assert decode_data_uri(text) == content
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        "data:",
        "data:image/png;base64",
        "data:,",
        "data:;base64,",
        "data:;base64,abcde",
        "data:;base64,ab-_",
        "data:;base64,YW Jj",
        "data:;base64,YWJj\n",
        "data:;base64,YWJjé",
        "data:;base64,YQ==YQ==",
        "data:;base64,%zz",
        "data:,100%",
        "data:,a b",
        "data:,é",
        f"data:{'x' * 2000},abc",
    ],
)
def test_anything_else_is_refused_by_name_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        decode_data_uri(text)
    assert refused.value.code == "InvalidParameter.URL"
    content = text.partition(",")[2]
    assert not content or content not in refused.value.message


def test_only_the_scheme_makes_a_data_uri() -> None:
    assert is_data_uri("data:,x") and is_data_uri("Data:,x")
    assert not is_data_uri("https://example.com/data:,x") and not is_data_uri("dat") and not is_data_uri("incoming:{}")
