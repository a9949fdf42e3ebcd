"""Signing in, signing out, and choosing a language."""

from typing import Final
from urllib.parse import parse_qs, urlencode

from spark_assets.domain.errors import AuthenticationError, ErrorKind, InvalidParameter, RequestRefused, SparkError
from spark_assets.operations import sessions
from spark_assets.operations.delivery import origin_of
from spark_assets.web.console.frame import SIGN_IN, lead, send_page, set_session
from spark_assets.web.console.words import COOKIE, LANGUAGES, language_of
from spark_assets.web.cookies import session_caller, session_token
from spark_assets.web.error_responses import STATUS
from spark_assets.web.exchange import Exchange
from spark_assets.web.query import read_query

_HOME: Final = "/console"
_LONGEST_FORM: Final = 16 * 1024
_MOST_FIELDS: Final = 20
_YEAR: Final = 365 * 24 * 3600


async def sign_in(exchange: Exchange) -> None:
    """`/console/sign-in`: GET shows the form, POST opens a session with the key in it."""
    exchange.allow("GET", "HEAD", "POST")
    target = _target(exchange, read_query(exchange).get("next"))
    if exchange.method != "POST":
        await _show(exchange, target)
        return
    _refuse_other_sites(exchange)
    form = await _form(exchange)
    try:
        header = f"Bearer {form.get('key', '').strip()}".encode()
        caller = await exchange.site.authenticator.caller(header, exchange.address)
    except AuthenticationError as error:
        await _show(exchange, target, error)
        return
    async with exchange.site.runtime.database.begin() as uow:
        token = await sessions.sign_in(uow, caller, exchange.now)
        await uow.commit()
    await lead(exchange, target, (set_session(exchange, token),))


async def sign_out(exchange: Exchange) -> None:
    """`POST /console/sign-out`: end the session, here and on every process within a second."""
    exchange.allow("POST")
    token = session_token(exchange)
    if token is not None:
        form = await _form(exchange)
        try:
            await session_caller(exchange, token, form.get("form_token", ""))
        except AuthenticationError:
            pass  # it has ended already
        else:
            async with exchange.site.runtime.database.begin() as uow:
                await sessions.sign_out(uow, token)
                await uow.commit()
    await lead(exchange, exchange.site.at(SIGN_IN), (set_session(exchange, ""),))


async def choose_language(exchange: Exchange) -> None:
    """`GET /console/language?to=TAG&next=PAGE`: remember the language, and go back to the page."""
    exchange.allow("GET", "HEAD")
    query = read_query(exchange)
    if query.get("to") not in LANGUAGES:
        raise InvalidParameter("to", f"to must be one of {', '.join(LANGUAGES)}")
    chosen = f"{COOKIE}={query['to']}; Path={exchange.site.at(_HOME)}; Max-Age={_YEAR}; SameSite=Lax".encode()
    await lead(exchange, _target(exchange, query.get("next")), ((b"set-cookie", chosen),))


async def _show(exchange: Exchange, target: str, error: SparkError | None = None) -> None:
    status = 200 if error is None else STATUS[error.kind]
    action = exchange.site.at(f"{SIGN_IN}?{urlencode({'next': target})}")
    await send_page(exchange, language_of(exchange), "sign_in.html.jinja", status, action=action, failed=error is not None)


async def _form(exchange: Exchange) -> dict[str, str]:
    """The last value of each field. Raises InvalidParameter `form`, and what reading a body raises."""
    body = await exchange.body(_LONGEST_FORM)
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise InvalidParameter("form", f"a form has at most {_MOST_FIELDS} fields") from None
    return {name: values[-1] for name, values in fields.items()}


def _refuse_other_sites(exchange: Exchange) -> None:
    """Another site must not sign people in with a key of its own. Raises RequestRefused `AccessDenied`; no browser, no question."""
    site, origin = exchange.header(b"sec-fetch-site"), exchange.header(b"origin")
    if site is None and origin is not None:
        given = origin.decode("latin-1").lower()
        host = (exchange.header(b"host") or b"").decode("latin-1").lower()
        is_ours = given in {origin_of(exchange.site.runtime.base_url).lower(), f"http://{host}", f"https://{host}"}
    else:
        is_ours = site not in {b"cross-site", b"same-site"}
    if not is_ours:
        raise RequestRefused(ErrorKind.DENIED, "AccessDenied", "the request to sign in comes from another site; use the form of this one")


def _target(exchange: Exchange, text: str | None) -> str:
    """A page of the console to go to, and nothing but that: an address from outside leads nowhere else."""
    home = exchange.site.at(_HOME)
    is_ours = text is not None and (text == home or text.startswith((f"{home}/", f"{home}?")))
    return text if text is not None and is_ours and text.isprintable() and "\\" not in text else home
