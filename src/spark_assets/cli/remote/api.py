"""`spark-assets api`: any request at all."""

import json
import sys
from functools import partial
from typing import Annotated, Any

import typer

from spark_assets.cli.output import USAGE, fail
from spark_assets.cli.session import AS_IT_IS, Session, over_http


@partial(over_http, forms=AS_IT_IS)
def api(
    session: Session,
    method: Annotated[str, typer.Argument(help="GET, POST, PATCH, PUT, DELETE.", show_default=False)],
    path: Annotated[str, typer.Argument(help="Such as /v1/assets?limit=1; /docs of a server lists them.", show_default=False)],
    data: Annotated[str | None, typer.Option("--data", "-d", metavar="JSON|-", help="The body; - reads stdin.", show_default=False)] = None,
) -> None:
    """Send a request with your key, and print what is answered.

    Example: spark-assets api POST /v1/groups --data '{"name": "moons"}'
    """
    if not path.startswith("/") or path.startswith("//"):
        fail(f"{path!r} is no path: it begins with one /, such as /v1/assets, and is sent to {session.connection.base_url} alone", USAGE)
    answer = session.client.request(method.upper(), path, _body(data))
    sys.stdout.buffer.write(answer)
    if answer and not answer.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def _body(data: str | None) -> Any:
    if data is None:
        return None
    try:
        return json.loads(sys.stdin.read() if data == "-" else data)
    except ValueError as error:
        fail(f"--data takes JSON, or - for JSON on stdin: {error}", USAGE)
