from spark_assets.domain.limits import ARK, OFF, PROFILES
from spark_assets.domain.parameters import OPERATIONS


def test_without_limits_nothing_is_limited() -> None:
    assert (OFF.requests_per_second, OFF.creations_in_progress) == ({}, None)


def test_the_profile_ark_limits_every_operation_and_readings_of_one_thing_least() -> None:
    expected = {model: 100 if model in {"spark_asset_get", "spark_asset_get_group"} else 30 for model in OPERATIONS}
    assert ARK.requests_per_second == expected
    assert ARK.creations_in_progress is None
    assert set(PROFILES) == {"off", "ark"}
