"""What every operation needs to know besides its command: who calls, when, under which request, on which terms."""

from collections.abc import Callable

import msgspec

from spark_assets.domain.api_key import Caller
from spark_assets.domain.audit import Origin
from spark_assets.domain.backlog import Backlog
from spark_assets.domain.cursor import CursorSigner
from spark_assets.domain.ids import TaskIds
from spark_assets.domain.upload import RETENTION
from spark_assets.domain.usage import PriceList
from spark_assets.ports.traces import UNTOLD, Traces


class Terms(msgspec.Struct, frozen=True):
    """What the operator settled for all calls."""

    prices: PriceList
    check_url: Callable[[str], str]
    """The host of an address; refuses, without any network, one that could never be fetched."""
    check_webhook: Callable[[str, str], None]
    """Given a parameter's name and the address in it: refuses, without any network, one that could never be posted to."""
    has_room: Callable[[], bool]
    """Whether there is disk left for new assets."""
    backlog: Backlog
    task_ids: TaskIds
    cursors: CursorSigner
    creations_in_progress: int | None = None
    """How many ingestions of one key may be under way; None: any number."""
    upload_retention: int = RETENTION
    """Microseconds after its last byte for which an unfinished upload is kept."""
    traces: Traces = UNTOLD


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of one operation."""

    caller: Caller
    request_id: str
    now: int
    """Unix microseconds."""
    terms: Terms
    project: str | None = None
    """The project named beside the command (the header X-Project)."""
    address: str | None = None
    """The client's network address; None where there is none."""

    @property
    def origin(self) -> Origin:
        """Where the call came from, for the audit trail."""
        return Origin(self.address, self.request_id)
