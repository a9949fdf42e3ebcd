"""Where a request came from, as proxies tell it and as clients would have it."""

from ipaddress import ip_network

import pytest

from spark_assets.web.client_address import ClientAddresses

PROXIES = [ip_network(entry) for entry in ("127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48")]


def address_of(peer: str | None, *headers: tuple[str, str]) -> str | None:
    return ClientAddresses(PROXIES).of(peer, [(name.lower().encode(), value.encode("latin-1")) for name, value in headers])


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("10.9.9.9, 10.1.2.3", "10.9.9.9"),
        (" 203.0.113.9:4711 ,10.1.2.3:80", "203.0.113.9"),
        ("2001:db8:2::7", "2001:db8:2::7"),
        ("[2001:db8:2::7]:4711, 2001:db8:1::1", "2001:db8:2::7"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, unknown", "127.0.0.1"),
        ("203.0.113.9, _hidden, 10.1.2.3", "10.1.2.3"),
        ("203.0.113.9, ", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("1.2.3.4.5", "127.0.0.1"),
        ("\xe4", "127.0.0.1"),
    ],
)
def test_the_last_hop_that_is_no_trusted_proxy_is_the_client(told: str, expected: str) -> None:
    assert address_of("127.0.0.1", ("X-Forwarded-For", told)) == expected
    assert address_of("::ffff:127.0.0.1", ("X-Forwarded-For", "203.0.113.9")) == "203.0.113.9"


def test_a_peer_is_trusted_by_its_address_and_by_nothing_else() -> None:
    addresses = ClientAddresses(PROXIES)
    peers = ("127.0.0.1", "::ffff:10.1.2.3", "2001:db8:1::7", "127.0.0.2", "", "localhost", None)
    assert [addresses.trusts(peer) for peer in peers] == [True, True, True, False, False, False, False]
    assert not ClientAddresses().trusts("127.0.0.1")


def test_a_peer_that_is_no_trusted_proxy_is_believed_nothing() -> None:
    told = (("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9"))
    assert address_of("198.51.100.1", *told) == "198.51.100.1"
    assert ClientAddresses().of("127.0.0.1", [(b"x-forwarded-for", b"203.0.113.9")]) == "127.0.0.1"
    assert address_of(None, *told) is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("for=203.0.113.9", "203.0.113.9"),
        ('For="[2001:db8:2::7]:4711"; proto=https', "2001:db8:2::7"),
        ('host="a,b;for=1.2.3.4";for=203.0.113.9;by=10.1.2.3, for=10.1.2.3', "203.0.113.9"),
        ("for=1.2.3.4, for=203.0.113.9", "203.0.113.9"),
        ("for=203.0.113.9, for=unknown", "127.0.0.1"),
        ("for=203.0.113.9, proto=https", "127.0.0.1"),
        ('for="', "127.0.0.1"),
        ('for=1.2.3.4;a="x, for="[2001:db8:2::7]:4711"', "127.0.0.1"),
        ('for=1.2.3.4;a="x, for=203.0.113.9', "127.0.0.1"),
        ('a="\\";for=1.2.3.4", for=203.0.113.9;proto=http', "203.0.113.9"),
    ],
)
def test_the_standard_header_is_read_alike(told: str, expected: str) -> None:
    assert address_of("127.0.0.1", ("Forwarded", told)) == expected


def test_a_header_in_several_lines_is_one() -> None:
    lines = (("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "10.1.2.3"))
    assert address_of("127.0.0.1", *lines) == "198.51.100.1"


def test_a_header_of_any_length_is_read_from_its_end_and_costs_little() -> None:
    assert address_of("127.0.0.1", ("X-Forwarded-For", "1.2.3.4, " * 7000 + "203.0.113.9")) == "203.0.113.9"
    assert address_of("127.0.0.1", ("Forwarded", "for=1.2.3.4, " * 5000 + "for=203.0.113.9")) == "127.0.0.1"


def test_where_the_two_headers_disagree_neither_is_believed_for_one_of_them_is_the_clients() -> None:
    assert address_of("127.0.0.1", ("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=1.2.3.4")) == "127.0.0.1"
    assert address_of("127.0.0.1", ("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9")) == "203.0.113.9"
