import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain.errors import InvalidParameter
from spark_assets.fetching.source_url import LONGEST_URL, parse_source_url


@pytest.mark.parametrize(
    ("text", "request_url"),
    [
        ("http://example.com", "http://example.com/"),
        ("HTTP://EXAMPLE.com:80/A?b=C#frag", "http://example.com/A?b=C"),
        ("https://example.com.:8443/x", "https://example.com:8443/x"),
        ("https://example.com:443/x", "https://example.com/x"),
        ("http://example.com?q=http://a@b/", "http://example.com/?q=http://a@b/"),
        ("http://example.com/a@b:c", "http://example.com/a@b:c"),
        ("http://8.8.8.8/x", "http://8.8.8.8/x"),
        ("http://8.8.8.8./x", "http://8.8.8.8/x"),
        ("http://[2001:DB8:0::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
        ("http://bücher.example/ä?ö=ü", "http://xn--bcher-kva.example/%C3%A4?%C3%B6=%C3%BC"),
        ("http://例え。テスト/", "http://xn--r8jz45g.xn--zckzah/"),
        ("http://faß.de/", "http://xn--fa-hia.de/"),
        ("http://XN--BCHER-KVA.example/", "http://xn--bcher-kva.example/"),
        ("http://under_score.example/", "http://under_score.example/"),
        ("http://h/a%2Fb/../c?x=%7B&y={z}&p=+|", "http://h/a%2Fb/../c?x=%7B&y=%7Bz%7D&p=+%7C"),
        ("http://h//double//slash", "http://h//double//slash"),
        ("http://h/?", "http://h/"),
        ("http://h:0080/", "http://h/"),
        ("http://0x7f.example/", "http://0x7f.example/"),
    ],
)
def test_a_good_address_is_requested_in_its_checked_form(text: str, request_url: str) -> None:
    assert str(parse_source_url(text).request_url) == request_url


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "absolute"),
        ("example.com/a.jpg", "absolute"),
        ("/a.jpg", "absolute"),
        ("//example.com/a.jpg", "absolute"),
        ("http:/example.com/", "absolute"),
        ("http:example.com", "absolute"),
        ("file:///etc/passwd", "http://"),
        ("ftp://example.com/", "http://"),
        ("gopher://example.com/", "http://"),
        ("data:image/png;base64,AAAA", "absolute"),
        ("jar:http://example.com/", "absolute"),
        ("unix://example.com/", "http://"),
        ("http+unix://example.com/", "http://"),
        ("http://", "host"),
        ("http:///path", "host"),
        ("http://:80/", "host"),
        ("http://./", "host"),
        ("http://a..b/", "not a valid name"),
        ("http://.a/", "not a valid name"),
        ("http://-a.example/", "not a valid name"),
        ("http://a-.example/", "not a valid name"),
        ("http://a%2eb/", "not a valid name"),
        ("http://127.0.0.1%2f@x/", "user name"),
        ("http://a!b/", "not a valid name"),
        (f"http://{'a' * 64}.example/", "not a valid name"),
        (f"http://{'a.' * 130}example/", "not a valid name"),
        ("http://user@example.com/", "user name"),
        ("http://user:pass@example.com/", "user name"),
        ("http://@example.com/", "user name"),
        ("http://example.com:80@127.0.0.1/", "user name"),
        ("http://example.com\\@127.0.0.1/", "backslash"),
        ("http:\\\\example.com/", "backslash"),
        ("http://example.com/a\\b", "backslash"),
        (" http://example.com/", "whitespace"),
        ("http://example.com/ ", "whitespace"),
        ("http://example.com/a b", "whitespace"),
        ("http://example.com/\t", "whitespace"),
        ("http://exam\nple.com/", "whitespace"),
        ("http://example.com/\r\nHost:x", "whitespace"),
        ("http://example.com/\x00", "whitespace"),
        ("http://example.com/\x7f", "whitespace"),
        ("http://example.com/\x85", "whitespace"),
        ("http://example.com/\u00a0", "whitespace"),
        ("http://example.com/\u2028", "whitespace"),
        ("http://example.com/\u3000", "whitespace"),
        ("http://example.com/\ud800", "whitespace"),
        ("http://example.com:abc/", "numeric port"),
        ("http://example.com:/", "numeric port"),
        ("http://example.com:80:80/", "numeric port"),
        ("http://example.com:-1/", "numeric port"),
        ("http://example.com:+80/", "numeric port"),
        ("http://example.com:\uff18\uff10/", "numeric port"),
        ("http://example.com:0/", "from 1 to 65535"),
        ("http://example.com:65536/", "from 1 to 65535"),
        ("http://example.com:99999999999/", "numeric port"),
        ("http://2130706433/", "four decimal numbers"),
        ("http://0x7f000001/", "four decimal numbers"),
        ("http://0x7f.1/", "four decimal numbers"),
        ("http://017700000001/", "four decimal numbers"),
        ("http://127.1/", "four decimal numbers"),
        ("http://127.0.1/", "four decimal numbers"),
        ("http://0177.0.0.1/", "four decimal numbers"),
        ("http://127.0.0.01/", "four decimal numbers"),
        ("http://127.0.0.0x1/", "four decimal numbers"),
        ("http://256.0.0.1/", "four decimal numbers"),
        ("http://1.2.3.4.5/", "four decimal numbers"),
        ("http://example.1/", "four decimal numbers"),
        ("http://0x/", "four decimal numbers"),
        ("http://\uff11\uff12\uff17.\uff11/", "four decimal numbers"),
        ("http://①②⑦.1/", "four decimal numbers"),
        ("http://::1/", "numeric port"),
        ("http://[::1/", "numeric port"),
        ("http://::1]/", "numeric port"),
        ("http://[::1]x/", "numeric port"),
        ("http://[127.0.0.1]/", "not an IPv6 address"),
        ("http://[::g]/", "not an IPv6 address"),
        ("http://[v1.x]/", "not an IPv6 address"),
        ("http://[]/", "not an IPv6 address"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://[fe80::1%eth0]/", "zone"),
        ("http://xn--a/", "international"),
        ("http://☃.net/", "international"),
        ("http://a\u202eb.example/", "international"),
        ("http://example.com/" + "a" * LONGEST_URL, "8192"),
    ],
)
def test_an_odd_address_is_refused_before_any_network(text: str, sentence: str) -> None:
    with pytest.raises(InvalidParameter, match=sentence) as refusal:
        parse_source_url(text)
    assert refusal.value.code == "InvalidParameter.URL"
    assert refusal.value.param == "URL"


def test_an_address_of_exactly_the_longest_length_is_accepted() -> None:
    text = "http://example.com/"
    assert parse_source_url(text + "a" * (LONGEST_URL - len(text))).host == "example.com"


def test_a_refusal_never_repeats_the_address() -> None:
    with pytest.raises(InvalidParameter) as refusal:
        parse_source_url("http://example.com:0/secret?token=hunter2")
    assert "secret" not in refusal.value.message
    assert "hunter2" not in refusal.value.message


def test_a_full_width_address_is_judged_in_the_form_it_is_used_in() -> None:
    assert parse_source_url("http://\uff11\uff12\uff17。0.0.1/").host == "127.0.0.1"


@pytest.mark.parametrize(
    ("reference", "joined"),
    [
        ("/x?y", "https://example.com:8443/x?y"),
        ("x", "https://example.com:8443/a/x"),
        ("../x", "https://example.com:8443/x"),
        ("?y", "https://example.com:8443/a/b?y"),
        ("//other.example/x", "https://other.example/x"),
        ("http://other.example", "http://other.example/"),
        ("/ü", "https://example.com:8443/%C3%BC"),
    ],
)
def test_a_location_is_read_from_where_it_was_found(reference: str, joined: str) -> None:
    assert str(parse_source_url("https://example.com:8443/a/b?c").join(reference).request_url) == joined


@pytest.mark.parametrize(
    "reference",
    ["http://[", "//user@host/", "https://", "http:///", "http:x", "ftp://host/", "javascript:alert(1)", "\\\\host", "/a b", "//127.1"],
)
def test_a_location_is_checked_like_any_other_address(reference: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_source_url("https://example.com/a").join(reference)


@given(st.text(alphabet="ab.:/@?#%[]\\0x1-é。 \t", max_size=40))
def test_what_is_accepted_is_what_is_connected_to(rest: str) -> None:
    try:
        source = parse_source_url("http://" + rest)
    except InvalidParameter:
        return
    url = source.request_url
    assert (url.scheme, url.raw_host, url.port, url.raw_path_qs) == (source.scheme, source.host, source.port, source.target)
    assert url.user is None
    assert str(url).isascii()
    assert parse_source_url(str(url)) == source


@given(st.one_of(st.text(), st.text(max_size=60).map("//".__add__), st.text(max_size=60).map("http://xn--".__add__)))
def test_whatever_an_origin_writes_is_an_address_or_refused(reference: str) -> None:
    try:
        joined = parse_source_url("https://example.com/a").join(reference)
    except InvalidParameter:
        return
    assert joined.scheme in ("http", "https")
