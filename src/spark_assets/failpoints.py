"""Failpoints: places beside every durable step where a test may have the process killed or stopped. Nothing happens unless one is armed.

One variable of the environment arms one of them, in tests only: `SPARK_ASSETS_FAILPOINT=activation-written` kills the process
when it comes to that place for the first time, `activation-written=3` at the third time, and `pause:activation-written=3` stops
it there as SIGSTOP does, until SIGCONT. This module belongs to no room: every one may reach a failpoint, and it imports none.
"""

import itertools
import os
import signal
from enum import Enum
from typing import Final

VARIABLE: Final = "SPARK_ASSETS_FAILPOINT"
"""The variable that arms a failpoint."""
SIGN: Final = "failpoint reached:"
"""What stands on stderr, before its name, when the process has come to the failpoint that is armed."""
_PAUSE: Final = "pause:"


class Failpoint(Enum):
    """The places, in the order in which a file passes them; each is beside a step that must be whole or not at all."""

    ANSWER_WRITTEN = "answer-written"
    """A change and the answer under its idempotency key are in the transaction."""
    ANSWER_COMMITTED = "answer-committed"
    """They are durable, and nobody has been told."""
    COMMIT_BEGUN = "commit-begun"
    """A transaction is about to be committed, whoever asked for it."""
    COMMIT_DONE = "commit-done"
    JOBS_PUT = "jobs-put"
    """Jobs are enqueued: on SQLite after the commit, on PostgreSQL before it."""
    JOB_TAKEN = "job-taken"
    JOB_GIVEN_BACK = "job-given-back"
    JOB_DONE = "job-done"
    """A job has been worked on, and the queue has not been told."""
    UPLOAD_HELD = "upload-held"
    """A request has a resumable upload to itself."""
    PART_SPOOLED = "part-spooled"
    PART_KEPT = "part-kept"
    """Uploaded bytes are durable in the store, and not recorded."""
    PARTS_WRITTEN = "parts-written"
    PARTS_COMMITTED = "parts-committed"
    CLAIM_WRITTEN = "claim-written"
    CLAIM_COMMITTED = "claim-committed"
    SPOOL_BEGUN = "spool-begun"
    """The spool file is there, and empty."""
    SPOOL_WRITTEN = "spool-written"
    INSPECTED = "inspected"
    """The file is measured, and its preview lies beside it."""
    BLOB_WRITTEN = "blob-written"
    """Bytes are on their way into the folder of blobs, and not synced."""
    BLOB_SYNCED = "blob-synced"
    BLOB_RENAMED = "blob-renamed"
    """They have their name, and their folder is not synced."""
    BLOB_FOLDER_SYNCED = "blob-folder-synced"
    BLOB_RENEWED = "blob-renewed"
    """As many bytes lay under the name already."""
    OBJECT_OFFERED = "object-offered"
    """Bytes are about to go to the object store."""
    OBJECT_PUT = "object-put"
    TASK_ENDED = "task-ended"
    """Inside the transaction that activates: the task's row has ended, and nothing else has happened."""
    ASSET_ACTIVATED = "asset-activated"
    USAGE_WRITTEN = "usage-written"
    PREVIEW_KEPT = "preview-kept"
    EVENTS_WRITTEN = "events-written"
    """Events are in the transaction, and their deliveries are not."""
    DELIVERIES_WRITTEN = "deliveries-written"
    ACTIVATION_WRITTEN = "activation-written"
    """Rows, ledger, events and deliveries of an activation are in its transaction, which is not committed."""
    ACTIVATION_COMMITTED = "activation-committed"
    UPLOAD_CLEARED = "upload-cleared"
    """Uploaded bytes have gone, for they are stored under their hash."""
    FAILURE_WRITTEN = "failure-written"
    FAILURE_COMMITTED = "failure-committed"
    RENDITION_STORED = "rendition-stored"
    """Its bytes are stored, and nothing refers to them."""
    RENDITION_WRITTEN = "rendition-written"
    RENDITION_COMMITTED = "rendition-committed"
    DELIVERY_WRITTEN = "delivery-written"
    """A delivery is taken, and that is not committed."""
    DELIVERY_COMMITTED = "delivery-committed"
    MESSAGE_SENT = "message-sent"
    """A receiver has answered, and that is not recorded."""
    OUTCOME_WRITTEN = "outcome-written"
    OUTCOME_COMMITTED = "outcome-committed"
    TRASH_WRITTEN = "trash-written"
    """Assets are in the trash, and that is not committed."""
    TRASH_EMPTIED = "trash-emptied"
    """Their rows are removed for good, and that is not committed."""
    ERASURE_WRITTEN = "erasure-written"
    ERASURE_COMMITTED = "erasure-committed"
    """Rows have gone for good, and their bytes have not."""
    ERASURE_RECORDED = "erasure-recorded"
    """What went stands in the record in the store, and is still noted in the database."""
    SWEEP_MARKED = "sweep-marked"
    """A blob is marked, and all its bytes are there."""
    RENDITIONS_REMOVED = "renditions-removed"
    BLOB_REMOVED = "blob-removed"
    """Its bytes have gone, and the mark does not say so."""
    SWEEP_ENDED = "sweep-ended"
    ROWS_TAKEN = "rows-taken"
    """An import has all rows in its transaction, which is not committed. No server comes here or to the next one."""
    ROWS_COMMITTED = "rows-committed"


class UnknownFailpoint(ValueError):
    """No failpoint has that name, or the count is none."""


class _Armed:
    """A failpoint, how often it may be passed, and what happens then."""

    def __init__(self, point: Failpoint, passing: int, number: signal.Signals, also: int | None) -> None:
        self.point = point
        self._also = also
        self._passing = passing
        self._number = number
        self._passings = itertools.count(1)

    def pass_by(self) -> None:
        """Count one passing; the one that is meant ends here. Threads may come by at once."""
        if next(self._passings) == self._passing:
            os.write(2, f"{SIGN} {self.point.value}\n".encode())
            if self._also is not None:
                os.kill(self._also, self._number)
            os.kill(os.getpid(), self._number)


_armed: _Armed | None = None


def arm(text: str, *, also: int | None = None) -> None:
    """Arm the failpoint that the text names, in this process; an empty one disarms. Raises UnknownFailpoint.

    `also`: another process that gets the same signal, for which this one works.
    """
    global _armed  # one for the process, as the signal that it sends
    _armed = _read(text, also) if text else None


def reach(point: Failpoint) -> None:
    """Say that the process has come to this place. Costs a comparison unless a failpoint is armed."""
    if _armed is not None and _armed.point is point:
        _armed.pass_by()


def _read(text: str, also: int | None) -> _Armed:
    number = signal.SIGSTOP if text.startswith(_PAUSE) else signal.SIGKILL
    name, equals, passing = text.removeprefix(_PAUSE).partition("=")
    try:
        point = Failpoint(name)
    except ValueError:
        known = ", ".join(point.value for point in Failpoint)
        raise UnknownFailpoint(f"there is no failpoint {name!r}; known are {known}") from None
    if equals and not (passing.isascii() and passing.isdigit() and int(passing)):
        raise UnknownFailpoint(f"{passing!r} is no count of passings; write {name}=3 for the third")
    return _Armed(point, int(passing or 1), number, also)
