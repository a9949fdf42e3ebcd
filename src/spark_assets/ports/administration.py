"""What is remembered beside the library itself: answers to repeated requests, the audit trail, shares, sessions."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from spark_assets.domain.audit import AuditEntry, AuditFilter
from spark_assets.domain.listing import Slice
from spark_assets.domain.session import Session
from spark_assets.domain.share import Share


class GivenAnswer(msgspec.Struct, frozen=True):
    """What a creating request was answered, kept so that its repetition has one effect."""

    request_hash: str
    answer: bytes


class IdempotencyKeys(Protocol):
    """Answers by the key a client gave its request, for each API key of its own. They are kept sealed: some hold secrets."""

    async def find(self, key_id: str, key: str) -> GivenAnswer | None:
        """The answer given under that key."""

    async def add(self, key_id: str, key: str, given: GivenAnswer, at: int) -> None:
        """Record an answer. Raises Taken `key` if another request was answered under the key meanwhile."""

    async def drop_old(self, before: int, limit: int) -> int:
        """Forget answers given before that time; how many."""


class AuditTrail(Protocol):
    """Who did what to which ID: numbered, sealed with one another, never changed, and dropped from the oldest on."""

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Number and seal them, in this order. Others who append wait until this unit of work is over: so do it last."""

    async def page(self, wanted: AuditFilter, part: Slice) -> list[AuditEntry]:
        """One part of the entries that the filter selects, sorted by their creation."""

    async def after(self, wanted: AuditFilter, sequence: int, limit: int) -> list[AuditEntry]:
        """The entries that the filter selects that follow that number, in order of their numbers."""

    async def drop_old(self, before: int, limit: int) -> int:
        """Forget the oldest entries, as long as they were made before that time; how many. The newest of all always stays."""


class Shares(Protocol):
    """The shares; their tokens are kept sealed."""

    async def add(self, share: Share) -> None:
        """Record a share with its token. Raises Taken `id`."""

    async def by_fingerprint(self, fingerprint: str) -> Share | None:
        """The share whose token has this fingerprint, revoked or not."""

    async def find(self, share_id: str, project_ids: Sequence[str] | None) -> Share | None:
        """The share, revoked or not, if it is in one of the projects; None stands for all projects."""

    async def page(self, project_id: str, part: Slice, asset_id: str | None = None) -> list[Share]:
        """One part of the project's shares, or of those of one asset of it, that are not revoked, sorted by their creation."""

    async def revoke(self, share_id: str, at: int) -> bool:
        """False if there is no such share that is not yet revoked."""


class Sessions(Protocol):
    """Who has signed in to the console."""

    async def add(self, session: Session) -> None:
        """Record a session."""

    async def find(self, fingerprint: str) -> Session | None:
        """The session whose token has this fingerprint, expired or not."""

    async def remove(self, fingerprint: str) -> None:
        """Forget a session, if it is there."""

    async def drop_old(self, before: int, limit: int) -> int:
        """Forget sessions that expired before that time; how many."""
