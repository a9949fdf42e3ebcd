"""Request signatures of the action dialect: HMAC-SHA256 over a canonical form of the request, with an access key.

Like AWS Signature Version 4, except that the algorithm's word is `HMAC-SHA256`, the scope ends in `request`, and the
first key is the secret itself.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from typing import Final
from urllib.parse import quote

import msgspec

from spark_assets.domain.errors import ErrorKind, SignatureError

ALGORITHM: Final = "HMAC-SHA256"
SERVICE: Final = "ark"
LARGEST_CLOCK_DIFFERENCE: Final = 15 * 60
"""Seconds between the client's clock and ours."""
_AUTHORIZATION: Final = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<key>[^/,\s]{{1,128}})/(?P<date>\d{{8}})/(?P<region>[^/,\s]{{1,64}})/(?P<service>[^/,\s]{{1,64}})/request"
    r"\s*,\s*SignedHeaders=(?P<headers>[a-z0-9;_-]{1,1024})\s*,\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_REQUIRED: Final = ("host", "x-date")
_PLAIN_PORTS: Final = (":80", ":443")
_TIME_FORMAT: Final = "%Y%m%dT%H%M%SZ"


class SignedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a signature covers."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes | None
    """None while it has not been read: the header `X-Content-Sha256` stands for it then."""
    public_host: str = ""
    public_path: str = ""
    """What the client may have signed instead of the header and the path that arrived, behind a proxy that changes them."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What the `Authorization` header of a signed request says."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def is_signature(authorization: str) -> bool:
    """Whether the header carries a signature rather than a bearer key."""
    return authorization.startswith(ALGORITHM)


def parse_authorization(authorization: str) -> Credential:
    """Read the header. Raises SignatureError `MissingSignature` if it is not of the form."""
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if match is None:
        raise SignatureError(
            "MissingSignature",
            f"Authorization must be '{ALGORITHM} Credential=<AK>/<date>/<region>/{SERVICE}/request, SignedHeaders=a;b, Signature=<hex>'",
        )
    return Credential(
        access_key_id=match["key"],
        date=match["date"],
        region=match["region"],
        service=match["service"],
        signed_headers=tuple(match["headers"].split(";")),
        signature=match["signature"],
    )


def verify(request: SignedRequest, credential: Credential, secret: str, now: int) -> None:
    """Hold a signature against the request; `now` is in Unix seconds.

    Raises SignatureError `MissingSignature`, `InvalidTimestamp`, `SignatureDoesNotMatch`, each saying what was compared.
    """
    if "x-security-token" in request.headers:
        raise SignatureError(
            "InvalidSecretToken", "session tokens are not used here; sign with an access key alone", ErrorKind.UNAUTHENTICATED
        )
    missing = [name for name in _REQUIRED if name not in credential.signed_headers or name not in request.headers]
    if missing:
        raise SignatureError("MissingSignature", f"the header {missing[0]} must be sent and be among SignedHeaders")
    _check_time(request.headers["x-date"], credential, now)
    if credential.service != SERVICE:
        raise _mismatch(f"the scope names the service '{credential.service}', expected '{SERVICE}'")
    if request.body is None and "x-content-sha256" not in request.headers:
        raise SignatureError("MissingSignature", "the header x-content-sha256 must be sent with a body of more than 1 MiB")
    body_hash = request.headers["x-content-sha256"].lower() if request.body is None else hashlib.sha256(request.body).hexdigest()
    declared = request.headers.get("x-content-sha256", body_hash)
    if declared.lower() != body_hash:
        raise _mismatch("X-Content-Sha256 is not the hash of the body that arrived")
    for host, path in product(_hosts(request), _paths(request)):
        expected = _sign(request, credential, secret, host, path, body_hash)
        if hmac.compare_digest(expected, credential.signature):
            return
    raise _mismatch("method, path, query, the signed headers and the body's hash were compared; one differs, or the secret does")


def _check_time(date: str, credential: Credential, now: int) -> None:
    try:
        sent = datetime.strptime(date, _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("InvalidTimestamp", "X-Date must be of the form YYYYMMDDTHHMMSSZ") from None
    if date[:8] != credential.date:
        raise SignatureError("InvalidTimestamp", "the date in the credential's scope is not that of X-Date")
    if abs(sent.timestamp() - now) > LARGEST_CLOCK_DIFFERENCE:
        minutes = LARGEST_CLOCK_DIFFERENCE // 60
        raise SignatureError("InvalidTimestamp", f"X-Date differs from the server's clock by more than {minutes} minutes")


def _hosts(request: SignedRequest) -> set[str]:
    """What a client may have signed as the host: it leaves out the usual ports."""
    hosts = {request.headers["host"], request.public_host or request.headers["host"]}
    return hosts | {host.removesuffix(port) for host in hosts for port in _PLAIN_PORTS}


def _paths(request: SignedRequest) -> set[str]:
    """What it may have signed as the path: without a prefix there is nothing to leave open."""
    path = request.path or "/"
    return {path, request.public_path or path, request.public_path.removesuffix("/") or path}


def _sign(request: SignedRequest, credential: Credential, secret: str, host: str, path: str, body_hash: str) -> str:
    headers = {**request.headers, "host": host}
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in credential.signed_headers)
    names = ";".join(credential.signed_headers)
    canonical = "\n".join([request.method, path, _canonical_query(request.query), lines, names, body_hash])
    scope = f"{credential.date}/{credential.region}/{credential.service}/request"
    text = "\n".join([ALGORITHM, request.headers["x-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = secret.encode()
    for part in (credential.date, credential.region, credential.service, "request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _canonical_query(query: Sequence[tuple[str, str]]) -> str:
    return "&".join(
        f"{name}={value}" for name, value in sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    )


def _mismatch(compared: str) -> SignatureError:
    return SignatureError("SignatureDoesNotMatch", f"the signature does not match: {compared}", ErrorKind.UNAUTHENTICATED)
