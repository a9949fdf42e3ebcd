"""Which server a command speaks to, and with which key: options, then the environment, then the current profile."""

from pathlib import Path

import pytest
import typer

from spark_assets.cli.connection import BASE_URL, Connection, Wish, checked_address, find_connection, find_connection_or_home
from spark_assets.cli.profiles import Profile, Profiles, save_profiles

HOME = "http://home:8080"
WORK = "https://work.example"
ELSEWHERE = "http://elsewhere:1"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BASE_URL", "KEY", "PROFILE", "HOME", "DATABASE_URL"):
        monkeypatch.delenv(f"SPARK_ASSETS_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def profiles(nothing_said: None) -> None:
    save_profiles(Profiles(current="home", profiles={"home": Profile(HOME, "sk_home"), "work": Profile(WORK, "sk_work")}))


def say(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"SPARK_ASSETS_{name}", value)


@pytest.mark.usefixtures("profiles")
@pytest.mark.parametrize(
    ("wish", "variables", "found"),
    [
        (Wish(), {}, (HOME, "sk_home")),
        (Wish(), {"BASE_URL": ELSEWHERE, "KEY": "sk_env"}, (ELSEWHERE, "sk_env")),
        (Wish(), {"BASE_URL": f"{HOME}/"}, (HOME, "sk_home")),
        (Wish(key="sk_option"), {"BASE_URL": ELSEWHERE, "KEY": "sk_env"}, (ELSEWHERE, "sk_option")),
        (Wish(key="sk_option"), {}, (HOME, "sk_option")),
        (Wish(), {"KEY": "sk_env"}, (HOME, "sk_home")),
        (Wish(), {"KEY": "sk_env", "PROFILE": "work"}, (WORK, "sk_work")),
        (Wish(profile="work"), {"BASE_URL": ELSEWHERE, "KEY": "sk_env"}, (WORK, "sk_work")),
        (Wish(base_url=ELSEWHERE), {"BASE_URL": HOME, "KEY": "sk_env"}, (ELSEWHERE, "sk_env")),
    ],
)
def test_the_nearest_counts(wish: Wish, variables: dict[str, str], found: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, **variables)
    for connection in (find_connection(wish), find_connection_or_home(wish, None)):
        assert connection is not None
        assert connection[:2] == found


@pytest.mark.usefixtures("profiles")
def test_an_address_in_the_environment_gets_no_key_of_another_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    say(monkeypatch, BASE_URL=ELSEWHERE)
    with pytest.raises(typer.Exit) as ended:
        find_connection(Wish())
    assert ended.value.exit_code == 2
    assert "SPARK_ASSETS_BASE_URL says where" in capsys.readouterr().err
    assert find_connection_or_home(Wish(), None) is None  # a server's own setting, beside its home


def test_without_a_profile_a_key_is_for_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, KEY="sk_env")
    assert find_connection(Wish()) == Connection(BASE_URL, "sk_env", "SPARK_ASSETS_KEY")
    assert find_connection_or_home(Wish(), None) is None


def test_without_a_profile_an_address_alone_is_the_setting_of_the_server_here(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, BASE_URL=ELSEWHERE)
    assert find_connection_or_home(Wish(), None) is None
    say(monkeypatch, KEY="sk_env")
    assert find_connection_or_home(Wish(), None) == Connection(ELSEWHERE, "sk_env", "SPARK_ASSETS_KEY")


@pytest.mark.parametrize(
    "address",
    ["", "host", "ftp://host", "http://", "http://[::1", "http://[zz]", "http://:80", "http://h:x", "http://h:99999", "http://a b"],
)
def test_what_is_no_address_is_said_to_be_none(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        checked_address(address)
    assert ended.value.exit_code == 2
    assert "no address of a server" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["http://[::1]:8080", "https://assets.example.com/below", BASE_URL])
def test_what_is_an_address_stays_what_it_is(address: str) -> None:
    assert checked_address(f"{address}/") == address


@pytest.mark.usefixtures("profiles")
@pytest.mark.parametrize("attempts", ["0", "-1", "many", "1001", "1.5"])
def test_attempts_that_are_no_number_end_the_command_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], attempts: str
) -> None:
    say(monkeypatch, ATTEMPTS=attempts)
    with pytest.raises(typer.Exit) as ended:
        find_connection(Wish())
    assert ended.value.exit_code == 2
    assert "SPARK_ASSETS_ATTEMPTS says how often" in capsys.readouterr().err
