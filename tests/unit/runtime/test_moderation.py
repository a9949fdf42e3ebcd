"""Which moderator the settings name, and which settings stop the start."""

import os
from pathlib import Path

import pytest

from spark_assets.moderation.http_moderator import HttpModerator
from spark_assets.ports.moderator import NoVerdict
from spark_assets.runtime.moderation import describe_moderator, open_moderator
from spark_assets.settings import BadSettings, Settings, load_settings
from tests.factories.moderation import ALLOW, case, install_package
from tests.factories.origin import run_origin
from tests.factories.workshop_fixtures import logged

__all__ = ["logged"]

Environment = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def environment(monkeypatch: Environment, tmp_path: Path) -> Environment:
    """An environment without settings, but for a home of the test's own."""
    for name in list(os.environ):
        if name.startswith("SPARK_ASSETS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SPARK_ASSETS_HOME", str(tmp_path))
    return monkeypatch


def _settings(environment: Environment, **values: str) -> Settings:
    for name, value in values.items():
        environment.setenv(f"SPARK_ASSETS_{name}", value)
    return load_settings()


async def test_without_a_moderator_everything_is_allowed(environment: Environment) -> None:
    settings = _settings(environment)
    assert describe_moderator(settings) == "none: every content is allowed"
    async with open_moderator(settings) as moderator:
        assert moderator is None


async def test_an_endpoint_is_asked_through_a_guard_of_its_own(environment: Environment) -> None:
    async with run_origin({"/judge": ALLOW}) as origin:
        elsewhere = _settings(environment, MODERATOR=origin.url("/judge?key=swordfish"), SOURCE_ALLOW="127.0.0.0/8")
        async with open_moderator(elsewhere) as moderator:
            assert isinstance(moderator, HttpModerator)
            with pytest.raises(NoVerdict, match="not one that this server may post to"):
                await moderator.judge(case())
        here = _settings(environment, MODERATOR_ALLOW=f"127.0.0.1:{origin.port}", MODERATOR_TOKEN="token", MODERATOR_TIMEOUT="20")
        assert describe_moderator(here) == f"asks http://127.0.0.1:{origin.port}, which gets 20 s"
        async with open_moderator(here) as moderator:
            assert moderator is not None
            await moderator.judge(case())
    (visit,) = origin.visits
    assert visit.headers["authorization"] == "Bearer token"
    assert visit.headers["user-agent"] == here.user_agent


async def test_an_entry_point_is_named_with_its_package_and_loaded_when_it_is_opened(environment: Environment, tmp_path: Path) -> None:
    environment.syspath_prepend(str(install_package(tmp_path, "named_plug_in", "raise RuntimeError('loaded')", strict="Moderator")))
    settings = _settings(environment, MODERATOR="strict")
    assert describe_moderator(settings) == "asks 'strict' of named_plug_in 1.2, which gets 10 s"
    with pytest.raises(BadSettings, match=r"SPARK_ASSETS_MODERATOR cannot be used: .* cannot be made: RuntimeError: loaded"):
        async with open_moderator(settings):
            pass


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODERATOR", "strict"),
        ("MODERATOR", "ftp://moderator.example.com/"),
        ("MODERATOR", "https://user:word@moderator.example.com/"),
        ("MODERATOR", "https://moderator.example.com:99999/"),
        ("MODERATOR", "https:///judge"),
        ("MODERATOR_ALLOW", "moderator.example.com"),
        ("MODERATOR_TIMEOUT", "0"),
        ("MODERATOR_TIMEOUT", "601"),
        ("MODERATOR_TOKEN", "two words"),
        ("MODERATOR_TOKEN", "two\nlines"),
    ],
)
def test_a_bad_setting_is_refused_in_one_sentence_that_names_it(environment: Environment, name: str, value: str) -> None:
    with pytest.raises(BadSettings) as refused:
        describe_moderator(_settings(environment, **{name: value}))
    assert str(refused.value).startswith(f"SPARK_ASSETS_{name} cannot be used: ")
    assert "\n" not in str(refused.value)
    assert "user:word" not in str(refused.value)
    assert "two words" not in str(refused.value)


def test_the_token_may_stand_in_a_file_and_is_not_shown(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("swordfish\n")
    settings = _settings(environment, MODERATOR_TOKEN_FILE=str(tmp_path / "token"))
    assert settings.moderator_token.get_secret_value() == "swordfish"
    assert "swordfish" not in repr(settings)
