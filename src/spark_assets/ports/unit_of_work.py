"""One unit of work is one transaction; `commit` is called at the edges alone."""

from asyncio import Event
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from spark_assets.domain.audit import AuditEntry
from spark_assets.domain.quota import Holdings
from spark_assets.ports.administration import AuditTrail, IdempotencyKeys, Sessions, Shares
from spark_assets.ports.erasure import Erasure
from spark_assets.ports.events import Events
from spark_assets.ports.holds import Holds
from spark_assets.ports.lines import Lines
from spark_assets.ports.queue import Job
from spark_assets.ports.quotas import Quotas
from spark_assets.ports.repositories import AccessKeys, ApiKeys, Assets, Blobs, Groups, Projects, UsageLedger
from spark_assets.ports.sealing import SealedValues
from spark_assets.ports.tasks import Tasks
from spark_assets.ports.uploads import Uploads
from spark_assets.ports.verification import Repairs, Verification
from spark_assets.ports.webhooks import Deliveries, Webhooks


class Repositories(Protocol):
    """Access to all that is remembered."""

    @property
    def projects(self) -> Projects:
        """The projects."""

    @property
    def keys(self) -> ApiKeys:
        """The keys."""

    @property
    def access_keys(self) -> AccessKeys:
        """The access keys."""

    @property
    def groups(self) -> Groups:
        """The groups."""

    @property
    def assets(self) -> Assets:
        """The assets."""

    @property
    def blobs(self) -> Blobs:
        """The blobs."""

    @property
    def tasks(self) -> Tasks:
        """The tasks."""

    @property
    def lines(self) -> Lines:
        """The lines of ingests."""

    @property
    def usage(self) -> UsageLedger:
        """The usage ledger."""

    @property
    def idempotency_keys(self) -> IdempotencyKeys:
        """The answers to requests that may be repeated."""

    @property
    def audit(self) -> AuditTrail:
        """The audit trail."""

    @property
    def erasure(self) -> Erasure:
        """The removal of rows for good."""

    @property
    def events(self) -> Events:
        """The events."""

    @property
    def sessions(self) -> Sessions:
        """The sessions of the console."""

    @property
    def shares(self) -> Shares:
        """The shares."""

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks."""

    @property
    def deliveries(self) -> Deliveries:
        """The deliveries."""

    @property
    def quotas(self) -> Quotas:
        """The quotas."""

    @property
    def uploads(self) -> Uploads:
        """The uploads."""

    @property
    def verification(self) -> Verification:
        """The verification."""

    @property
    def repairs(self) -> Repairs:
        """The repairs."""

    @property
    def sealed(self) -> SealedValues:
        """What is encrypted at rest."""

    @property
    def holds(self) -> Holds:
        """The holds on the sweeper."""


class UnitOfWork(Repositories, Protocol):
    """Repositories inside a transaction; what is not committed is undone. Nothing but the database is awaited inside."""

    def enqueue(self, job: Job) -> None:
        """Hand a job to the queue exactly if this unit of work is committed."""

    def announce(self, subject: str) -> None:
        """Wake whoever watches the subject, on every process, once this unit of work is committed: an ID of a task or project, or lines."""

    def tally(self, project_id: str, gained: Holdings) -> None:
        """Count what the project gains, or loses, exactly if this unit of work is committed."""

    def note(self, entry: AuditEntry) -> None:
        """Append an entry to the audit trail exactly if this unit of work is committed."""

    async def settle(self) -> None:
        """Write, before anything is committed, what was tallied and noted. Raises QuotaExceeded, as `commit` would."""

    async def commit(self, *, wait: bool = True) -> None:
        """Make all durable before returning. Raises Unavailable, StorageFull, and QuotaExceeded where a project gained too much.

        Without `wait` it is visible on return and durable a moment later: for what may be forgotten in a crash.
        """


class Database(Protocol):
    """Opens units of work."""

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction. Raises Unavailable if the database cannot be reached."""

    def read(self) -> AbstractAsyncContextManager[Repositories]:
        """Single reads, each seeing what is committed at that moment."""

    def watch(self, subject: str) -> AbstractAsyncContextManager[Event]:
        """An event that is set when the subject is announced; it may also be set for no reason, so look again."""

    async def check(self) -> None:
        """Prove that the database answers. Raises Unavailable."""

    async def close(self) -> None:
        """Let go of connections."""
