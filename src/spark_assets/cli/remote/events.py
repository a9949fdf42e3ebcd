"""`spark-assets events`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from spark_assets.cli.drawing import moment, printable
from spark_assets.cli.session import InProject, Session, over_http

if TYPE_CHECKING:
    from spark_assets.client import Event

app = typer.Typer(no_args_is_help=True, help="Events: what happens in a project.", epilog="Example: spark-assets events tail --json")


@app.callback()
def events() -> None:
    """Events: what happens in a project, as it happens."""


@app.command()
@over_http
def tail(
    session: Session,
    after: Annotated[
        str | None, typer.Option(metavar="ID", help="Begin behind this event; 0-0: with the oldest on record.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="End after so many; 0: never.")] = 0,
    project: InProject = None,
) -> None:
    """Print what happens, a line for each event, until Ctrl+C.

    Example: spark-assets events tail --after 0-0 --count 10 --json
    """
    for number, event in enumerate(session.client.events.listen(project=project, after=after), 1):
        print(_line(session, event), flush=True)
        if number == count:
            return


def _line(session: Session, event: "Event") -> str:
    import msgspec

    if session.as_json:
        return json.dumps(msgspec.to_builtins(event), ensure_ascii=False)
    if session.quiet:
        return event.id
    data = {name: value for name, value in event.data.items() if value is not None}
    told = " ".join(f"{name}={value if isinstance(value, str | int | float) else json.dumps(value)}" for name, value in data.items())
    return printable(f"{moment(event.timestamp)}  {event.type:<16}  {told}")
