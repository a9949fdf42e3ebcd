"""What became of many sources: one document, IDs or a table on stdout, a sentence on stderr, and one exit code for all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from spark_assets.cli.answers import Answers, plain
from spark_assets.cli.drawing import draw_table, printable, size
from spark_assets.cli.output import print_json
from spark_assets.cli.remote.additions import Addition
from spark_assets.cli.remote.failures import common_code, sentence
from spark_assets.client import ApiError, TaskFailed

_ENDED_WELL = frozenset({"added", "already there", "submitted"})


def show(answers: Answers, additions: Sequence[Addition]) -> None:
    """What became of each."""
    if answers.as_json:
        print_json([_document(addition) for addition in additions])
    elif answers.quiet:
        for addition in additions:
            found = addition.asset.id if addition.asset else addition.task_id
            if found and addition.status in _ENDED_WELL:
                print(found)
    else:
        columns = ("Source", "Status", "Asset", "Size", "Why")
        rows = [_row(addition) for addition in additions]
        has_failed = any(row[4] for row in rows)
        draw_table(columns if has_failed else columns[:4], rows if has_failed else [row[:4] for row in rows])


def tell(answers: Answers, additions: Sequence[Addition]) -> None:
    """How many there are of each outcome; and, where no table says so, why some failed, and which task goes on."""
    counts = {status: sum(addition.status == status for addition in additions) for status in dict.fromkeys(one.status for one in additions)}
    answers.say(", ".join(f"{count} {status}" for status, count in counts.items()))
    if not (answers.quiet or answers.as_json):
        return
    for addition in additions:
        if addition.error is not None:
            told, named = sentence(addition.error), f"{addition.source}: "
            answers.say(printable(told if told.startswith(named) else f"{named}{told}"))
        elif addition.status == "interrupted" and addition.task_id is not None:
            answers.say(printable(f"{addition.source}: task {addition.task_id} goes on"))


def end(additions: Sequence[Addition]) -> None:
    """Ends the command with the exit code of what failed, if anything did."""
    code = common_code([addition.error for addition in additions if addition.error is not None])
    if code:
        raise typer.Exit(code)


def bar_name(addition: Addition) -> str:
    """What a bar is called by: a file's name alone, or an address."""
    return addition.source.name if isinstance(addition.source, Path) else addition.source


def error_document(error: Exception) -> dict[str, Any]:
    """An error as JSON tells it; the code of one that is not the server's is its kind."""
    if isinstance(error, ApiError | TaskFailed):
        return {"code": error.code, "message": error.message, "reason": error.reason, "request_id": error.request_id}
    return {"code": type(error).__name__, "message": printable(sentence(error)), "reason": None, "request_id": None}


def _row(addition: Addition) -> tuple[str, ...]:
    asset = addition.asset
    return (
        printable(str(addition.source)),
        addition.status,
        asset.id if asset else f"task {addition.task_id}" if addition.task_id else "",
        size(asset.size if asset else None),
        printable(sentence(addition.error)) if addition.error else "",
    )


def _document(addition: Addition) -> dict[str, Any]:
    return {
        "source": printable(str(addition.source)),
        "status": addition.status.replace(" ", "_"),
        "task_id": addition.task_id,
        "asset": None if addition.asset is None else plain(addition.asset),
        "error": None if addition.error is None else error_document(addition.error),
    }
