"""Patience with addresses from which keys come that are none: each further attempt waits longer, before the key is looked at.

Whoever has shown a good key is not held up, so that one client with a wrong key slows nobody who shares its address:
an office, or a proxy. Counted by each process for itself.
"""

import asyncio
import math
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address
from typing import Final, TypeVar

import msgspec

from spark_assets.domain.errors import AuthenticationError, ErrorKind, SignatureError, Unavailable

Value = TypeVar("Value")

FREE: Final = 10
"""Failures of one address that cost nothing: people paste keys wrongly."""
FIRST_DELAY: Final = 0.05
"""Seconds; the next failure doubles them, up to what the operator settled."""
FORGIVEN_EVERY: Final = 5.0
"""Seconds after which one failure less is counted."""
_MOST_FAILURES: Final = 22
"""Counted at most: after a minute without another one, nobody waits."""
_MOST_ADDRESSES: Final = 10_000
_MOST_PROVEN: Final = 10_000
"""Remembered at most; what was used least recently is forgotten first."""
MOST_WAITING: Final = 64
"""Attempts of one address that wait at once."""
_MOST_WAITING_OF_ALL: Final = 1024
_HOST_BITS: Final = 64
"""Of an IPv6 address: who has one has them all."""

_TOO_MANY: Final = "too many keys that are not valid come from your address; try again shortly"


class TooManyFailures(Unavailable):
    """An address has sent so many keys that are none that there is no room to wait."""


class _Failures(msgspec.Struct):
    """How many there were at a moment of the clock."""

    count: float
    at: float


class FailedKeys:
    """Failed attempts by network address, in bounded memory."""

    def __init__(
        self,
        longest: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`longest`: the delay in seconds that is never exceeded; 0 for none at all. `clock` tells seconds and is never set back."""
        self._longest = longest
        self._clock = clock
        self._pause = pause
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._proven: OrderedDict[str, None] = OrderedDict()
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def attempt(self, address: str | None, credential: str) -> AsyncIterator[None]:
        """Around the look at a key; `credential` stands for it and is no secret.

        Waits as long as the failures of the address ask for, unless the credential has proved good before, and counts an
        error that says that the key is none. Where too many wait already, the look is taken at once, for the key may be good;
        if it is not, it raises TooManyFailures.
        """
        source = None if address is None or not self._longest else network_of(address)
        has_waited = True
        if source is not None and credential not in self._proven:
            has_waited = await self._wait(source)
        try:
            yield
        except (AuthenticationError, SignatureError) as error:
            if source is not None and error.kind is ErrorKind.UNAUTHENTICATED:
                if isinstance(error, AuthenticationError):  # a wrong signature says nothing of the key, whose ID anybody may know
                    self._proven.pop(credential, None)
                self._count(source)
                if not has_waited:
                    raise TooManyFailures(_TOO_MANY, math.ceil(self._delay(source))) from None
            raise
        if source is not None:
            _keep(self._proven, credential, None, _MOST_PROVEN)

    def delay(self, address: str) -> float:
        """Seconds that the next attempt of the address waits."""
        return self._delay(network_of(address))

    def _delay(self, source: str) -> float:
        beyond = math.ceil(self._counted(source)) - FREE
        return 0.0 if beyond <= 0 else min(FIRST_DELAY * 2.0 ** (beyond - 1), self._longest)

    def _counted(self, source: str) -> float:
        found = self._failures.get(source)
        return 0.0 if found is None else max(found.count - (self._clock() - found.at) / FORGIVEN_EVERY, 0.0)

    def _count(self, source: str) -> None:
        failures = _Failures(min(self._counted(source) + 1, _MOST_FAILURES), self._clock())
        _keep(self._failures, source, failures, _MOST_ADDRESSES)

    async def _wait(self, source: str) -> bool:
        """Whether there was room to wait, or no need to."""
        delay = self._delay(source)
        if not delay:
            return True
        if self._waiting[source] >= MOST_WAITING or self._waiting.total() >= _MOST_WAITING_OF_ALL:
            return False
        self._waiting[source] += 1
        try:
            await self._pause(delay)
        finally:
            self._waiting[source] -= 1
            if not self._waiting[source]:
                del self._waiting[source]
        return True


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, also one written as IPv6, and the 64 bits before an IPv6 host."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or f"{IPv6Address(int(parsed) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}")
    return str(parsed)


def _keep(kept: "OrderedDict[str, Value]", key: str, value: Value, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
