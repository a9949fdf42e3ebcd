"""Authentication that is malformed in every way: answered 401 alike, on every surface, and slowly once it becomes a habit."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from spark_assets.domain.api_key import new_secret
from spark_assets.domain.parameters import LIST_GROUPS
from spark_assets.domain.signature import SignedRequest
from tests.factories.http import GENERATION, TASKS, Answer, SparkClient, send
from tests.factories.signing import NAMES, sign, signing_headers
from tests.factories.spark_processes import Service, embedded
from tests.factories.surfaces import SURFACES, Member, member

DOORS: Final = {
    "create": ("POST", GENERATION),
    "poll": ("GET", f"{TASKS}/00000000000000000000"),
    "action": ("POST", "/?Action=ListAssets&Version=2024-01-01"),
    "bare": ("POST", "/open/ListAssets"),
    "own": ("GET", "/v1/assets"),
    "stream": ("GET", "/v1/events"),
    "batch": ("POST", "/v1/batches"),
    "form": ("POST", "/v1/uploads"),
    "tus": ("POST", "/v1/uploads/tus"),
    "billing": ("GET", "/monitor/api/v1/cost/billing"),
}
NO_KEY: Final = {
    "an empty header": "",
    "a scheme alone": "Bearer",
    "a scheme and blanks": "Bearer    ",
    "Basic": "Basic dXNlcjpwYXNz",
    "Digest": 'Digest username="x"',
    "Negotiate": "Negotiate x",
    "two words in one": "BearerX",
    "a key alone": "sk_" + "a" * 49,
    "a tab instead of a blank": "Bearer\tsk_" + "a" * 49,
    "letters like those of the scheme": "\u0412earer x",
    "only a comma": ",",
}
WRONG_KEYS: Final = {
    "a key that is unknown": new_secret(),
    "no key of ours": "nonsense",
    "a list": "a, b",
    "quotes": '"x"',
    "percent": "%00%0a",
    "SQL": "' OR 1=1 --",
    "JSON": '{"$ne": null}',
    "zero": "0",
    "null": "null",
    "Latin-1": "sk_\xe9\xff",
    "UTF-8": "sk_ключ\U0001f511",
    "right to left": "sk_\u202eabc",
    "a wrong checksum": new_secret()[:-1] + "!",
    "upper case": new_secret().upper(),
    "too long by one": new_secret() + "0",
    "too short by one": new_secret()[:-1],
    "long": "x" * 30_000,
    "two schemes": "Bearer " + new_secret(),
}


def _ask(base_url: str, door: str, *headers: tuple[str, bytes]) -> Answer:
    method, path = DOORS[door]
    named = [(name, value.decode("latin-1")) for name, value in headers] + [("Tus-Resumable", "1.0.0")]
    return send(method, base_url + path, body=b"{}" if method == "POST" else None, headers=named)


def _plain(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
    return answer.status, headers, re.sub(rb"\d{14}[0-9A-F]{20}", b"ID", answer.body)


@pytest.mark.parametrize("door", DOORS)
def test_whatever_is_not_a_bearer_key_is_answered_like_none_at_all(service: Service, door: str) -> None:
    none = _ask(service.base_url, door)
    assert (none.status, b"MissingAuthenticationToken" in none.body, none.headers["www-authenticate"]) == (401, True, "Bearer")
    for label, value in NO_KEY.items():
        assert _plain(_ask(service.base_url, door, ("Authorization", value.encode()))) == _plain(none), label


@pytest.mark.parametrize("door", DOORS)
def test_every_key_that_is_none_is_answered_alike(service: Service, client: SparkClient, door: str) -> None:
    revoked = service.quick_command("keys", "create", "--name", "gone")
    assert service.in_process("keys", "revoke", revoked["id"]).exit_code == 0
    unknown = _ask(service.base_url, door, ("Authorization", b"Bearer " + new_secret().encode()))
    assert (unknown.status, b"InvalidApiKey" in unknown.body, unknown.headers["www-authenticate"]) == (401, True, "Bearer")
    for label, key in {**WRONG_KEYS, "revoked": revoked["key"]}.items():
        assert _plain(_ask(service.base_url, door, ("Authorization", f"Bearer {key}".encode()))) == _plain(unknown), label
    good = f"Bearer {client.key}".encode()
    for pair in ((good, good), (good, b"Bearer x"), (b"Bearer x", good), (b"", good), (b"Basic eDp4", good)):
        twice = _ask(service.base_url, door, *[("Authorization", value) for value in pair])
        assert _plain(twice) == _plain(unknown), pair


@pytest.fixture(scope="module")
def signer(service: Service) -> Member:
    """Someone with an access key."""
    return member(service)


def _sign(signer: Member, **changes: str) -> dict[str, str]:
    """The headers of a right signature but for these changes: of a header, or of a part of `Authorization`."""
    host = signer.client.base_url.removeprefix("http://")
    headers = signing_headers(host, b"{}", time.time())
    query = (("Action", "ListAssets"), ("Version", "2024-01-01"))
    request = SignedRequest(method="POST", path="/", query=query, headers=headers, body=b"{}")
    key, secret = changes.pop("key", signer.access_key), changes.pop("secret", signer.secret)
    headers["authorization"] = sign(request, secret, NAMES, key=key, service=changes.pop("service", "ark"))
    for name in ("old", "new"):
        changes.setdefault(name, "")
    old, new = changes.pop("old"), changes.pop("new")
    headers["authorization"] = headers["authorization"].replace(old, new) if old else headers["authorization"]
    del headers["host"]
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def test_a_signature_with_any_part_changed_is_refused(signer: Member) -> None:
    def post(headers: dict[str, str], target: str = DOORS["action"][1]) -> Answer:
        return send("POST", signer.client.base_url + target, body=b"{}", headers=headers)

    assert post(_sign(signer)).json()["ResponseMetadata"]["Error"]["Code"] == "MissingParameter.Filter", "it is right as it is"
    right = _sign(signer)["authorization"]
    signature = right.rpartition("=")[2]
    changed = {place: signature[:place] + ("0" if digit != "0" else "1") + signature[place + 1 :] for place, digit in enumerate(signature)}
    cases = [_sign(signer) | {"authorization": right.replace(signature, other)} for other in changed.values()]
    cases += [
        _sign(signer, secret="another"),
        _sign(signer, key="AKunknown"),
        _sign(signer, key=signer.access_key.swapcase()),
        _sign(signer, service="iam"),
        _sign(signer, old="/cn-beijing/", new="/cn-shanghai/"),
        _sign(signer, x_security_token="token"),
        _sign(signer, x_content_sha256="0" * 64),
        _sign(signer, content_type="text/plain"),
    ]
    with ThreadPoolExecutor(4) as threads:
        assert {answer.status for answer in threads.map(post, cases)} == {401}
    malformed = [
        _sign(signer, old="HMAC-SHA256 ", new="HMAC-SHA256"),
        _sign(signer, old="Signature=", new="Signature"),
        _sign(signer, old=", Signature=", new=", "),
        _sign(signer, old="/request", new="/aws4_request"),
        _sign(signer, old=";host", new=""),
        _sign(signer, old="SignedHeaders=", new="SignedHeaders=é"),
        _sign(signer, x_date="yesterday"),
        _sign(signer, x_date="20200101T000000Z"),
        _sign(signer, x_date="99999999T999999Z"),
    ]
    for headers in malformed:
        answer = post(headers)
        assert answer.status in {400, 401}, answer.body
        assert answer.json()["ResponseMetadata"]["Error"]["Code"] in {"MissingSignature", "InvalidTimestamp", "SignatureDoesNotMatch"}
    for target in ("/?Action=GetAsset&Version=2024-01-01", "/?Version=2024-01-01&Action=ListAssets&x=y"):
        assert post(_sign(signer), target).status == 401


LONGEST: Final = 0.5
"""Seconds."""


@pytest.fixture(scope="module")
def wary() -> Iterator[Service]:
    """A server with a short delay after failed keys."""
    with embedded(failed_key_delay=LONGEST) as service:
        yield service


def test_who_tries_keys_waits_longer_and_longer_and_nobody_with_a_good_key_does(wary: Service) -> None:
    good = wary.client()
    took = []

    def timed(client: SparkClient) -> tuple[int, float]:
        began = time.monotonic()
        status = client.request("GET", "/v1/groups").status
        return status, time.monotonic() - began

    assert timed(good)[0] == 200
    for _ in range(16):
        status, seconds = timed(SparkClient(wary.base_url, new_secret()))
        assert status == 401
        took.append(seconds)
    assert [seconds > min(0.05 * 2**step, LONGEST) for step, seconds in enumerate(took[11:])] == [True] * 5, took
    with ThreadPoolExecutor(9) as threads:
        waiting = [threads.submit(timed, SparkClient(wary.base_url, "sk_wrong")) for _ in range(8)]
        beside = threads.submit(timed, good).result()
        assert beside[0] == 200
        assert not any(attempt.done() for attempt in waiting), "who tries keys waits still"
        assert {attempt.result()[0] for attempt in waiting} == {401}
    assert send("GET", f"{wary.base_url}/healthz").status == 200


def test_a_new_key_is_still_let_in_where_others_have_failed(wary: Service) -> None:
    made = wary.quick_command("keys", "create", "--name", "newcomer")
    assert SparkClient(wary.base_url, made["key"]).request("GET", "/v1/groups").status == 200


def test_signatures_that_fail_count_too_and_those_that_have_not_do_not_wait(wary: Service) -> None:
    caller = member(wary)
    wrong = Member(caller.client, caller.access_key, "another secret")
    assert SURFACES["signed"](caller, LIST_GROUPS, {"Filter": {}}).answer.status == 200
    for _ in range(15):
        SURFACES["signed"](Member(caller.client, "AKunknown", "secret"), LIST_GROUPS, {"Filter": {}})
    began = time.monotonic()
    assert SURFACES["signed"](caller, LIST_GROUPS, {"Filter": {}}).answer.status == 200
    beside = time.monotonic() - began
    assert SURFACES["signed"](wrong, LIST_GROUPS, {"Filter": {}}).answer.status == 401
    began = time.monotonic()
    assert SURFACES["signed"](caller, LIST_GROUPS, {"Filter": {}}).answer.status == 200
    assert time.monotonic() - began < LONGEST, "whoever knows its ID, and no more, takes nothing from a key that has proved good"
    began = time.monotonic()
    assert SURFACES["signed"](Member(caller.client, "AKunknown", "secret"), LIST_GROUPS, {"Filter": {}}).answer.status == 401
    assert time.monotonic() - began > max(LONGEST, beside)
