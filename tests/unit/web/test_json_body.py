import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spark_assets.domain.errors import InvalidParameter
from spark_assets.web.json_body import DEEPEST, parse_object

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
documents = st.dictionaries(texts, values, max_size=6)


def _nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    """An object around so many levels more."""
    return f'{{"a": {opening * depth}{closing * depth}}}'.encode()


@given(documents, st.booleans(), st.sampled_from([None, 0, 2]))
def test_every_valid_object_is_read_as_the_standard_library_reads_it(
    document: dict[str, Any], ascii_only: bool, indent: int | None
) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    read = parse_object(body)
    assert read == json.loads(body)
    assert json.dumps(read) == json.dumps(document)


@given(st.binary(max_size=60))
@example(b"")
@example(b"\xff")
@example(b'{"a":1}{}')
@example(b'{"a":"\xed\xa0\x80"}')
def test_bytes_that_are_no_object_are_refused_and_nothing_else_happens(body: bytes) -> None:
    try:
        expected = json.loads(body.decode())
    except ValueError:
        expected = None
    if type(expected) is dict:
        assert parse_object(body) == expected
    else:
        with pytest.raises(InvalidParameter):
            parse_object(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not valid JSON"),
        (b"   ", "not valid JSON"),
        (b"{", "line 1, column"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": 1,}', "not valid JSON"),
        (b'{"a": 1} x', "not valid JSON"),
        (b'{"a": 01}', "not valid JSON"),
        (b'{"a": .5}', "not valid JSON"),
        (b'{"a": "\n"}', "not valid JSON"),
        (b'{"a": "\\x"}', "not valid JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b"null", "must be a JSON object"),
        (b"[]", "must be a JSON object"),
        (b'[{"a": 1}]', "must be a JSON object"),
        (b'"a"', "must be a JSON object"),
        (b"1", "must be a JSON object"),
        (b"true", "must be a JSON object"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": [-Infinity]}', "Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": -1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "more than 1000 digits"),
        (b'{"a": [' + b"{}," * 20_001 + b"{}]}", "more than 20000 values"),
        (b'{"a": "' + b'\\"' * 300_000 + b"[" * 65 + b'"', "not valid JSON"),
        (b'{"a": 1, "a": 1}', '"a" stands twice'),
        (b'{"a": 1, "\\u0061": 2}', '"a" stands twice'),
        (b'{"x": [{"deep": {"a": 1, "b": 2, "a": 3}}]}', '"a" stands twice'),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": "\\udfff x"}', "surrogate"),
        (b'{"a": "\\uDE00\\uD83D"}', "surrogate"),
        (b'{"\\ud800": 1}', "surrogate"),
        (b'{"a": [{"b": ["\\ud800"]}]}', "surrogate"),
    ],
)
def test_each_kind_of_malformed_body_is_refused_by_its_name(body: bytes, words: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        parse_object(body)
    assert (refused.value.code, refused.value.param) == ("InvalidParameter.JSON", "JSON")
    assert words in refused.value.message
    assert len(refused.value.message) < 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a": "\\\\ud800"}', {"a": "\\ud800"}),
        (b'{"a": "\\u0000"}', {"a": "\0"}),
        (b' \r\n\t{"a": -0.0} \n', {"a": -0.0}),
        (b'{"a": 1e-999}', {"a": 0.0}),
        (b'{"": null}', {"": None}),
        (b'{"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]}', {"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]}),
        (b'{"a": "[[[[' + b"[" * 200 + b'"}', {"a": "[[[[" + "[" * 200}),
        (b'{"a": "' + b'\\"[' * 100 + b'"}', {"a": '"[' * 100}),
    ],
)
def test_what_only_looks_malformed_is_read(body: bytes, expected: dict[str, Any]) -> None:
    assert parse_object(body) == expected


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_allowed_to_its_limit_and_not_beyond(opening: str, closing: str) -> None:
    inner = DEEPEST - 1 if closing == "]" else DEEPEST - 2
    innermost = "" if closing == "]" else "{}"
    inside = f'{{"a": {opening * inner}{innermost}{closing * inner}}}'.encode()
    parse_object(inside)
    with pytest.raises(InvalidParameter, match="nested deeper than 64"):
        parse_object(f'{{"a": {opening * (inner + 1)}{innermost}{closing * (inner + 1)}}}'.encode())


@pytest.mark.parametrize("depth", [1_000, 100_000, 500_000])
def test_absurd_nesting_is_refused_without_harm(depth: int) -> None:
    for body in (_nested(depth), b"[" * depth, b'{"a":' * depth, b'{"a": "' + b'\\"' + b'"' + b"[" * depth):
        with pytest.raises(InvalidParameter):
            parse_object(body)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert parse_object(b'{"a": [' + b",".join([b"[]"] * 1000) + b"]}") == {"a": [[]] * 1000}
