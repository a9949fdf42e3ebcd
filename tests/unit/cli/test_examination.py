from pathlib import Path

from spark_assets.cli.shown_settings import effective
from spark_assets.settings import Settings


def test_settings_are_shown_without_what_addresses_may_hold_of_secrets(tmp_path: Path) -> None:
    shown = effective(Settings(home=tmp_path, moderator="https://judge.example/v1?key=swordfish"))
    assert shown["SPARK_ASSETS_MODERATOR"] == "https://judge.example/v1?***"
    assert effective(Settings(home=tmp_path, moderator="strict"))["SPARK_ASSETS_MODERATOR"] == "strict"
