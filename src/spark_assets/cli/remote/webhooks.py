"""`spark-assets webhooks`."""

from typing import Annotated, Final

import typer
from msgspec import UNSET

from spark_assets.cli.drawing import moment
from spark_assets.cli.output import USAGE, fail, print_json
from spark_assets.cli.session import DryRun, InProject, Limit, NoInput, Session, Yes, confirm, over_http

app = typer.Typer(
    no_args_is_help=True,
    help="Webhooks: who is told what happens, and what became of it.",
    epilog="Example: spark-assets webhooks create https://example.com/hook",
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The webhook's ID.", show_default=False)]
Events = Annotated[
    list[str] | None, typer.Option("--event", help="Such as asset.active; may be repeated; all without this.", show_default=False)
]
Description = Annotated[str | None, typer.Option(help="What it is for.", show_default=False)]
COLUMNS: Final = {
    "ID": lambda webhook: webhook.id, "State": lambda webhook: "on" if webhook.enabled else "off",
    "Events": lambda webhook: ", ".join(webhook.events) or "all", "Address": lambda webhook: webhook.url or webhook.kind,
}  # fmt: skip
DELIVERIES: Final = {
    "ID": lambda delivery: delivery.id, "Event": lambda delivery: delivery.type, "Subject": lambda delivery: delivery.subject,
    "Status": lambda delivery: delivery.status, "Attempts": lambda delivery: delivery.attempts,
    "Created": lambda delivery: moment(delivery.created_at), "Why": lambda delivery: delivery.failure,
}  # fmt: skip


@app.command("list")
@over_http
def list_webhooks(session: Session, project: InProject = None, limit: Limit = 50) -> None:
    """Show the webhooks of a project.

    Example: spark-assets webhooks list
    """
    session.show_all(session.client.webhooks.list(project=project), COLUMNS, limit)


@app.command()
@over_http
def create(
    session: Session,
    url: Annotated[str, typer.Argument(help="Where to tell.", show_default=False)],
    event: Events = None,
    description: Description = None,
    project: InProject = None,
) -> None:
    """Tell an address what happens.

    The secret that verifies messages is shown this once, with --quiet behind the ID.

    Example: spark-assets webhooks create https://example.com/hook --event asset.active --event asset.failed
    """
    made = session.client.webhooks.create(url, events=event or (), description=description, project=project)
    session.show_secret(made, made.secret)


@app.command()
@over_http
def get(session: Session, webhook_id: Id) -> None:
    """Show a webhook.

    Example: spark-assets webhooks get webhook-2bcdfg
    """
    session.show(session.client.webhooks.get(webhook_id))


@app.command()
@over_http
def update(
    session: Session,
    webhook_id: Id,
    url: Annotated[str | None, typer.Option(help="Another address.", show_default=False)] = None,
    event: Events = None,
    description: Description = None,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Switch it on or off.", show_default=False)] = None,
) -> None:
    """Change a webhook, or switch it off and on.

    Example: spark-assets webhooks update webhook-2bcdfg --off
    """
    if url is None and event is None and description is None and enabled is None:
        fail("say what to change: --url, --event, --description, --on or --off", USAGE)
    changed = session.client.webhooks.update(
        webhook_id,
        url=UNSET if url is None else url,
        events=event or UNSET,
        description=UNSET if description is None else description,
        enabled=UNSET if enabled is None else enabled,
    )
    session.show(changed)


@app.command("rm")
@over_http
def remove(session: Session, webhook_id: Id, yes: Yes = False, no_input: NoInput = False, dry_run: DryRun = False) -> None:
    """End a webhook, with the messages that wait for it.

    Example: spark-assets webhooks rm webhook-2bcdfg --yes
    """
    if dry_run:
        found = session.client.webhooks.get(webhook_id)
        session.done(f"This would end {found.id}, which tells {found.url or found.kind}.", found.id)
        return
    confirm(f"This ends {webhook_id}, and what it was not told yet is not told.", yes=yes, no_input=no_input)
    session.client.webhooks.delete(webhook_id)
    session.done(f"{webhook_id} has ended.", webhook_id)


@app.command()
@over_http
def rotate(
    session: Session,
    webhook_id: Id,
    grace: Annotated[int | None, typer.Option(metavar="SECONDS", help="How long the old secret signs along.", show_default=False)] = None,
) -> None:
    """Make a new secret, which is shown this once.

    Example: spark-assets webhooks rotate webhook-2bcdfg --grace 3600
    """
    made = session.client.webhooks.rotate(webhook_id, grace_seconds=grace)
    session.show_secret(made, made.secret)


@app.command()
@over_http
def test(session: Session, webhook_id: Id) -> None:
    """Send a message of no consequence.

    Example: spark-assets webhooks test webhook-2bcdfg
    """
    session.show(session.client.webhooks.test(webhook_id))


@app.command()
@over_http
def deliveries(
    session: Session,
    webhook_id: Id,
    status: Annotated[str | None, typer.Option(help="waiting, delivered or failed.", show_default=False)] = None,
    limit: Limit = 50,
) -> None:
    """Show what was sent, newest first, and what became of it.

    Example: spark-assets webhooks deliveries webhook-2bcdfg --status failed
    """
    session.show_all(session.client.webhooks.deliveries(webhook_id, status=status), DELIVERIES, limit)


@app.command()
@over_http
def resend(
    session: Session, webhook_id: Id, delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's ID.")]
) -> None:
    """Send a delivery again, under the same message ID.

    Example: spark-assets webhooks resend webhook-2bcdfg delivery-3hjklm
    """
    session.show(session.client.webhooks.resend(webhook_id, delivery_id))


@app.command()
@over_http
def replay(
    session: Session, webhook_id: Id, since: Annotated[str, typer.Option(metavar="TIME", help="RFC 3339.", show_default=False)]
) -> None:
    """Send everything that happened since a time again.

    Example: spark-assets webhooks replay webhook-2bcdfg --since 2026-11-22T00:00:00Z
    """
    queued = session.client.webhooks.replay(webhook_id, since)
    if session.as_json:
        print_json({"queued": queued})
    else:
        session.say(f"Events queued: {queued}.")
