"""The guard against a second opinion, over addresses at random and at every border where a mistake would hide."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from tests.unit.fetching.address_oracle import V4_SPECIAL, V6_GIVEN_OUT, V6_SPECIAL, carried_by, is_public_v4, is_public_v6, v6

PORT: Final = 443
GUARD: Final = AddressGuard((), frozenset({PORT}))
METADATA: Final = ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254")
BLOCKS: Final = [*V6_GIVEN_OUT, *V6_SPECIAL]

FORMS: Final[dict[str, Callable[[int, int], int]]] = {
    "compatible": lambda v4, _: v4,
    "mapped": lambda v4, _: 0xFFFF << 32 | v4,
    "translated": lambda v4, _: 0xFFFF << 48 | v4,
    "nat64": lambda v4, _: v6("64:ff9b::") | v4,
    "local nat64 /96": lambda v4, _: v6("64:ff9b:1::") | v4,
    "local nat64 /64": lambda v4, noise: v6("64:ff9b:1::") | (noise & 0xFFFF) << 64 | v4 << 24,
    "local nat64 /56": lambda v4, noise: v6("64:ff9b:1::") | (noise & 0xFF) << 72 | v4 >> 24 << 64 | (v4 & 0xFF_FFFF) << 32,
    "local nat64 /48": lambda v4, _: v6("64:ff9b:1::") | v4 >> 16 << 64 | (v4 & 0xFFFF) << 40,
    "6to4": lambda v4, noise: 0x2002 << 112 | v4 << 80 | noise & (1 << 80) - 1,
    "teredo server": lambda v4, noise: 0x2001_0000 << 96 | v4 << 64 | (noise & 0xFFFF_FFFF) << 32 | 0xF7F7_F7F7,
    "teredo client": lambda v4, noise: v6("2001:0:808:808::") | (noise & 0xFFFF_FFFF) << 32 | v4 ^ 0xFFFF_FFFF,
    "isatap": lambda v4, noise: v6("2606:4700::") | (noise & 0xFFFF_FFFF) << 64 | 0x5EFE << 32 | v4,
    "isatap, universal": lambda v4, noise: v6("2606:4700::") | (noise & 0xFFFF_FFFF) << 64 | 0x0200_5EFE << 32 | v4,
    "isatap within 6to4": lambda v4, _: v6("2002:808:808::") | 0x5EFE << 32 | v4,
    "isatap within 6to4, universal": lambda v4, _: v6("2002:808:808::") | 0x0200_5EFE << 32 | v4,
}
"""How an IPv6 address comes to carry an IPv4 one; the second number fills what a form leaves open."""


def _around(blocks: list[tuple[int, int]], width: int) -> list[int]:
    """The first and last address of each block, and those just outside."""
    ends = [(base, base + (1 << width - length) - 1) for base, length in blocks]
    return sorted(
        {number for low, high in ends for number in (low - 1, low, low + 1, high - 1, high, high + 1) if 0 <= number < 1 << width}
    )


V4_BORDERS: Final = _around(V4_SPECIAL, 32)
V6_BORDERS: Final = _around(BLOCKS, 128)
v4_numbers: Final = st.sampled_from(V4_BORDERS) | st.integers(0, 2**32 - 1)
noises: Final = st.integers(0, 2**80 - 1)
v6_numbers: Final = st.one_of(
    st.integers(0, 2**128 - 1),
    st.integers(0, 2**125 - 1).map((1 << 125).__or__),
    st.sampled_from(BLOCKS).flatmap(lambda block: st.integers(block[0], block[0] + (1 << 128 - block[1]) - 1)),
    st.builds(lambda border, away: (border + away) % (1 << 128), st.sampled_from(V6_BORDERS), st.integers(-3, 3)),
    st.builds(lambda form, number, noise: FORMS[form](number, noise), st.sampled_from(sorted(FORMS)), v4_numbers, noises),
    # Any network before an interface that carries an IPv4 address.
    st.builds(
        lambda network, mark, number: network << 64 | mark << 32 | number,
        st.integers(0, 2**64 - 1),
        st.sampled_from([0x5EFE, 0x0200_5EFE]),
        v4_numbers,
    ),
)


@pytest.mark.parametrize("number", V4_BORDERS, ids=lambda number: str(IPv4Address(number)))
def test_at_every_border_of_ipv4_the_guard_and_the_registries_agree(number: int) -> None:
    assert GUARD.permits(str(IPv4Address(number)), PORT) is is_public_v4(number)


def test_at_every_border_of_ipv6_the_guard_and_the_registries_agree() -> None:
    differing = [IPv6Address(number) for number in V6_BORDERS if GUARD.permits(str(IPv6Address(number)), PORT) is not is_public_v6(number)]
    assert differing == []


@settings(max_examples=400, deadline=None)
@given(v4_numbers)
def test_any_ipv4_address_is_permitted_exactly_if_the_registries_leave_it_to_the_public(number: int) -> None:
    assert GUARD.permits(str(IPv4Address(number)), PORT) is is_public_v4(number)


@settings(max_examples=1500, deadline=None)
@example(v6("2001:1000::") + 1)
@example(v6("2001:4e00::"))
@example(v6("2001:6000::"))
@example(v6("2001:c000::"))
@example(v6("2002:808:808::") | 0x5EFE_7F00_0001)
@example(v6("2001:0:808:808:0:5efe::") | 0xF7F7_F7F7)
@given(v6_numbers)
def test_any_ipv6_address_is_permitted_exactly_if_the_registries_leave_it_and_what_it_carries_to_the_public(number: int) -> None:
    assert GUARD.permits(str(IPv6Address(number)), PORT) is is_public_v6(number)


@pytest.mark.parametrize("form", FORMS)
def test_in_every_form_a_carried_address_is_judged_at_each_border_of_ipv4(form: str) -> None:
    for number in V4_BORDERS:
        carrying = FORMS[form](number, 0)
        if number > 1:
            assert number in carried_by(carrying), f"{form}: the oracle does not see {IPv4Address(number)}"
        assert GUARD.permits(str(IPv6Address(carrying)), PORT) is is_public_v6(carrying), IPv6Address(carrying)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(number=v4_numbers, noise=noises)
def test_no_form_carries_a_refused_address_past_the_guard(form: str, number: int, noise: int) -> None:
    assume(number > 0xFF and not is_public_v4(number))  # 0.0.0.x at its /64 place reads like a public address at its /96 place
    assert not GUARD.permits(str(IPv6Address(FORMS[form](number, noise))), PORT)


@settings(max_examples=300, deadline=None)
@given(v4_numbers, st.sampled_from([str, "::ffff:{}".format, "0:0:0:0:0:FFFF:{}".format, "::{}".format, "64:ff9b::{}".format]))
def test_the_spelling_of_an_address_changes_nothing(number: int, spelling: Callable[[IPv4Address], str]) -> None:
    assume(number > 1)
    assert GUARD.permits(spelling(IPv4Address(number)), PORT) is is_public_v4(number)


@pytest.mark.parametrize("address", METADATA)
def test_a_metadata_address_is_refused_also_where_everything_around_it_is_allowed(address: str) -> None:
    everything = AddressGuard(parse_allow_list("0.0.0.0/0,::/0"), frozenset({80}))
    assert not everything.permits(address, 80)
    if ":" not in address:
        number = int(IPv4Address(address))
        for form, build in FORMS.items():
            assert not everything.permits(str(IPv6Address(build(number, 0))), 80), form


@pytest.mark.parametrize("unspecified", ["0.0.0.0", "::", "::ffff:0.0.0.0", "::ffff:0:0.0.0.0", "64:ff9b::0.0.0.0"])
@pytest.mark.parametrize("own", ["127.0.0.1", "::1", "10.1.2.3"])
def test_our_own_port_is_not_reached_through_an_unspecified_address(unspecified: str, own: str) -> None:
    guard = AddressGuard(parse_allow_list("0.0.0.0/0,::/0"), frozenset({80}), [(own, 8000)])
    assert not guard.permits(unspecified, 8000)
    assert guard.permits(unspecified, 8001)


@settings(max_examples=200, deadline=None)
@given(v6_numbers, st.sampled_from(["eth0", "1", "lo", "%", "0x1"]))
def test_an_address_with_a_zone_is_refused_whatever_it_is(number: int, zone: str) -> None:
    assert not GUARD.permits(f"{IPv6Address(number)}%{zone}", PORT)


@pytest.mark.parametrize(
    "text",
    ["", " ", "8.8.8.8 ", " 8.8.8.8", "8.8.8.8\n", "8.8.8.8\x00", "8.8.8", "134744072", "0x08080808", "010.8.8.8", "8.8.8.8/32",
     "8.8.8.8:443", "[2606:4700::1]", "\uff18.8.8.8", "2606:4700::1/64", "example.com"],
)  # fmt: skip
def test_what_is_not_plainly_an_address_is_refused(text: str) -> None:
    assert not GUARD.permits(text, PORT)
