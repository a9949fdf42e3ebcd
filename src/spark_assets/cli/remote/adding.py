"""`assets add` and `assets upload`: many sources at once, with a bar for each, a table at the end, and an exit code."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from spark_assets.cli.output import INTERRUPTED, USAGE, fail
from spark_assets.cli.remote.sources import find_files, name_of, read_addresses, read_object
from spark_assets.cli.session import DryRun, InProject, Session, over_http
from spark_assets.domain.media import AssetType

if TYPE_CHECKING:
    from spark_assets.cli.remote.additions import Addition, Terms

Group = Annotated[str, typer.Option("--group", "-g", help="The group, by ID or name.", show_default=False)]
CreateGroup = Annotated[bool, typer.Option("--create-group", help="Make the group if there is none of that name.")]
Kind = Annotated[
    AssetType | None,
    typer.Option(
        "--type",
        case_sensitive=False,
        metavar="TYPE",
        help="Image, Video or Audio; guessed by the ending without this.",
        show_default=False,
    ),
]
Name = Annotated[str | None, typer.Option(help="The asset's name, if it is a single one.", show_default=False)]
ExternalId = Annotated[str | None, typer.Option(help="Your own ID of it, if it is a single one.", show_default=False)]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="A tag; may be repeated.", show_default=False)]
Metadata = Annotated[str | None, typer.Option(metavar="JSON", help="An object that is kept with each.", show_default=False)]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="So many at once.")]
Dedupe = Annotated[bool, typer.Option("--dedupe", help="Skip what the group has already, by SHA-256.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until they are active: print tasks.")]
Timeout = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for each.")]


class Manner(NamedTuple):
    """How many sources are added, and where to."""

    group: str
    create_group: bool
    project: str | None
    jobs: int
    wait: bool
    timeout: float
    dedupe: bool
    dry_run: bool


@over_http
def add(
    session: Session,
    urls: Annotated[list[str], typer.Argument(metavar="URL|-", help="Addresses; - reads them from stdin.", show_default=False)],
    group: Group,
    create_group: CreateGroup = False,
    kind: Kind = None,
    name: Name = None,
    external_id: ExternalId = None,
    tag: Tags = None,
    metadata: Metadata = None,
    project: InProject = None,
    jobs: Jobs = 4,
    dedupe: Dedupe = False,
    no_wait: NoWait = False,
    timeout: Timeout = 300,
    dry_run: DryRun = False,
) -> None:
    """Add what is behind addresses, which the server fetches.

    Example: spark-assets assets add https://example.com/moon.jpg --group moons --create-group

    Example: spark-assets assets add - --group moons --jobs 8 < addresses.txt
    """
    if dedupe and no_wait:
        fail("--dedupe compares what the server has fetched, and --no-wait does not wait for that: give one or the other", USAGE)
    sources = read_addresses(urls)
    _check_single(name or external_id, sources)
    fields = _fields(tag, metadata, project, kind, external_id)
    manner = Manner(group, create_group, project, jobs, not no_wait, timeout, dedupe, dry_run)
    each = [(url, {**fields, "name": name or name_of(url)}) for url in sources]
    _run(session, each, manner, "what was begun goes on by itself, and 'spark-assets tasks watch ID' follows it")


@over_http
def upload(
    session: Session,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, and with -r folders.", show_default=False)],
    group: Group,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Take folders with all that is in them.")] = False,
    create_group: CreateGroup = False,
    kind: Kind = None,
    name: Name = None,
    external_id: ExternalId = None,
    tag: Tags = None,
    metadata: Metadata = None,
    project: InProject = None,
    jobs: Jobs = 4,
    dedupe: Dedupe = False,
    no_wait: NoWait = False,
    timeout: Timeout = 300,
    dry_run: DryRun = False,
) -> None:
    """Upload files. Interrupted, the same command goes on where it was.

    Example: spark-assets assets upload *.jpg --group photos --create-group

    Example: spark-assets assets upload -r shoot/ --group photos --dedupe
    """
    sources, skipped = find_files(paths, recursive=recursive, is_typed=kind is not None)
    if skipped:
        session.say(f"Left out of the folders: {skipped}, whose endings are of no image, video or sound.")
    _check_single(name or external_id, sources)
    fields = {**_fields(tag, metadata, project, kind, external_id), **({"name": name} if name else {})}
    manner = Manner(group, create_group, project, jobs, not no_wait, timeout, dedupe, dry_run)
    _run(session, [(path, fields) for path in sources], manner, "the same command goes on where it was")


def _run(session: Session, sources: Sequence[tuple[str | Path, Mapping[str, Any]]], manner: Manner, goes_on: str) -> None:
    from spark_assets.cli.remote import outcomes
    from spark_assets.cli.remote.additions import Addition, Terms
    from spark_assets.cli.remote.grouping import find_or_make_group

    group_id = find_or_make_group(session.client, manner.group, manner.project, create=manner.create_group, dry_run=manner.dry_run)
    terms = Terms(group_id, manner.wait, manner.timeout, manner.dedupe, manner.dry_run)
    additions = [Addition(number, source, fields) for number, (source, fields) in enumerate(sources)]
    try:
        asyncio.run(_add(session, additions, terms, manner.jobs))
    except KeyboardInterrupt:
        outcomes.show(session, additions)
        outcomes.tell(session, additions)
        fail(f"interrupted; {goes_on}", INTERRUPTED)
    outcomes.show(session, additions)
    outcomes.tell(session, additions)
    outcomes.end(additions)


async def _add(session: Session, additions: "Sequence[Addition]", terms: "Terms", jobs: int) -> None:
    from spark_assets.cli.remote.additions import Additions
    from spark_assets.cli.remote.bars import open_bars
    from spark_assets.cli.remote.outcomes import bar_name
    from spark_assets.cli.remote.resumption import open_resumptions
    from spark_assets.client import AsyncClient

    connection = session.connection
    async with AsyncClient(connection.base_url, connection.key) as client:
        with open_bars([bar_name(addition) for addition in additions]) as bars:
            await Additions(client, terms, bars, open_resumptions(connection.base_url)).add_all(additions, jobs)


def _check_single(name: str | None, sources: Sequence[object]) -> None:
    if name is not None and len(sources) > 1:
        fail("--name and --external-id are for a single asset: several are called as their files are", USAGE)


def _fields(
    tags: Sequence[str] | None, metadata: str | None, project: str | None, kind: AssetType | None, external_id: str | None
) -> dict[str, Any]:
    given = {
        "tags": list(tags or ()), "metadata": None if metadata is None else read_object(metadata), "project": project,
        "type": None if kind is None else kind.value, "external_id": external_id,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value}
