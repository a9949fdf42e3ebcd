"""Which commands there are, and where each is: a command is loaded when it runs, so that `--help` is quick and a client loads no server."""

import os
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperGroup


class Entry(NamedTuple):
    """A command, or several under one noun."""

    module: str
    attribute: str
    summary: str
    """What `spark-assets --help` says of it."""


SECTIONS: Final = {
    "The library, over HTTP": {
        "assets": Entry("remote.assets", "app", "Add, upload, list, change, download assets."),
        "groups": Entry("remote.groups", "app", "Groups of assets."),
        "tasks": Entry("remote.tasks", "app", "Ingests: watch, cancel, retry."),
        "events": Entry("remote.events", "app", "What happens, as it happens."),
        "webhooks": Entry("remote.webhooks", "app", "Who is told what happens."),
        "api": Entry("remote.api", "api", "Any request at all."),
    },
    "Projects, keys and costs, over HTTP or in the server's home": {
        "projects": Entry("projects", "app", "What keeps assets and keys apart."),
        "keys": Entry("keys", "app", "API keys."),
        "access-keys": Entry("access_keys", "app", "Access keys (AK/SK)."),
        "usage": Entry("usage", "usage", "What was used and what it costs."),
    },
    "This computer": {
        "login": Entry("remote.login", "login", "Keep a server's address and a key as a profile."),
        "profiles": Entry("remote.login", "app", "The profiles of this user."),
        "completion": Entry("completion", "completion", "Completion for bash, zsh and fish."),
    },
    "The server, where it runs": {
        "serve": Entry("serve", "serve", "Run the server."),
        "worker": Entry("serve", "worker", "Ingest only, for a fleet on PostgreSQL."),
        "migrate": Entry("serve", "migrate", "Bring the database schema up to date."),
        "doctor": Entry("doctor", "doctor", "Say what is configured, what works and what is wrong."),
        "secrets": Entry("secrets", "app", "What signs and what encrypts: made anew."),
        "erase": Entry("erase", "erase", "Remove for good, at once."),
        "backup": Entry("writing", "backup", "Add a backup to a place of backups."),
        "restore": Entry("reading", "restore", "Fill an empty library from a backup."),
        "export": Entry("writing", "export", "Write the whole library down."),
        "import": Entry("reading", "import_archive", "Fill an empty library from an export."),
        "storage": Entry("storage", "app", "Copy the store to another one."),
        "demo": Entry("demo", "demo", "The whole service once through, on a throw-away server."),
    },
}
"""The commands by what they are about, in the order of `spark-assets --help`."""
_ENTRIES: Final = {name: entry for entries in SECTIONS.values() for name, entry in entries.items()}
VARIABLE: Final = "_SPARK_ASSETS_COMPLETE"
"""In the environment when a shell asks what a line may go on with."""
_INDENT: Final = max(map(len, _ENTRIES))


class Commands(TyperGroup):
    """The commands at the top, loaded one at a time."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return list(_ENTRIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One of them, loaded; None if there is none of that name."""
        if cmd_name not in self.commands and (entry := _ENTRIES.get(cmd_name)) is not None:
            self.commands[cmd_name] = load(cmd_name, entry)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments ask for; a slip of the pen is told what it is near to."""
        if args and args[0] not in _ENTRIES:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _ENTRIES, n=1)
            ctx.fail(f"There is no command '{args[0]}'." + (f" Did you mean '{near[0]}'?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Their list, by what they are about, without loading any."""
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(_INDENT), entry.summary) for name, entry in entries.items()])

    def _main_shell_completion(self, *arguments: Any, **named: Any) -> None:
        if VARIABLE in os.environ:
            from typer.completion import completion_init  # type: ignore[attr-defined]  # imported there for this use

            completion_init()
        super()._main_shell_completion(*arguments, **named)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """What a shell may offer, likewise."""
        from typer._click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=entry.summary) for name, entry in _ENTRIES.items() if name.startswith(incomplete)]
        return [*found, *super(TyperGroup, self).shell_complete(ctx, incomplete)]


def load(name: str, entry: Entry) -> Any:
    """The command itself, under its name."""
    found = getattr(import_module(f"spark_assets.cli.{entry.module}"), entry.attribute)
    holder = typer.Typer(rich_markup_mode=None, add_completion=False)
    holder.callback()(_nothing)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    group: Any = typer.main.get_command(holder)
    return group.commands[name]


def _nothing() -> None:
    """Makes a group of a holder with a single command."""
