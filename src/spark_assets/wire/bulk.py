"""Shapes of our own REST surface: one change to many assets."""

from typing import Literal

import msgspec


class BulkError(msgspec.Struct):
    """Why an asset stayed as it was."""

    code: str
    message: str


class BulkResult(msgspec.Struct):
    """What became of one asset."""

    id: str
    status: Literal["done", "failed"]
    error: BulkError | None


class BulkBody(msgspec.Struct):
    """A result for each ID, in the order in which they were asked for; of a dry run, what each would have been."""

    dry_run: bool
    results: list[BulkResult]
