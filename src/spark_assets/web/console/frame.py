"""What every page has: who has signed in, in which language, and the headers that keep the page to itself."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.errors import AuthenticationError, SparkError
from spark_assets.domain.session import form_token
from spark_assets.operations.call import Call
from spark_assets.operations.delivery import origins
from spark_assets.web.console.own_surface import ask
from spark_assets.web.console.static_files import static_address
from spark_assets.web.console.words import LANGUAGES, Language, language_of
from spark_assets.web.cookies import session_caller, session_cookie, session_token
from spark_assets.web.error_responses import STATUS, Handler, error_headers
from spark_assets.web.exchange import Exchange, Headers
from spark_assets.web.query import query_fields

HTML: Final = (b"content-type", b"text/html; charset=utf-8")
SIGN_IN: Final = "/console/sign-in"
_ONE_PAGE: Final = 60
"""Assets, groups or tasks drawn at once."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a page by somebody who has signed in."""

    exchange: Exchange
    call: Call
    language: Language
    query: Mapping[str, list[str]]
    form_token: str
    project_names: list[str]
    """The first hundred that the key may use."""

    @property
    def caller(self) -> Caller:
        """Whose session it is."""
        return self.call.caller

    @property
    def project(self) -> str | None:
        """The project that the page is about, by its name: the one in the address, or else the one that the key comes to first."""
        first = "default" if "default" in self.project_names else next(iter(self.project_names), None)
        return self.one("project") or first

    def one(self, name: str) -> str | None:
        """The value of a field of the query; None where it is missing or empty."""
        return next((value for value in self.query.get(name, ()) if value), None)

    def many(self, name: str) -> list[str]:
        """All values of a field of the query that are not empty."""
        return [value for value in self.query.get(name, ()) if value]

    async def ask(self, template: str, query: Mapping[str, Any] | None = None, **path: str) -> Any:
        """What our own surface answers to `GET` at an endpoint."""
        return await ask(self.exchange, self.call, template, query, **path)

    def part(self, limit: int = _ONE_PAGE) -> dict[str, Any]:
        """Which part of a list is asked for, in the words of our own surface."""
        return {"limit": str(limit), "cursor": self.one("cursor")}

    def address(self, path: str | None = None, **changed: Any) -> str:
        """A page's address with the query of this one, but for what is changed; None takes a field away."""
        kept = {name: values for name, values in self.query.items() if name not in {*changed, "cursor"}} if path is None else {}
        named = self.one("project")
        project = {"project": named} if named and path is not None else {}
        fields = {**kept, **project, **{name: value for name, value in changed.items() if value is not None}}
        where = self.exchange.site.at(quote(str(self.exchange.scope["path"])) if path is None else path)
        return f"{where}?{urlencode(fields, doseq=True)}" if fields else where

    def within(self, project: str) -> "Page":
        """The same page, about that project."""
        return msgspec.structs.replace(
            self, query={**self.query, "project": [project]}, call=msgspec.structs.replace(self.call, project=project)
        )

    async def show(self, template: str, /, status: int = 200, **values: Any) -> None:
        """Answer with a page. The choice of projects shows the first hundred, and the one that the page is about."""
        names, chosen = self.project_names, self.project or "default"
        common: dict[str, Any] = {
            "page": self,
            "project": chosen,
            "project_names": names if chosen in names else [*names, chosen],
            "scopes": {scope.value: self.caller.has(scope) for scope in Scope},
        }
        await send_page(self.exchange, self.language, template, status, **common, **values)


Show = Callable[[Page], Awaitable[None]]


def page(show: Show, *, has_projects: bool = True) -> Handler:
    """The handler of a page: who has not signed in is led to where that is done; an error becomes a page that says it.

    `has_projects`: the page offers the choice of projects.
    """

    async def handle(exchange: Exchange) -> None:
        exchange.allow("GET", "HEAD")
        token = session_token(exchange)
        try:
            caller = await session_caller(exchange, token) if token else None
        except AuthenticationError:
            caller = None
        if token is None or caller is None:
            await _lead_to_sign_in(exchange)
            return
        names: list[str] = []
        try:
            seen = _read_page(exchange, caller, token, names)
            if has_projects:
                found = await seen.ask("/v1/projects", {"limit": "100", "order": "asc"})
                names += [one["name"] for one in found["items"]]
            await show(seen)
        except SparkError as error:
            await send_error(exchange, error, form_token=form_token(token), project_names=names)

    return handle


def told(handler: Handler) -> Handler:
    """The handler of what people open without having signed in: an error becomes a page that says it."""

    async def handle(exchange: Exchange) -> None:
        try:
            await handler(exchange)
        except SparkError as error:
            await send_error(exchange, error)

    return handle


def _read_page(exchange: Exchange, caller: Caller, token: str, names: list[str]) -> Page:
    """What is asked for. Raises InvalidParameter `query`."""
    fields: dict[str, list[str]] = {}
    for name, value in query_fields(exchange):
        fields.setdefault(name, []).append(value)
    # What is asked without naming a project is about the one in the address, as with the header X-Project.
    call = msgspec.structs.replace(exchange.call(caller), project=next((one for one in fields.get("project", ()) if one), None))
    return Page(
        exchange=exchange, call=call, language=language_of(exchange), query=fields, form_token=form_token(token), project_names=names
    )


async def send_error(exchange: Exchange, error: SparkError, **values: Any) -> None:
    """Answer with a page that says what is wrong, and offers signing out to who has a `form_token`, and other `project_names`."""
    if exchange.started:
        raise error
    await exchange.discard_body()
    status, headers = STATUS[error.kind], error_headers(error)
    await send_page(exchange, language_of(exchange), "error.html.jinja", status, headers, error=error, **values)


async def send_page(exchange: Exchange, language: Language, template: str, status: int = 200, headers: Headers = (), **values: Any) -> None:
    """Draw a template, and answer with it under a policy that lets it load nothing but our own files and the assets themselves."""
    from spark_assets.web.console.templates import draw  # noqa: PLC0415  # the template engine is loaded by who looks first

    site = exchange.site
    where = {"here": str(exchange.scope["path"]), "root": site.root_path, "static": lambda name: site.at(static_address(name))}
    shown = {"language": language, "languages": LANGUAGES, **where}
    body = draw(template, language, **{"page": None, "form_token": None, "project_names": [], **shown, **values})
    await exchange.respond(status, body, (HTML, *await _guards(exchange), *headers))


async def lead(exchange: Exchange, address: str, headers: Headers = ()) -> None:
    """Send the browser to another page: an address as clients call it."""
    await exchange.respond(303, b"", ((b"location", address.encode()), (b"cache-control", b"no-store"), *headers))


def set_session(exchange: Exchange, token: str) -> tuple[bytes, bytes]:
    """The header that gives the browser a session, for all that lies below the prefix; an empty token takes it away."""
    public = exchange.site.public
    return b"set-cookie", session_cookie(token, path=public.path or "/", is_secure=public.scheme == "https")


async def _lead_to_sign_in(exchange: Exchange) -> None:
    query = exchange.scope["query_string"].decode("latin-1")
    target = exchange.site.at(quote(str(exchange.scope["path"])) + (f"?{query}" if query else ""))
    gone = (set_session(exchange, ""),) if session_token(exchange) else ()
    await lead(exchange, exchange.site.at(f"{SIGN_IN}?{urlencode({'next': target})}"), gone)


async def _guards(exchange: Exchange) -> Headers:
    """Nothing but what the page is made of may be loaded; bytes of assets come from where they are delivered."""
    runtime = exchange.site.runtime
    media = " ".join(["'self'", *await origins(runtime.blobs, runtime.links)])
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {media} blob:; media-src {media} blob:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return (
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
    )
