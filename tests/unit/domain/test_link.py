from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spark_assets.domain.errors import NotFound
from spark_assets.domain.link import LinkSigner, SigningKey

OLD, NEW = SigningKey("old", "0123456789abcdef"), SigningKey("new", "fedcba9876543210")
PATH = "/media/asset-20260528202640-bcdfg/original.jpg"
NOW = 1_780_000_000
LINK = LinkSigner((OLD,)).sign(PATH, NOW + 10)


def _verify(signer: LinkSigner, link: str, now: int = NOW) -> None:
    """As delivery does: the path as it is, the query taken apart."""
    parts = urlsplit(link)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    signer.verify(parts.path, query.get("expires", ""), query.get("key", ""), query.get("signature", ""), now)


def test_a_link_works_as_it_was_made_until_it_expires() -> None:
    signer = LinkSigner((OLD,))
    _verify(signer, LINK)
    _verify(signer, LINK, NOW + 9)
    for now in (NOW + 10, NOW + 11, NOW + 10**9):
        with pytest.raises(NotFound, match="expired"):
            _verify(signer, LINK, now)


@given(st.integers(min_value=0, max_value=len(LINK) - 1), st.characters(min_codepoint=33, max_codepoint=126))
@example(len(LINK) - 1, "A")
@example(len(LINK) - 1, "B")
@example(len(LINK) - 1, "=")
def test_any_changed_byte_is_refused(position: int, character: str) -> None:
    changed = LINK[:position] + character + LINK[position + 1 :]
    if changed != LINK:
        with pytest.raises(NotFound):
            _verify(LinkSigner((OLD,)), changed)


@given(st.integers(min_value=0, max_value=len(LINK)), st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c not in "&#"))
def test_any_byte_too_many_or_too_few_is_refused(position: int, character: str) -> None:
    for changed in (LINK[:position] + character + LINK[position:], LINK[:position] + LINK[position + 1 :]):
        if changed != LINK:
            with pytest.raises(NotFound):
                _verify(LinkSigner((OLD,)), changed)


@given(st.text(max_size=20), st.text(max_size=8), st.text(max_size=50))
@example(str(NOW + 10), "old", "ü")
@example(f"0{NOW + 10}", "old", "")
@example(f"+{NOW + 10}", "old", "")
@example("１７８０", "old", "")  # noqa: RUF001  # digits, but not ours
@example("9" * 5000, "old", "")
@example("", "", "")
def test_whatever_is_made_up_is_refused(expires: str, key: str, signature: str) -> None:
    with pytest.raises(NotFound):
        LinkSigner((OLD,)).verify(PATH, expires, key, signature, NOW)


def test_an_expiry_written_another_way_is_refused_though_it_is_the_same_number() -> None:
    query = dict(parse_qsl(urlsplit(LINK).query))
    for spelling in (f"0{query['expires']}", f" {query['expires']}", f"{query['expires']}.0", f"+{query['expires']}"):
        with pytest.raises(NotFound):
            LinkSigner((OLD,)).verify(PATH, spelling, query["key"], query["signature"], NOW)


def test_keys_rotate_the_first_signs_and_all_verify() -> None:
    both = LinkSigner((NEW, OLD))
    _verify(both, LINK)
    fresh = both.sign(PATH, NOW + 10)
    assert "key=new" in fresh
    _verify(LinkSigner((NEW,)), fresh)
    for signer, link in ((LinkSigner((NEW,)), LINK), (LinkSigner((OLD,)), fresh)):
        with pytest.raises(NotFound):
            _verify(signer, link)


def test_a_key_with_the_same_id_and_another_secret_is_refused() -> None:
    with pytest.raises(NotFound):
        _verify(LinkSigner((SigningKey("old", "another secret, as long"),)), LINK)


def test_a_link_for_one_variant_opens_no_other() -> None:
    with pytest.raises(NotFound):
        _verify(LinkSigner((OLD,)), LINK.replace("original.jpg", "thumbnail.jpg"))
