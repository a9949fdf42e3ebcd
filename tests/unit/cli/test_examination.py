from pathlib import Path

import pytest

from spark_assets.cli.examination import Wish, examine
from spark_assets.cli.shown_settings import effective
from spark_assets.runtime.home import make_home
from spark_assets.settings import Settings


def test_settings_are_shown_without_what_addresses_may_hold_of_secrets(tmp_path: Path) -> None:
    shown = effective(Settings(home=tmp_path, moderator="https://judge.example/v1?key=swordfish"))
    assert shown["SPARK_ASSETS_MODERATOR"] == "https://judge.example/v1?***"
    assert effective(Settings(home=tmp_path, moderator="strict"))["SPARK_ASSETS_MODERATOR"] == "strict"


def test_what_the_environment_says_of_a_client_is_no_unknown_setting_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path, auto_migrate=False)
    make_home(settings)
    monkeypatch.setenv("SPARK_ASSETS_KEY", "sk_1")
    monkeypatch.setenv("SPARK_ASSETS_PROFILE", "work")
    assert examine(settings, Wish())[0][:2] == ("settings", "ok")
    monkeypatch.setenv("SPARK_ASSETS_PROFILES", "work")
    assert examine(settings, Wish())[0] == ("settings", "trouble", "SPARK_ASSETS_PROFILES is not a setting of spark-assets")
