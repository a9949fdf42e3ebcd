"""The forms in which commands answer: drawn for people, JSON or IDs for programs. What is no answer goes to stderr."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from spark_assets.cli.output import Named, print_json

T = TypeVar("T", bound=Named)


class Answers:
    """The form in which the answers of one command are wanted."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json: Final = as_json
        self.quiet: Final = quiet

    def show(self, body: T) -> None:
        """One thing on stdout: all that is known of it, or its ID."""
        if self.as_json:
            print_json(plain(body))
        elif self.quiet:
            print(body.id)
        else:
            from spark_assets.cli.drawing import draw_facts

            draw_facts(plain(body))

    def show_made(self, body: T, drawn: str) -> None:
        """Likewise for something new of which people want a single text, such as a key to be kept."""
        if self.as_json or self.quiet:
            self.show(body)
        else:
            print(drawn)

    def show_secret(self, body: T, secret: str, drawn: str | None = None) -> None:
        """Likewise for what is shown this once: where IDs are wanted, the ID and the secret."""
        if self.quiet and not self.as_json:
            print(f"{body.id} {secret}")
        elif drawn is not None:
            self.show_made(body, drawn)
        else:
            self.show(body)

    def show_all(self, bodies: Iterable[T], columns: "Mapping[str, Callable[[T], object]]", limit: int = 0) -> None:
        """A list on stdout, and on stderr whether there is more than the limit (0: none), or nothing at all."""
        found, has_more = _first(bodies, limit)
        if self.as_json:
            print_json([plain(body) for body in found])
        elif self.quiet:
            for body in found:
                print(body.id)
        elif found:
            from spark_assets.cli.drawing import draw_table

            draw_table(list(columns), [[cell(body) for cell in columns.values()] for body in found])
        else:
            self.say("There are none.")
        if has_more:
            self.say(f"There are more than {limit}; --limit 0 shows all.")

    def done(self, what: str, *ids: str) -> None:
        """Nothing but that it is done: on stderr for people, the IDs for programs."""
        if self.as_json:
            print_json({"ids": list(ids)})
        elif self.quiet:
            for one in ids:
                print(one)
        else:
            self.say(what)

    def say(self, text: str) -> None:
        """A sentence on stderr."""
        print(text, file=sys.stderr)


def plain(body: object) -> Any:
    """An answer as JSON takes it."""
    import msgspec

    return msgspec.to_builtins(body)


def _first(bodies: Iterable[T], limit: int) -> tuple[Sequence[T], bool]:
    found: list[T] = []
    for body in bodies:
        if limit and len(found) == limit:
            return found, True
        found.append(body)
    return found, False
