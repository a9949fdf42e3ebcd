"""One request after the other: keys, retries, and answers read into their shapes."""

import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import httpx2
import msgspec

from spark_assets.client.asynchronous.means import sleep
from spark_assets.client.errors import PASSING, ApiError, ConnectionFailed, NotAtGateway, NotUnderstood, api_error
from spark_assets.client.retrying import Persistence, RetryPolicy, retry_after

T = TypeVar("T")
ItemT = TypeVar("ItemT", covariant=True)
Query = Mapping[str, Any]
GENERATION: Final = "/model/v1/generation"
_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PAGE: Final = 100
"""Items asked for at once: the most that there are in one part."""


class Page(Protocol[ItemT]):
    """One part of a list."""

    @property
    def items(self) -> Sequence[ItemT]:
        """What is in it."""

    @property
    def next_cursor(self) -> str | None:
        """Where it goes on."""


class AsyncTransport:
    """Sends requests with the key to one server."""

    def __init__(
        self, http: httpx2.AsyncClient, *, timeout: float, gateway: bool, project: str | None, retries: RetryPolicy
    ) -> None:  # fmt: skip
        """`timeout`: seconds for each step of a request. `gateway`: the server is the hosted one, which knows no idempotency keys."""
        self.gateway: Final = gateway
        self.project: Final = project
        """The project that is meant where a call names none; None: the key's own."""
        self._http: Final = http
        self._timeout: Final = timeout
        self._retries: Final = retries
        self._was_answered = False
        """Whether there is a server at the address: one that goes away is then waited for, as long as a restart may take."""

    async def get(self, path: str, shape: type[T], query: Query | None = None, timeout: float | None = None) -> T:
        """Read something. `timeout`: seconds that the server may take, beyond which the usual ones are added."""
        return await self._call("GET", path, shape, query=query, timeout=timeout)

    async def post(self, path: str, shape: type[T], body: Any = None, idempotency_key: str | None = None) -> T:
        """Make something, once, however often it has to be sent; with a key of the caller's, also by another program."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
        return await self._call("POST", path, shape, body=body, headers=headers)

    async def put(self, path: str, shape: type[T], body: Any) -> T:
        """Set something."""
        return await self._call("PUT", path, shape, body=body)

    async def patch(self, path: str, shape: type[T], body: Any) -> T:
        """Change something."""
        return await self._call("PATCH", path, shape, body=body)

    async def delete(self, path: str) -> None:
        """End something."""
        await self.send("DELETE", path)

    async def items(self, path: str, shape: type[Page[ItemT]], query: Query | None = None) -> AsyncIterator[ItemT]:
        """Everything in a list, part by part."""
        cursor: str | None = None
        while True:
            page = await self.get(path, shape, {"limit": _PAGE, **(query or {}), "cursor": cursor})
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _call(
        self, method: str, path: str, shape: type[T], *, query: Query | None = None, body: Any = None,
        headers: Mapping[str, str] | None = None, timeout: float | None = None,
    ) -> T:  # fmt: skip
        content = None if body is None else msgspec.json.encode(body)
        given = {"Content-Type": "application/json"} if body is not None else {}
        answer = await self.send(method, path, query=query, content=content, headers={**given, **(headers or {})}, timeout=timeout)
        return self.read(answer.content, shape)

    async def send(
        self, method: str, path: str, *, query: Query | None = None, content: bytes | None = None,
        headers: Mapping[str, str] | None = None, timeout: float | None = None,
    ) -> httpx2.Response:  # fmt: skip
        """One request, repeated as far as that can do nothing twice. What an attempt may have deleted need not be there for the next.

        Raises ConnectionFailed, and ApiError for an answer of 400 or above.
        """
        sent = {**(headers or {})}
        if method == "POST" and not self.gateway:
            sent.setdefault("Idempotency-Key", secrets.token_urlsafe(18))
        is_repeatable = method in _REPEATABLE or not self.gateway
        limit = httpx2.Timeout(self._timeout, read=self._timeout + (timeout or 0.0))
        persistence, may_be_gone = self.persistence(), False
        while True:
            error: ApiError | ConnectionFailed
            try:
                answer = await self._http.request(
                    method, self.address(path), params=_written(query), content=content, headers=sent, timeout=limit
                )
            except httpx2.RequestError as broken:
                error = self._unreachable(broken)
                is_unsent = isinstance(broken, httpx2.ConnectError | httpx2.ConnectTimeout)
                is_worth_it = is_repeatable or is_unsent
                may_be_gone |= method == "DELETE" and not is_unsent
            else:
                self._was_answered = True
                if answer.status_code < 400 or (answer.status_code == 404 and may_be_gone):
                    return answer
                error = _refusal(answer)
                is_worth_it = error.retryable and (is_repeatable or answer.status_code == 429)
                may_be_gone |= method == "DELETE" and answer.status_code >= 500
            pause = self._pause(error, persistence) if is_worth_it else None
            if pause is None:
                raise error
            await sleep(pause)

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, path: str, *, query: Query | None = None, content: AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None, read_timeout: float | None = None,
    ) -> AsyncIterator[httpx2.Response]:  # fmt: skip
        """One request whose body or answer is taken piece by piece; never repeated. Raises ConnectionFailed, ApiError."""
        limit = httpx2.Timeout(self._timeout, read=read_timeout or self._timeout)
        try:
            async with self._http.stream(
                method, self.address(path), params=_written(query), content=content, headers=headers, timeout=limit
            ) as answer:
                self._was_answered = True
                if answer.status_code >= 400:
                    await answer.aread()
                    raise _refusal(answer)
                yield answer
        except httpx2.RequestError as broken:
            raise self._unreachable(broken) from broken

    def read(self, content: bytes | str, shape: type[T]) -> T:
        """An answer in its shape. Raises NotUnderstood."""
        try:
            return msgspec.json.decode(content, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise NotUnderstood(_origin(self._http.base_url)) from error

    def address(self, path: str) -> str:
        """Where a path is; an absolute address stays what it is. Raises NotAtGateway."""
        if self.gateway and not path.startswith(GENERATION):
            raise NotAtGateway(path)
        return path

    def persistence(self) -> Persistence:
        """For something that is tried again until it comes to its end."""
        return Persistence(self._retries)

    def pause_after(self, error: ApiError | ConnectionFailed, persistence: Persistence) -> float | None:
        """Seconds until a broken transfer goes on, or None: give up. A refusal that will not change is final."""
        return None if isinstance(error, ApiError) and not error.retryable else self._pause(error, persistence)

    def _pause(self, error: ApiError | ConnectionFailed, persistence: Persistence) -> float | None:
        is_passing = error.status in PASSING if isinstance(error, ApiError) else self._was_answered
        return persistence.pause(getattr(error, "retry_after", None), is_hopeful=is_passing)

    @contextlib.asynccontextmanager
    async def foreign(self, url: str, offset: int) -> AsyncIterator[httpx2.Response]:
        """The bytes behind a signed address from an offset on; the key is not sent there. Raises ConnectionFailed, ApiError."""
        ranged = {"Range": f"bytes={offset}-"} if offset else {}
        request = self._http.build_request("GET", url, headers={"Accept-Encoding": "identity", **ranged})
        del request.headers["Authorization"]
        try:
            answer = await self._http.send(request, stream=True, follow_redirects=True)
            try:
                if answer.status_code >= 400:
                    await answer.aread()
                    raise _refusal(answer)
                yield answer
            finally:
                await answer.aclose()
        except httpx2.RequestError as broken:
            raise self._unreachable(broken) from broken

    def _unreachable(self, broken: httpx2.RequestError) -> ConnectionFailed:
        """What is said of a broken request: whom it was sent to, and why there is no answer."""
        try:
            asked = broken.request.url
        except RuntimeError:  # what is no request's fault, such as a stream of something else, names none
            asked = self._http.base_url
        reason = re.sub(r"^\[Errno -?\d+\] ", "", str(broken)) or type(broken).__name__
        failed = ConnectionFailed(f"no answer from {_origin(asked)}: {reason}")
        failed.__cause__ = broken
        return failed


def _written(query: Query | None) -> httpx2.QueryParams:
    """A query without what was not given; what is several is repeated."""
    found: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in (query or {}).items():
        values = value if isinstance(value, list | tuple) else () if value is None else (value,)
        found += [(name, str(one).lower() if isinstance(one, bool) else str(one)) for one in values]
    return httpx2.QueryParams(found)


def _origin(url: httpx2.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def _refusal(answer: httpx2.Response) -> ApiError:
    return api_error(answer.status_code, answer.content, answer.headers.get("x-request-id"), retry_after(answer.headers))
