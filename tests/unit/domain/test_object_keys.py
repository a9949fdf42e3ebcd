import pytest

from spark_assets.domain.filter_values import ASSET_KEYS, GROUP_KEYS
from spark_assets.domain.object_keys import ASSET_FILTER_KEYS, GROUP_FILTER_KEYS, keys_of
from spark_assets.domain.parameter import ASSET_FILTER, GROUP_FILTER, METADATA, MODERATION, NAME, Parameter


def test_every_key_of_a_filter_is_described() -> None:
    assert [key.name for key in ASSET_FILTER_KEYS] == list(ASSET_KEYS)
    assert [key.name for key in GROUP_FILTER_KEYS] == list(GROUP_KEYS)


@pytest.mark.parametrize("parameter", [ASSET_FILTER, GROUP_FILTER, MODERATION], ids=lambda parameter: parameter.description)
def test_an_object_takes_the_examples_of_its_keys(parameter: Parameter) -> None:
    parameter.read(parameter.name, {key.name: key.example for key in keys_of(parameter)})


def test_what_is_no_object_or_a_free_one_has_no_keys() -> None:
    assert keys_of(NAME) == keys_of(METADATA) == ()
