"""The way of one request through the service, told step by step to whoever collects such traces."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import Final, Protocol


class SpanKind(Enum):
    """What a step has to do with the outside."""

    INSIDE = "inside"
    SERVES = "serves"
    """Answers a request."""
    TAKES = "takes"
    """Does what was queued earlier."""
    CALLS = "calls"
    """Asks somebody else."""


class Span(Protocol):
    """A step under way."""

    def say(self, name: str, value: str | int) -> None:
        """Say something of it. Never an address, its query, a key, or anything else that a client keeps to itself."""

    def fail(self, code: str) -> None:
        """It has gone wrong, by the service's fault or another's."""


class Traces(Protocol):
    """Tells steps; never fails, and never waits. What is in it, and begins inside of it, belongs to the same trace."""

    @property
    def are_told(self) -> bool:
        """Whether anybody is told."""

    def span(
        self,
        name: str,
        *,
        parent: str | None = None,
        beside: str | None = None,
        kind: SpanKind = SpanKind.INSIDE,
        said: Mapping[str, str | int] | None = None,
    ) -> AbstractContextManager[Span]:
        """A step for as long as this lasts; an error that leaves it is told by its code, not by its words.

        `parent`: the step that it follows from, as `current` told it, perhaps in another process; None: the one around it.
        `beside`: one that a stranger names. This begins a trace of its own, which says so, and the stranger decides nothing of it.
        """

    def current(self) -> str | None:
        """The present step as W3C Trace Context writes it (`traceparent`); None outside of any, or where nobody is told."""


class _Nothing:
    def say(self, name: str, value: str | int) -> None:
        """Nothing."""

    def fail(self, code: str) -> None:
        """Nothing."""


_NOTHING: Final = nullcontext(_Nothing())


class Untold:
    """Where nobody collects traces."""

    are_told = False

    def span(
        self,
        name: str,
        *,
        parent: str | None = None,
        beside: str | None = None,
        kind: SpanKind = SpanKind.INSIDE,
        said: Mapping[str, str | int] | None = None,
    ) -> AbstractContextManager[Span]:
        """Nothing."""
        return _NOTHING

    def current(self) -> str | None:
        """None."""
        return None


UNTOLD: Final = Untold()
