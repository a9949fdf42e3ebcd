"""The cookie that says who has signed in to the console, and what keeps other sites from using it.

A browser sends cookies whoever made it ask. So a session counts only where the request was not made by another site, and
where it could change something only with the session's form token, which no other site can read.
"""

import hmac
from typing import Final

from spark_assets.domain.api_key import Caller
from spark_assets.domain.errors import AuthenticationError, ErrorKind, RequestRefused
from spark_assets.domain.session import LIFETIME, form_token
from spark_assets.web.exchange import Exchange

NAME: Final = "spark_assets_session"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST: Final = 64
"""Characters of a token, with room to spare."""


def read_cookie(exchange: Exchange, name: str) -> str | None:
    """The value of a cookie; None without it. Other programs of the same host have cookies too, of any shape: they are passed over."""
    headers = [value.decode("latin-1") for key, value in exchange.scope["headers"] if key == b"cookie"]
    for pair in ";".join(headers).split(";"):
        found, is_pair, value = pair.partition("=")
        if is_pair and found.strip() == name:
            return value.strip()
    return None


def session_token(exchange: Exchange) -> str | None:
    """The token of the session that the browser says it has."""
    token = read_cookie(exchange, NAME)
    return token if token and len(token) <= _LONGEST else None


async def session_caller(exchange: Exchange, token: str, form: str | None = None) -> Caller:
    """Who has signed in. `form` is the form token of a request that comes from a form; others send it as `X-Form-Token`.

    Raises AuthenticationError, RequestRefused `AccessDenied` for a request that another site may have made, Unavailable.
    """
    if exchange.header(b"sec-fetch-site") in {b"cross-site", b"same-site"} and exchange.header(b"sec-fetch-mode") != b"navigate":
        raise AuthenticationError.missing()
    if exchange.method not in _SAFE:
        given = form or (exchange.header(b"x-form-token") or b"").decode("latin-1")
        if not hmac.compare_digest(given.encode(), form_token(token).encode()):
            message = "the page that this request comes from is not one of this session; load it again"
            raise RequestRefused(ErrorKind.DENIED, "AccessDenied", message)
    return await exchange.site.authenticator.session(token, exchange.address)


async def own_caller(exchange: Exchange) -> Caller:
    """Who calls our own surface: whose key is in the request, or else who has signed in. Raises AuthenticationError and the like."""
    token = session_token(exchange) if exchange.authorization is None else None
    return await (exchange.caller() if token is None else session_caller(exchange, token))


def session_cookie(token: str, *, path: str, is_secure: bool) -> bytes:
    """`Set-Cookie` for a session; an empty token takes the cookie away. Only HTTPS carries it where the site is served so."""
    age = LIFETIME if token else 0
    return f"{NAME}={token}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax{'; Secure' if is_secure else ''}".encode()
