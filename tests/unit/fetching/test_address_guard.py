from ipaddress import ip_address

import pytest

from spark_assets.fetching.address_guard import AddressGuard, AddressRefused, is_local_address, parse_allow_list, parse_allowed

PORTS = frozenset({80, 443, 8080, 8443})
STRICT = AddressGuard((), PORTS)


def guard(allow: str = "", *own: tuple[str, int], local: bool = False) -> AddressGuard:
    return AddressGuard(parse_allow_list(allow), PORTS, own, is_local=lambda _: local)


REFUSED_TABLE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16
169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1
192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.254 255.255.255.255
:: ::1 ::7f00:1 ::a00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 ::ffff:0:192.168.1.1
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::7f00:1 64:ff9b:1::a00:1 64:ff9b:1:7f00:0:100:: 64:ff9b:1:7f00:0:100:808:808
64:ff9b:1:ff7f:0:1:: 64:ff9b:1:ffff:7f:0:100:: 64:ff9b:1:: 64:ff9b:2::808:808 2002:7f00:1:: 2002:a00:1::1 2002:a83f:8110::
2001:0:4136:e378:8000:63bf:80ff:fffe 2001:0:7f00:1:8000:63bf:f7f7:f7f7 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1
2001:30::1 2001:db8::1 2001:1::1 2606:4700::5efe:7f00:1 2606:4700::200:5efe:a00:1 fe80::1 fe80::5efe:808:808 febf::1 fec0::1
fc00::1 fd00:ec2::254 fdff::1 ff02::1 ff0e::1 100::1 2620:4f:8000::1 3ffe::1 3fff::1 3000::1 5f00::1 4000::1 2d00::1 8000::1
fe80::1%eth0 2606:4700::1%1 localhost example.com 127.1 0x7f000001 2130706433 010.8.8.8
"""
REFUSED = REFUSED_TABLE.split()

ACCEPTED_TABLE = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 168.63.129.15 172.15.255.255 172.32.0.1
192.0.1.1 192.167.255.255 198.17.255.255 198.20.0.1 223.255.255.255
2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001:80e::200e 2400:cb00::1 2620:fe::fe 2003::1 2c0f:fb50::1
::8.8.8.8 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::8.8.8.8 64:ff9b:1::8.8.8.8 64:ff9b:1:808:8:800:: 2002:808:808::1
2001:0:808:808:8000:63bf:f7f7:f7f7 2606:4700::5efe:808:808
"""
ACCEPTED = ACCEPTED_TABLE.split()


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_unicast_is_refused(address: str) -> None:
    assert not STRICT.permits(address, 443)


@pytest.mark.parametrize("address", ACCEPTED)
def test_a_public_address_and_a_form_that_carries_one_are_permitted(address: str) -> None:
    assert STRICT.permits(address, 443)


def test_the_table_of_refused_addresses_is_long_enough_to_mean_something() -> None:
    assert len(set(REFUSED)) >= 80


@pytest.mark.parametrize(("port", "permitted"), [(80, True), (8443, True), (22, False), (6379, False), (0, False)])
def test_a_public_address_is_reached_only_on_the_ports_of_sources(port: int, permitted: bool) -> None:
    assert STRICT.permits("8.8.8.8", port) is permitted


def test_an_entry_with_a_port_opens_that_port_alone() -> None:
    some = guard("127.0.0.1:9000,[::1]:9001")
    assert some.permits("127.0.0.1", 9000)
    assert some.permits("::ffff:127.0.0.1", 9000)
    assert some.permits("::1", 9001)
    assert not some.permits("127.0.0.1", 80)
    assert not some.permits("127.0.0.2", 9000)
    assert not some.permits("::1", 9000)


def test_an_entry_without_a_port_opens_every_port() -> None:
    some = guard("10.1.0.0/16")
    assert some.permits("10.1.2.3", 80)
    assert some.permits("10.1.2.3", 12345)
    assert some.permits("64:ff9b::10.1.2.3", 12345)
    assert not some.permits("10.2.0.1", 80)


def test_our_own_address_is_refused_unless_an_entry_names_its_port() -> None:
    own = ("127.0.0.1", 8000)
    assert not guard("127.0.0.0/8", own).permits("127.0.0.1", 8000)
    assert not guard("127.0.0.0/8", own).permits("::ffff:127.0.0.1", 8000)
    assert guard("127.0.0.0/8", own).permits("127.0.0.1", 8001)
    assert guard("127.0.0.0/8:8000", own).permits("127.0.0.1", 8000)
    assert not guard("", ("8.8.8.8", 443)).permits("8.8.8.8", 443)
    assert guard("[::1]:8000", ("::1", 8000)).permits("::1", 8000)
    assert not guard("::1", ("::1", 8000)).permits("::1", 8000)


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
def test_a_wildcard_listener_makes_every_address_of_the_machine_our_own(wildcard: str) -> None:
    assert not guard("", (wildcard, 443), local=True).permits("8.8.8.8", 443)
    assert guard("", (wildcard, 443), local=True).permits("8.8.8.8", 80)
    assert guard("", (wildcard, 443), local=False).permits("8.8.8.8", 443)


def test_only_addresses_of_this_machine_are_local() -> None:
    assert is_local_address(ip_address("127.0.0.1"))
    assert not is_local_address(ip_address("8.8.8.8"))


def test_a_metadata_address_is_opened_only_by_an_entry_for_it_alone() -> None:
    assert not guard("169.254.0.0/16").permits("169.254.169.254", 80)
    assert not guard("fd00::/8").permits("fd00:ec2::254", 80)
    assert guard("169.254.0.0/16").permits("169.254.1.1", 80)
    assert guard("169.254.169.254").permits("169.254.169.254", 80)


def test_a_refusal_names_no_address() -> None:
    with pytest.raises(AddressRefused) as refusal:
        STRICT.require("10.0.0.1", 80)
    assert not str(refusal.value)


@pytest.mark.parametrize(
    ("text", "network", "port"),
    [
        ("10.0.0.0/8", "10.0.0.0/8", None),
        (" 127.0.0.1:9000 ", "127.0.0.1/32", 9000),
        ("10.0.0.0/8:80", "10.0.0.0/8", 80),
        ("::1", "::1/128", None),
        ("[::1]", "::1/128", None),
        ("fd00::/8", "fd00::/8", None),
        ("[fd00::/8]:8080", "fd00::/8", 8080),
    ],
)
def test_an_entry_is_a_network_with_or_without_a_port(text: str, network: str, port: int | None) -> None:
    entry = parse_allowed(text)
    assert (str(entry.network), entry.port) == (network, port)


@pytest.mark.parametrize(
    "text", ["", "localhost", "10.0.0.1/8", "10.0.0.0/33", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "127.0.0.1:", "[::1]:", "[::1"]
)
def test_a_wrong_entry_is_refused_with_an_example_of_a_right_one(text: str) -> None:
    with pytest.raises(ValueError, match="expected 'cidr' or 'cidr:port'"):
        parse_allowed(text)


def test_a_list_of_entries_may_be_empty_and_have_blanks() -> None:
    assert parse_allow_list(" , ") == ()
    assert len(parse_allow_list("10.0.0.0/8, 127.0.0.1:80,")) == 2
