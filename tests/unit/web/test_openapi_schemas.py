"""A parameter as JSON schema."""

import msgspec
import pytest

from spark_assets.domain import own_parameters as own
from spark_assets.domain import parameter as shared
from spark_assets.domain.parameter import Parameter
from spark_assets.web.openapi.schemas import body_schema, struct_schemas, value_schema
from spark_assets.web.openapi.words import limits_of
from spark_assets.wire.catalogue import Spec


def test_an_optional_choice_may_be_null() -> None:
    schema = value_schema(own.MODERATION, nullable=True)
    assert (schema["type"], schema["enum"]) == (["string", "null"], ["Default", "Skip", None])


def test_a_required_text_is_not_empty() -> None:
    assert value_schema(shared.GROUP_ID, required=True)["minLength"] == 1
    assert "minLength" not in value_schema(shared.GROUP_ID)


def test_the_limits_of_an_array_are_those_of_its_texts_and_its_own() -> None:
    schema = value_schema(own.TAGS)
    assert (schema["maxItems"], schema["items"]["maxLength"], schema["items"]["pattern"]) == (32, 64, own.TAGS.pattern)


def test_an_object_tells_its_keys() -> None:
    assert set(value_schema(shared.GROUP_FILTER)["properties"]) == {"GroupIds", "GroupType", "Name"}


def test_a_change_tells_no_defaults() -> None:
    assert body_schema((), (own.DESCRIPTION,))["properties"]["description"]["default"] == ""
    assert "default" not in body_schema((), (own.DESCRIPTION,), is_change=True)["properties"]["description"]


def test_a_struct_that_holds_itself_ends() -> None:
    assert struct_schemas([Spec])["SpecParameter"]["properties"]["children"]["type"] == "array"


def test_the_sentence_below_a_field_describes_it() -> None:
    class Thing(msgspec.Struct):
        """A thing."""

        size: int
        """Bytes."""

    assert struct_schemas([Thing])["Thing"]["properties"]["size"]["description"] == "Bytes."


@pytest.mark.parametrize(
    ("parameter", "words"),
    [(own.LIMIT, "1 to 100; default `10`"), (own.ORDER, "`asc`, `desc`; default `desc`"), (own.URL, "0 to 8192 characters; a URL")],
    ids=lambda value: value.name if isinstance(value, Parameter) else "",
)
def test_limits_are_told_in_words(parameter: Parameter, words: str) -> None:
    assert limits_of(value_schema(parameter)) == words
