"""`assets add` and `assets upload`: many sources at once, with a bar for each, a table at the end, and an exit code."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from spark_assets.cli.output import FAILURE, USAGE, fail, print_json
from spark_assets.cli.remote.sources import find_files, name_of, read_addresses, read_object
from spark_assets.cli.session import InProject, Session, over_http

if TYPE_CHECKING:
    from spark_assets.cli.remote.additions import Addition, Terms

INTERRUPTED: Final = 130

Group = Annotated[str, typer.Option("--group", "-g", help="The group, by ID or name.", show_default=False)]
CreateGroup = Annotated[bool, typer.Option("--create-group", help="Make the group if there is none of that name.")]
Kind = Annotated[str | None, typer.Option("--type", help="Image, Video or Audio; guessed by the ending without this.", show_default=False)]
Name = Annotated[str | None, typer.Option(help="The asset's name, if it is a single one.", show_default=False)]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="A tag; may be repeated.", show_default=False)]
Metadata = Annotated[str | None, typer.Option(metavar="JSON", help="An object that is kept with each.", show_default=False)]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="So many at once.")]
Dedupe = Annotated[bool, typer.Option("--dedupe", help="Skip what the group has already, by SHA-256.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until they are active: print tasks.")]
Timeout = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for each.")]


@over_http
def add(
    session: Session,
    urls: Annotated[list[str], typer.Argument(metavar="URL|-", help="Addresses; - reads them from stdin.", show_default=False)],
    group: Group,
    create_group: CreateGroup = False,
    kind: Kind = None,
    name: Name = None,
    tag: Tags = None,
    metadata: Metadata = None,
    project: InProject = None,
    jobs: Jobs = 4,
    dedupe: Dedupe = False,
    no_wait: NoWait = False,
    timeout: Timeout = 300,
) -> None:
    """Add what is behind addresses, which the server fetches.

    Example: spark-assets assets add https://example.com/moon.jpg --group moons --create-group

    Example: spark-assets assets add - --group moons --jobs 8 < addresses.txt
    """
    if dedupe and no_wait:
        fail("--dedupe compares what the server has fetched, and --no-wait does not wait for that: give one or the other", USAGE)
    sources = read_addresses(urls)
    _check_single(name, sources)
    fields = _fields(tag, metadata, project)
    each = [(url, {**fields, "name": name or name_of(url), **_typed(kind)}) for url in sources]
    _run(session, each, (group, project, create_group), jobs, {"wait": not no_wait, "timeout": timeout, "dedupe": dedupe})


@over_http
def upload(
    session: Session,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, and with -r folders.", show_default=False)],
    group: Group,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Take folders with all that is in them.")] = False,
    create_group: CreateGroup = False,
    kind: Kind = None,
    name: Name = None,
    tag: Tags = None,
    metadata: Metadata = None,
    project: InProject = None,
    jobs: Jobs = 4,
    dedupe: Dedupe = False,
    no_wait: NoWait = False,
    timeout: Timeout = 300,
) -> None:
    """Upload files. Interrupted, the same command goes on where it was.

    Example: spark-assets assets upload *.jpg --group photos --create-group

    Example: spark-assets assets upload -r shoot/ --group photos --dedupe
    """
    sources, skipped = find_files(paths, recursive=recursive, is_typed=kind is not None)
    if skipped:
        session.say(f"{skipped} files in folders were left out: their endings are of no image, video or sound.")
    _check_single(name, sources)
    fields = {**_fields(tag, metadata, project), **_typed(kind), **({"name": name} if name else {})}
    terms = {"wait": not no_wait, "timeout": timeout, "dedupe": dedupe}
    _run(session, [(path, fields) for path in sources], (group, project, create_group), jobs, terms)


def _run(
    session: Session, sources: Sequence[tuple[str | Path, Mapping[str, Any]]], group: tuple[str, str | None, bool], jobs: int,
    terms: Mapping[str, Any],
) -> None:  # fmt: skip
    from spark_assets.cli.remote.additions import Addition, Terms
    from spark_assets.cli.remote.grouping import find_group

    wanted, project, create = group
    group_id = find_group(session.client, wanted, project, create=create)
    additions = [Addition(number, source, fields) for number, (source, fields) in enumerate(sources)]
    try:
        asyncio.run(_add(session, additions, Terms(group_id=group_id, **terms), jobs))
    except KeyboardInterrupt:
        _show(session, additions)
        fail("interrupted; the same command goes on: uploads continue where they were, and tasks go on by themselves", INTERRUPTED)
    _show(session, additions)
    _end(session, additions)


async def _add(session: Session, additions: "Sequence[Addition]", terms: "Terms", jobs: int) -> None:
    from spark_assets.cli.remote.additions import Additions
    from spark_assets.cli.remote.bars import open_bars
    from spark_assets.cli.remote.resumption import open_resumptions
    from spark_assets.client import AsyncClient

    connection = session.connection
    async with AsyncClient(connection.base_url, connection.key) as client:
        with open_bars([_shown(addition) for addition in additions]) as bars:
            await Additions(client, terms, bars, open_resumptions(connection.base_url)).add_all(additions, jobs)


def _show(session: Session, additions: "Sequence[Addition]") -> None:
    """What became of each, on stdout: one document, IDs, or a table."""
    from spark_assets.cli.remote.drawing import draw_table, printable, size
    from spark_assets.cli.remote.failures import sentence

    if session.as_json:
        print_json([_document(addition) for addition in additions])
    elif session.quiet:
        for addition in additions:
            found = addition.asset.id if addition.asset else addition.task_id
            if found and addition.error is None:
                print(found)
    else:
        rows = [
            (
                printable(_shown(addition)),
                addition.status,
                addition.asset.id if addition.asset else addition.task_id and f"task {addition.task_id}",
                size(addition.asset.size if addition.asset else None),
                printable(sentence(addition.error)) if addition.error else "",
            )
            for addition in additions
        ]
        columns = ("Source", "Status", "Asset", "Size", "Why")
        has_failed = any(row[4] for row in rows)
        draw_table(columns if has_failed else columns[:4], rows if has_failed else [row[:4] for row in rows])


def _document(addition: "Addition") -> dict[str, object]:
    import msgspec

    from spark_assets.cli.remote.drawing import printable
    from spark_assets.cli.remote.failures import sentence

    error = addition.error
    return {
        "source": printable(str(addition.source)),
        "status": addition.status.replace(" ", "_"),
        "task_id": addition.task_id,
        "asset": None if addition.asset is None else msgspec.to_builtins(addition.asset),
        "error": None if error is None else {"code": getattr(error, "code", type(error).__name__), "message": sentence(error)},
    }


def _end(session: Session, additions: "Sequence[Addition]") -> None:
    """A sentence on stderr, and the exit code: that of the failures if they are alike, else 1."""
    from spark_assets.cli.remote.drawing import printable
    from spark_assets.cli.remote.failures import sentence

    counts = {status: sum(addition.status == status for addition in additions) for status in dict.fromkeys(one.status for one in additions)}
    session.say(", ".join(f"{count} {status}" for status, count in counts.items()))
    failed = [addition for addition in additions if addition.error is not None]
    if not failed:
        return
    if session.quiet or session.as_json:
        for addition in failed:
            session.say(printable(f"{addition.source}: {sentence(addition.error) if addition.error else ''}"))
    codes = {addition.code for addition in failed}
    raise typer.Exit(codes.pop() if len(codes) == 1 else FAILURE)


def _check_single(name: str | None, sources: Sequence[object]) -> None:
    if name is not None and len(sources) > 1:
        fail("--name is for a single asset: several are called as their files are", USAGE)


def _fields(tags: Sequence[str] | None, metadata: str | None, project: str | None) -> dict[str, Any]:
    given = {"tags": list(tags or ()), "metadata": None if metadata is None else read_object(metadata), "project": project}
    return {name: value for name, value in given.items() if value}


def _typed(kind: str | None) -> dict[str, str]:
    return {} if kind is None else {"type": kind.capitalize()}


def _shown(addition: "Addition") -> str:
    return addition.source.name if isinstance(addition.source, Path) else addition.source
