import os
import re
from decimal import Decimal
from pathlib import Path

import pytest

from spark_assets.runtime.addresses import check_listeners, own_addresses, trusted_proxies
from spark_assets.settings import BadSettings, load_settings

FLEET = {
    "DATABASE_URL": "postgresql://user:swordfish@db.example.com/assets",
    "SIGNING_KEYS": "1:0123456789abcdef",
    "ENCRYPTION_KEYS": "1:0123456789abcdef",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without settings, but for a home of the test's own."""
    for name in list(os.environ):
        if name.startswith("SPARK_ASSETS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SPARK_ASSETS_HOME", str(tmp_path))
    return monkeypatch


def _set(environment: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        environment.setenv(f"SPARK_ASSETS_{name}", value)


def test_without_any_setting_everything_is_below_the_home(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.home == tmp_path
    assert settings.sqlite_path == tmp_path / "library.db"
    assert settings.storage_url == f"file://{tmp_path}/blobs"
    assert (settings.base_url, settings.delivery_url) == ("http://127.0.0.1:8080",) * 2
    assert settings.is_embedded


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("WORKERS", "0"),
        ("WORKERS", "2"),
        ("INGEST", "perhaps"),
        ("INGEST_CONCURRENCY", "0"),
        ("HOST_CONCURRENCY", "-1"),
        ("FETCH_TIMEOUT", "0"),
        ("FETCH_TIMEOUT", "nan"),
        ("FETCH_CONNECT_TIMEOUT", "soon"),
        ("SOURCE_PORTS", "80,http"),
        ("DISK_RESERVE", "-1"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("BASE_URL", "assets.example.com"),
        ("BASE_URL", "ftp://assets.example.com"),
        ("BASE_URL", "https://assets.example.com/?a=1"),
        ("BASE_URL", "https://example.com/v1"),
        ("BASE_URL", "https://example.com/a b"),
        ("ROOT_PATH", "assets"),
        ("ROOT_PATH", "/a//b"),
        ("ROOT_PATH", "/../a"),
        ("ROOT_PATH", "/%61"),
        ("ROOT_PATH", "/console"),
        ("DELIVERY_URL", "//media.example.com"),
        ("TLS_CERT", "certificate.pem"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("REGION", "no spaces"),
        ("PRICE_CREATE", "-0.01"),
        ("PRICE_CREATE", "0.0000001"),
        ("PRICE_CREATE", "free"),
        ("USER_AGENT", "two\nlines"),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence_that_names_the_setting(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    _set(environment, **{name: value})
    with pytest.raises(BadSettings) as refused:
        load_settings()
    sentence = str(refused.value)
    assert sentence.startswith(f"SPARK_ASSETS_{name} ")
    assert "\n" not in sentence
    assert "pydantic" not in sentence


@pytest.mark.parametrize("missing", ["SIGNING_KEYS", "ENCRYPTION_KEYS"])
def test_a_fleet_needs_its_secrets_set(environment: pytest.MonkeyPatch, missing: str) -> None:
    _set(environment, **FLEET)
    assert not load_settings().is_embedded
    environment.delenv(f"SPARK_ASSETS_{missing}")
    with pytest.raises(BadSettings, match=f"SPARK_ASSETS_{missing} must be set"):
        load_settings()


@pytest.mark.parametrize("name", FLEET)
def test_every_secret_may_stand_in_a_file(environment: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    _set(environment, **FLEET)
    environment.delenv(f"SPARK_ASSETS_{name}")
    file = tmp_path / "secret"
    file.write_text(f"{FLEET[name]}\n")
    _set(environment, **{f"{name}_FILE": str(file)})
    assert getattr(load_settings(), name.lower()).get_secret_value() == FLEET[name]
    file.unlink()
    with pytest.raises(BadSettings, match=f"SPARK_ASSETS_{name}_FILE names a file that cannot be read"):
        load_settings()


def test_secrets_are_not_shown(environment: pytest.MonkeyPatch) -> None:
    _set(environment, **FLEET)
    shown = repr(load_settings())
    assert "swordfish" not in shown
    assert "0123456789abcdef" not in shown


def test_a_bad_secret_is_refused_without_being_shown(environment: pytest.MonkeyPatch) -> None:
    _set(environment, DATABASE_URL="mysql://user:swordfish@localhost/x")
    with pytest.raises(BadSettings) as refused:
        load_settings()
    assert "swordfish" not in str(refused.value)


def test_the_file_in_the_home_is_read_the_environment_outranks_it_and_the_command_line_both(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "spark-assets.toml").write_text(
        'port = 9001\nregion = "file"\nsource_allow = ["10.0.0.0/8", "127.0.0.1:90"]\nsource_ports = [80, 8000]\nprice_create = "0.02"\n'
    )
    settings = load_settings()
    assert (settings.port, settings.region, settings.price_create) == (9001, "file", Decimal("0.02"))
    assert settings.source_allow == ("10.0.0.0/8", "127.0.0.1:90")
    assert settings.source_ports == {80, 8000}
    _set(environment, PORT="9002")
    assert (load_settings().port, load_settings().region) == (9002, "file")
    assert (load_settings(port=9003).port, load_settings(port=None).port) == (9003, 9002)


def test_the_file_of_another_home_is_read_when_that_is_named(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "spark-assets.toml").write_text("port = 9004\n")
    assert load_settings(home=other).port == 9004
    assert load_settings().port == 8080


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = ", r"spark-assets\.toml cannot be read"),
        ("prot = 1\n", "SPARK_ASSETS_PROT is not a setting"),
        ('port = "x"\n', "SPARK_ASSETS_PORT cannot be used"),
    ],
)
def test_a_bad_file_is_refused_and_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "spark-assets.toml").write_text(text)
    with pytest.raises(BadSettings, match=words):
        load_settings()


def test_lists_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    _set(environment, SOURCE_ALLOW=" 10.0.0.0/8 , 127.0.0.1:90,", SOURCE_PORTS="80, 443")
    settings = load_settings()
    assert settings.source_allow == ("10.0.0.0/8", "127.0.0.1:90")
    assert settings.source_ports == {80, 443}


def test_addresses_follow_from_each_other(environment: pytest.MonkeyPatch) -> None:
    _set(environment, HOST="::1", PORT="9000")
    assert load_settings().base_url == "http://[::1]:9000"
    _set(environment, BASE_URL="https://assets.example.com/")
    settings = load_settings()
    assert (settings.base_url, settings.delivery_url) == ("https://assets.example.com",) * 2
    assert re.fullmatch(r"spark-assets/\S+ \(\+https://assets\.example\.com\)", settings.user_agent)


@pytest.mark.parametrize(
    "values",
    [
        {"BASE_URL": "https://example.com/tools/assets/"},
        {"BASE_URL": "https://example.com", "ROOT_PATH": "/tools/assets/"},
        {"BASE_URL": "https://example.com/tools/assets", "ROOT_PATH": "/tools/assets"},
    ],
)
def test_the_base_url_ends_with_the_root_path_whichever_names_it(environment: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    _set(environment, **values)
    settings = load_settings()
    assert (settings.base_url, settings.root_path) == ("https://example.com/tools/assets", "/tools/assets")
    assert settings.delivery_url == settings.base_url


def test_two_different_prefixes_are_refused(environment: pytest.MonkeyPatch) -> None:
    _set(environment, BASE_URL="https://example.com/one", ROOT_PATH="/two")
    with pytest.raises(BadSettings, match=r"^SPARK_ASSETS_ROOT_PATH must be the path of BASE_URL, which is /one"):
        load_settings()


def test_with_a_certificate_the_addresses_begin_with_https(environment: pytest.MonkeyPatch) -> None:
    _set(environment, TLS_CERT="certificate.pem", TLS_KEY="key.pem", HOST="::1")
    assert load_settings().base_url == "https://[::1]:8080"


@pytest.mark.parametrize("entry", ["proxy.internal", "10.0.0.1/8", "10.0.0.0/33"])
def test_a_proxy_is_trusted_by_its_address_or_network(environment: pytest.MonkeyPatch, entry: str) -> None:
    _set(environment, TRUSTED_PROXIES="127.0.0.1, ::1 ,10.0.0.0/8")
    assert [str(network) for network in trusted_proxies(load_settings())] == ["127.0.0.1/32", "::1/128", "10.0.0.0/8"]
    _set(environment, TRUSTED_PROXIES=entry)
    with pytest.raises(BadSettings, match=r"^SPARK_ASSETS_TRUSTED_PROXIES cannot be used"):
        trusted_proxies(load_settings())


@pytest.mark.parametrize(
    ("listen", "address", "own"),
    [
        ("", None, []),
        ("127.0.0.1:9464", ("127.0.0.1", 9464), [("127.0.0.1", 9464)]),
        ("[::1]:9464", ("::1", 9464), [("::1", 9464)]),
        ("localhost:9464", ("localhost", 9464), [("0.0.0.0", 9464), ("::", 9464)]),
    ],
)
def test_where_metrics_are_shown_is_an_address_of_our_own(
    listen: str, address: tuple[str, int] | None, own: list[tuple[str, int]], tmp_path: Path
) -> None:
    settings = load_settings(home=tmp_path, metrics_listen=listen)
    assert settings.metrics_address == address
    assert own_addresses(settings) == [("127.0.0.1", 8080), *own]


@pytest.mark.parametrize("listen", ["9464", ":9464", "127.0.0.1", "http://127.0.0.1:9464", "::1:9464", "127.0.0.1:0", "127.0.0.1:99999"])
def test_what_cannot_be_listened_on_for_metrics_is_refused(listen: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"^SPARK_ASSETS_METRICS_LISTEN cannot be used: it must be an address and a port"):
        load_settings(home=tmp_path, metrics_listen=listen)


@pytest.mark.parametrize(
    ("host", "listen", "is_refused"),
    [
        ("127.0.0.1", "127.0.0.1:8080", True),
        ("127.0.0.1", "localhost:8080", True),
        ("localhost", "127.0.0.1:8080", True),
        ("127.0.0.1", "0.0.0.0:8080", True),
        ("0.0.0.0", "127.0.0.1:8080", True),
        ("::", "127.0.0.1:8080", True),
        ("0.0.0.0", "[::]:8080", True),
        ("127.0.0.1", "127.0.0.2:8080", False),
        ("127.0.0.1", "127.0.0.1:9464", False),
        ("0.0.0.0", "0.0.0.0:9464", False),
        ("127.0.0.1", "", False),
    ],
)
def test_metrics_are_not_shown_where_the_server_itself_listens(host: str, listen: str, is_refused: bool, tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, host=host, base_url="http://assets.example.com", metrics_listen=listen)
    if not is_refused:
        check_listeners(settings)
        return
    with pytest.raises(BadSettings, match=rf"^SPARK_ASSETS_METRICS_LISTEN cannot be used: the server itself listens on {host}:8080"):
        check_listeners(settings)
