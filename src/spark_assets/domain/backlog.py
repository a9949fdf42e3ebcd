"""Ingests that are not over: how many there may be, and which of them wait for their turn.

Few ingests of each project are at hand, as jobs in the queue. The others stand in the project's lines, as rows of their tasks
alone, and a worker takes from every line in turn: so a hundred thousand of one project are not ahead of another's single one.
"""

from collections import Counter
from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec

from spark_assets.domain.errors import FlowLimited, Unavailable

AT_HAND: Final = 2
"""Ingests at hand for each that runs, so that one that ends is followed at once."""
JOINED: Final = "lines"
"""What is announced when an ingest joins a line."""
_COME_AGAIN: Final = 5
"""Seconds after which a refused creation is worth another attempt."""


class Line(Enum):
    """Where an ingest waits for its turn, in the order in which a project's own are taken."""

    NONE = 0
    """In no line: the queue has its job, or has had it."""
    SINGLES = 1
    BATCHES = 2
    """What came among many in one request lets the others pass."""


class BacklogLimits(msgspec.Struct, frozen=True):
    """How many ingests may be unfinished, of all projects and of each one, and how many are at hand."""

    most: int
    most_of_project: int
    at_hand: int
    """Shared by the projects that have any."""


def share_of_each(at_hand: int, projects: int) -> int:
    """How many of each project may be at hand, if so many projects have any: each has one at least."""
    return max(1, at_hand // max(1, projects))


class Backlog:
    """What one process knows of the unfinished ingests: what was counted a moment ago, and what it has added since.

    So the limits are exact for one process, and a second's creations of the others wide where there are several.
    """

    def __init__(self, limits: BacklogLimits) -> None:
        self._limits = limits
        self._unfinished: Counter[str] = Counter()
        self._added: Counter[str] = Counter()
        """Since the last count began."""
        self._total = 0
        self.is_stretched = False
        """Whether a project has reached its share by what was added since the last count began: some of that may be over."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known to be unfinished."""
        return not self._total

    def expect_room(self, project_id: str) -> None:
        """Raises FlowLimited if the project has as many unfinished ingests as it may have, Unavailable if all together have."""
        limits = self._limits
        if self._unfinished[project_id] >= limits.most_of_project:
            message = f"the project has {limits.most_of_project} ingestions that are not over; wait until some have ended"
            raise FlowLimited(message, limits.most_of_project, _COME_AGAIN)
        if self._total >= limits.most:
            raise Unavailable("the server has as many ingestions waiting as it takes; try again shortly", _COME_AGAIN)

    def add(self, project_id: str, *, in_batch: bool) -> Line:
        """Count a further ingest; where it waits."""
        ahead = self._unfinished[project_id]
        self._unfinished[project_id] = ahead + 1
        self._added[project_id] += 1
        self._total += 1
        if ahead < share_of_each(self._limits.at_hand, len(self._unfinished)):
            return Line.NONE
        self.is_stretched = True
        return Line.BATCHES if in_batch else Line.SINGLES

    def begin_count(self) -> None:
        """A count begins: what is added from now on may not be in it."""
        self._added.clear()
        self.is_stretched = False

    def end_count(self, counted: Mapping[str, int]) -> None:
        """So many of each project were unfinished."""
        self._unfinished = Counter(counted) + self._added
        self._total = self._unfinished.total()
