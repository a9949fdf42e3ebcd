"""An independent signer of the action dialect, written from the public description."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from spark_assets.domain.signature import SignedRequest

NAMES: Final = ("content-type", "host", "x-content-sha256", "x-date")


def sign(
    request: SignedRequest, secret: str, names: tuple[str, ...], *, key: str = "AKexample", region: str = "cn-beijing", service: str = "ark"
) -> str:
    """The `Authorization` header of a request, over the headers of these names."""
    date = request.headers["x-date"]
    query = "&".join(sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in request.query))
    head = "".join(f"{name}:{request.headers[name]}\n" for name in names)
    body = hashlib.sha256(request.body).hexdigest()
    canonical = f"{request.method}\n{request.path}\n{query}\n{head}\n{';'.join(names)}\n{body}"
    scope = f"{date[:8]}/{region}/{service}/request"
    text = f"HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    derived = secret.encode()
    for part in (date[:8], region, service, "request"):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(derived, text.encode(), hashlib.sha256).hexdigest()
    return f"HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"


def signing_headers(host: str, body: bytes, time: float) -> dict[str, str]:
    """The headers that a client signs, by lower-case name; `time` in Unix seconds."""
    return {
        "content-type": "application/json",
        "host": host,
        "x-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-date": datetime.fromtimestamp(time, UTC).strftime("%Y%m%dT%H%M%SZ"),
    }
