"""Signatures of the action dialect, against an independent signer."""

from collections.abc import Callable

import msgspec
import pytest

from spark_assets.domain.errors import SignatureError
from spark_assets.domain.signature import Credential, SignedRequest, parse_authorization, verify
from tests.factories.signing import NAMES, sign, signing_headers

NOW = 1_795_349_331
SECRET = "a secret of an access key"
BODY = b'{"Name":"hero"}'
QUERY = (("Action", "CreateAsset"), ("Version", "2024-01-01"))


def make_request(**changes: object) -> SignedRequest:
    headers = signing_headers("127.0.0.1:8080", BODY, NOW)
    return msgspec.structs.replace(SignedRequest(method="POST", path="/", query=QUERY, headers=headers, body=BODY), **changes)


def signed(request: SignedRequest, **options: str) -> Credential:
    return parse_authorization(sign(request, SECRET, NAMES, **options))


def code_of(call: Callable[[], None]) -> str:
    with pytest.raises(SignatureError) as caught:
        call()
    assert SECRET not in caught.value.message
    return caught.value.code


@pytest.mark.parametrize("region", ["cn-beijing", "local", "us-east-1"])
def test_a_right_signature_is_accepted_for_any_region(region: str) -> None:
    request = make_request()
    verify(request, signed(request, region=region), SECRET, NOW)


@pytest.mark.parametrize("seconds", [-15 * 60, 0, 15 * 60])
def test_a_quarter_of_an_hour_of_clock_difference_is_accepted(seconds: int) -> None:
    request = make_request()
    verify(request, signed(request), SECRET, NOW + seconds)


@pytest.mark.parametrize("seconds", [-15 * 60 - 1, 15 * 60 + 1, 86_400])
def test_more_is_an_invalid_timestamp(seconds: int) -> None:
    request = make_request()
    assert code_of(lambda: verify(request, signed(request), SECRET, NOW + seconds)) == "InvalidTimestamp"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/other"},
        {"query": (("Action", "DeleteAsset"), ("Version", "2024-01-01"))},
        {"query": (*QUERY, ("X", "1"))},
        {"body": b'{"Name":"villain"}'},
        {"headers": {**make_request().headers, "host": "127.0.0.1:8081"}},
        {"headers": {**make_request().headers, "content-type": "text/plain"}},
    ],
    ids=["method", "path", "action", "query", "body", "host", "header"],
)
def test_whatever_was_changed_after_signing_is_noticed(change: dict[str, object]) -> None:
    credential = signed(make_request())
    assert code_of(lambda: verify(make_request(**change), credential, SECRET, NOW)) == "SignatureDoesNotMatch"


def test_another_secret_does_not_match() -> None:
    request = make_request()
    assert code_of(lambda: verify(request, signed(request), "another secret", NOW)) == "SignatureDoesNotMatch"


def test_another_service_does_not_match() -> None:
    request = make_request()
    assert code_of(lambda: verify(request, signed(request, service="iam"), SECRET, NOW)) == "SignatureDoesNotMatch"


def test_a_usual_port_may_be_left_out_of_the_signed_host() -> None:
    there = make_request(headers={**make_request().headers, "host": "assets.example.com"})
    arrived = make_request(headers={**make_request().headers, "host": "assets.example.com:80"})
    verify(arrived, signed(there), SECRET, NOW)


@pytest.mark.parametrize("host", ["assets.example.com", "assets.example.com:443"])
@pytest.mark.parametrize("path", ["/", "/tools/", "/tools"])
def test_behind_a_proxy_the_public_host_and_path_may_be_signed(host: str, path: str) -> None:
    headers = make_request().headers
    there = make_request(headers={**headers, "host": "assets.example.com"}, path=path)
    arrived = make_request(headers={**headers, "host": "10.0.0.7:8080"}, public_host=host, public_path="/tools/")
    verify(arrived, signed(there), SECRET, NOW)


@pytest.mark.parametrize("change", [{"public_host": "other.example.com"}, {"public_path": "/other"}])
def test_another_public_host_or_path_does_not_match(change: dict[str, str]) -> None:
    there = make_request(headers={**make_request().headers, "host": "assets.example.com"}, path="/tools")
    arrived = make_request(**{"public_host": "assets.example.com", "public_path": "/tools", **change})
    assert code_of(lambda: verify(arrived, signed(there), SECRET, NOW)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("name", ["host", "x-date"])
def test_host_and_date_must_be_signed(name: str) -> None:
    request = make_request()
    names = tuple(item for item in NAMES if item != name)
    credential = parse_authorization(sign(request, SECRET, names))
    assert code_of(lambda: verify(request, credential, SECRET, NOW)) == "MissingSignature"


def test_a_session_token_is_refused() -> None:
    request = make_request(headers={**make_request().headers, "x-security-token": "x"})
    assert code_of(lambda: verify(request, signed(make_request()), SECRET, NOW)) == "InvalidSecretToken"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "HMAC-SHA256",
        "HMAC-SHA256 Credential=AK",
        "HMAC-SHA256 Credential=AK/20261122/r/ark/aws4_request, SignedHeaders=host, Signature=00",
    ],
)
def test_a_malformed_header_is_a_missing_signature(header: str) -> None:
    assert code_of(lambda: parse_authorization(header) and None) == "MissingSignature"
