"""Cookies as browsers send them, among those of other programs of the same host."""

import pytest

from spark_assets.web.cookies import read_cookie, session_cookie
from tests.unit.web.conftest import MakeExchange


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("wanted=a1", "a1"),
        ('prefs={"a": 1}; wanted=a1', "a1"),
        ("odd; =; ==x; wanted=a1", "a1"),
        ("not-wanted=b2; wanted2=c3;wanted=a1 ", "a1"),
        ("wanted=a=b", "a=b"),
        ("wanted=first; wanted=second", "first"),
        ("wanted=", ""),
        ("WANTED=a1; wanted", None),
        ("", None),
    ],
)
def test_a_cookie_is_found_by_its_exact_name_whatever_stands_beside_it(
    make_exchange: MakeExchange, header: str, expected: str | None
) -> None:
    assert read_cookie(make_exchange(headers={"Cookie": header}).exchange, "wanted") == expected


def test_a_cookie_may_be_in_any_of_several_headers(make_exchange: MakeExchange) -> None:
    exchange = make_exchange().exchange
    exchange.scope["headers"] = [(b"cookie", b"other=b2"), (b"accept", b"wanted=no"), (b"cookie", b"wanted=a1")]
    assert read_cookie(exchange, "wanted") == "a1"
    assert read_cookie(make_exchange().exchange, "wanted") is None


@pytest.mark.parametrize("is_secure", [True, False])
def test_the_cookie_of_a_session_goes_to_its_own_prefix_alone_and_over_https_where_the_site_is_served_so(is_secure: bool) -> None:
    attributes = session_cookie("token", path="/tools", is_secure=is_secure).decode().split("; ")
    assert {"Path=/tools", "HttpOnly", "SameSite=Lax"} < set(attributes)
    assert ("Secure" in attributes) is is_secure
