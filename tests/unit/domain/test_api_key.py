import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain.api_key import Scope, fingerprint, hint, is_well_formed, new_secret
from spark_assets.domain.errors import AccessDenied
from tests.factories.records import NOW, SECOND, api_key, caller

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_a_key_is_a_prefix_43_characters_of_base62_and_a_checksum_of_6() -> None:
    for _ in range(200):
        secret = new_secret()
        assert re.fullmatch(r"sk_[0-9A-Za-z]{49}", secret)
        assert is_well_formed(secret)


def test_no_two_keys_are_alike() -> None:
    secrets = {new_secret() for _ in range(2000)}
    assert len(secrets) == 2000
    assert len({fingerprint(secret) for secret in secrets}) == 2000


def test_the_checksum_catches_every_change_of_a_single_character() -> None:
    secret = new_secret()
    for position in range(len(secret)):
        for character in BASE62:
            changed = secret[:position] + character + secret[position + 1 :]
            assert is_well_formed(changed) == (changed == secret)


def test_the_checksum_catches_every_swap_of_neighbours_and_every_lost_or_doubled_character() -> None:
    secret = new_secret()
    for position in range(len(secret)):
        swapped = secret[:position] + secret[position : position + 2][::-1] + secret[position + 2 :]
        assert is_well_formed(swapped) == (swapped == secret)
        assert not is_well_formed(secret[:position] + secret[position + 1 :])
        assert not is_well_formed(secret[:position] + secret[position] + secret[position:])


@given(st.text(max_size=60) | st.text(alphabet=BASE62, min_size=49, max_size=49).map(lambda text: f"sk_{text}"))
def test_nothing_else_is_well_formed(text: str) -> None:
    assert not is_well_formed(text)


def test_the_hint_shows_four_characters_of_the_secret() -> None:
    secret = new_secret()
    assert hint(secret) == f"{secret[:7]}…"
    assert len(fingerprint(secret)) == 64


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({}, True),
        ({"expires_at": NOW + 1}, True),
        ({"expires_at": NOW}, False),
        ({"revoked_at": NOW + SECOND}, False),
        ({"revoked_at": NOW, "expires_at": NOW + SECOND}, False),
    ],
)
def test_a_key_is_usable_until_it_expires_or_is_revoked(changes: dict[str, int], usable: bool) -> None:
    assert api_key(**changes).is_usable(NOW) == usable


@pytest.mark.parametrize("scope", Scope)
def test_a_caller_needs_the_scope_or_admin(scope: Scope) -> None:
    caller(scopes=frozenset({scope})).require(scope)
    caller(scopes=frozenset({Scope.ADMIN})).require(scope)
    with pytest.raises(AccessDenied) as refused:
        caller(scopes=frozenset(Scope) - {scope, Scope.ADMIN}).require(scope)
    assert refused.value.scope == scope.value
    assert scope.value in refused.value.message


def test_a_caller_may_use_the_projects_of_the_key_and_without_any_all() -> None:
    assert caller(project_ids=None).may_use("project-a")
    assert caller(project_ids=frozenset({"project-a"})).may_use("project-a")
    assert not caller(project_ids=frozenset({"project-a"})).may_use("project-b")
