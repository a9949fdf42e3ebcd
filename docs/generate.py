"""Writes `docs/reference/` from what the pages are about: the settings, the commands, and the definitions of the API.

python docs/generate.py            writes the pages
python docs/generate.py --check    ends with 1 if a page is not what would be written
"""

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

import generate_api
import generate_commands
from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from spark_assets.domain.parameters import OPERATIONS
from spark_assets.runtime.prices import price_setting
from spark_assets.settings import CONFIG_FILE, PREFIX, Settings

FOLDER: Final = Path(__file__).parent / "reference"


class Entry(NamedTuple):
    """What the page says of a setting beside its limits; `default` only where the value alone says too little."""

    name: str
    meaning: str
    default: str | None = None


SECTIONS: Final = {
    "Where it runs": (
        Entry("home", "Folder of the database, the blobs, the spool, the lock and the secrets. Also `--home`.", "the user's data folder"),
        Entry("host", "Address to listen on. Also `--host`."),
        Entry("port", "Port to listen on. Also `--port`."),
        Entry("workers", "Server processes. Above 1 needs PostgreSQL. Also `--workers`."),
        Entry("ingest", "Whether `serve` ingests too. Off where `spark-assets worker` does. Also `--ingest`, `--no-ingest`."),
        Entry("base_url", "The only source of the addresses that are handed out; a request's `Host` never is.", "`http://<host>:<port>`"),
        Entry(
            "root_path",
            "Path before every address, where a proxy serves other programs under the same name: `/assets`. "
            "[Behind a proxy](../how-to/behind-a-proxy.md).",
            "the path of the base URL",
        ),
        Entry("delivery_url", "Origin of signed links, where media have a host name of their own.", "the base URL"),
        Entry(
            "trusted_proxies",
            "Comma list of addresses and networks whose `X-Forwarded-For` or `Forwarded` is believed: `127.0.0.1,10.0.0.0/8`.",
            "none",
        ),
        Entry("tls_cert", "File with the certificate chain (PEM), to serve HTTPS without a proxy. Also `--tls-cert`.", "none"),
        Entry("tls_key", "File with its private key (PEM, no passphrase). Also `--tls-key`.", "none"),
        Entry("drain_timeout", "Seconds that running ingests get on SIGTERM before they are given back to the queue."),
    ),
    "What it remembers": (
        Entry("database_url", "`sqlite:///<file>` or `postgresql://...`.", "`sqlite:///<home>/library.db`"),
        Entry("auto_migrate", "Bring the schema up to date at start. Off: run `spark-assets migrate`."),
        Entry(
            "storage_url",
            "`file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.",
            "`file://<home>/blobs`",
        ),
        Entry("s3_endpoint", "Address of an S3 server that is not Amazon's.", "Amazon's"),
        Entry(
            "task_retention_days",
            "Days for which ended tasks can be polled and listed. The usage ledger is kept for good.",
        ),
        Entry(
            "trash_retention_days",
            "Days after which what was deleted is removed for good; 0: with the next housekeeping, every ten minutes: "
            "[how](../how-to/delete-restore-erase.md).",
        ),
        Entry(
            "event_retention_days",
            "Days for which events are kept, so that a client that was away can go on where it was: [how](../how-to/follow-tasks-live.md).",
        ),
        Entry(
            "audit_retention_days",
            "Days for which it is kept who did what: [how](../how-to/read-the-audit-trail.md).",
        ),
        Entry("reading_retention_hours", "Hours for which tasks that only read (get, list) can be polled."),
        Entry(
            "source_retention_hours",
            "Hours for which the source of a failed task is kept, encrypted, for a retry; 0: until the next housekeeping.",
        ),
        Entry("answer_retention_hours", "Hours for which the answer to a request with an `Idempotency-Key` is kept, encrypted."),
        Entry("upload_retention_hours", "Hours after its last byte for which an unfinished upload can be continued."),
        Entry("disk_reserve", "Bytes to leave free; below that, new assets are answered 507 and nothing is lost."),
    ),
    "What it fetches": (
        Entry(
            "source_allow",
            "Comma list of `cidr` or `cidr:port` that may be fetched from although they are not public: `127.0.0.1:8000,10.1.0.0/16`. "
            "An entry brings its own port, or any port if it names none.",
            "none",
        ),
        Entry("source_ports", "Comma list of the ports that may be fetched from on public addresses."),
        Entry("fetch_timeout", "Seconds for one download as a whole; its retries together get three times that."),
        Entry("fetch_connect_timeout", "Seconds for one connection with its name look-up and TLS."),
        Entry("ingest_concurrency", "Ingests at once in one process."),
        Entry("host_concurrency", "Downloads at once from one host, in one process."),
        Entry(
            "backlog",
            "Ingests that may be unfinished, of all projects together; beyond that, creations are answered 503: "
            "[how](../how-to/set-limits.md).",
        ),
        Entry("project_backlog", "The same of one project; beyond that, its creations are answered 429."),
        Entry("user_agent", "What sources see; let their operators reach you.", "`spark-assets/<version> (+<base URL>)`"),
        Entry("media_policy", "What media are accepted: `ark`, `ark-2026-03`, `open`, or the path of a `.toml` file."),
    ),
    "Who judges contents": (
        Entry(
            "moderator",
            "Address of an endpoint, or name of an installed moderator, that every asset is shown to before it is stored: "
            "[how](../how-to/plug-in-a-moderator.md).",
            "none: every content is allowed",
        ),
        Entry(
            "moderator_allow",
            "Comma list of `cidr` or `cidr:port` where that endpoint may be although it is not public: `127.0.0.1:9000`.",
            "none",
        ),
        Entry("moderator_timeout", "Seconds within which the moderator must have answered."),
        Entry("moderator_token", "Sent to the endpoint as `Authorization: Bearer`.", "none"),
    ),
    "Whom it tells": (
        Entry(
            "webhook_allow",
            "Comma list of `cidr` or `cidr:port` where receivers of webhooks and callbacks may be although they are not public: "
            "[how](../how-to/receive-webhooks.md). Ports on public addresses are those of `SOURCE_PORTS`.",
            "none",
        ),
        Entry("webhook_timeout", "Seconds within which a receiver must have answered."),
        Entry("delivery_retention_days", "Days for which it is kept what was sent to webhooks, and what became of it."),
    ),
    "What it allows": (
        Entry("limits", "How often one key may ask: `off`, `ark`, or the path of a `.toml` file: [how](../how-to/set-limits.md)."),
        Entry(
            "failed_key_delay",
            "Seconds that a request waits at most, after many keys from its address that were not valid: "
            "[how](../how-to/set-limits.md#keys-that-are-not-valid). `0`: none waits.",
        ),
    ),
    "Secrets": (
        Entry(
            "signing_keys",
            "Comma list of `id:secret` that sign links: the first signs, all verify. Required, alike everywhere, on PostgreSQL.",
            "made in the home",
        ),
        Entry(
            "encryption_keys",
            "Comma list of `id:secret` that seal source addresses: the first seals, all open. Required, alike everywhere, on PostgreSQL.",
            "made in the home",
        ),
    ),
    "What it says": (
        Entry("log_level", "The least severe events that are logged."),
        Entry("log_format", "`auto` is text on a terminal and JSON elsewhere."),
        Entry(
            "metrics_listen",
            "Address and port of a listener of its own where `GET /metrics` needs no key: `127.0.0.1:9464`. Without it, a server "
            "shows them to keys with the scope `metrics`, and a worker to nobody: [how](../how-to/watch-it-run.md).",
            "none",
        ),
        Entry(
            "traces",
            "Address of a collector that takes OpenTelemetry traces as OTLP over HTTP: `http://127.0.0.1:4318`; `off`: none are sent, "
            "whatever `OTEL_EXPORTER_OTLP_ENDPOINT` says. Needs the extra `traces`: [how](../how-to/watch-it-run.md#traces).",
            "what `OTEL_EXPORTER_OTLP_ENDPOINT` says, or none",
        ),
        Entry("region", "`Region` in the results."),
    ),
    "What it charges": (
        *(Entry(price_setting(model), f"US dollars for one completed `{model}`, with at most six decimal places.") for model in OPERATIONS),
        Entry("discount", "Percent taken off every price."),
    ),
}

HEAD: Final = f"""# Settings

<!-- Written by docs/generate.py; edit that. -->

Every setting is read from the command line where it has an option, else from the environment, else from
`{CONFIG_FILE}` in the home (there without the prefix and in lower case: `port = 9000`), else the default holds.
`spark-assets doctor` prints what is in force, secrets masked. A value that cannot be used stops the start with one
sentence that names the setting.

A setting marked *secret* also has a form that names a file: `{PREFIX}DATABASE_URL_FILE=/run/secrets/database-url`.
Credentials of object stores are the store's own variables, such as `AWS_ACCESS_KEY_ID`.
"""


def render() -> str:
    """The page. Raises LookupError if it would leave out a setting, or describe one that is gone."""
    described = [entry.name for entries in SECTIONS.values() for entry in entries]
    if sorted(described) != sorted(Settings.model_fields):
        odd = set(described) ^ set(Settings.model_fields)
        raise LookupError(f"docs/generate.py and the settings do not agree about {', '.join(sorted(odd))}")
    parts = [HEAD]
    for title, entries in SECTIONS.items():
        parts += [f"## {title}", "", "| setting | default | takes | meaning |", "| --- | --- | --- | --- |"]
        parts += [_row(entry, Settings.model_fields[entry.name]) for entry in entries]
        parts.append("")
    return "\n".join(parts)


def _row(entry: Entry, field: FieldInfo) -> str:
    default = entry.default or f"`{_shown(field.default)}`"
    return f"| `{PREFIX}{entry.name.upper()}` | {default} | {_takes(field)} | {entry.meaning} |"


def _shown(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case frozenset():
            return ",".join(str(item) for item in sorted(value))
        case _:
            return str(value)


def _takes(field: FieldInfo) -> str:
    """The kind of value, with its limits."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    if field.annotation is bool:
        return "`true`, `false`"
    if field.annotation is SecretStr:
        return "text, secret"
    if field.annotation not in {int, float, Decimal}:
        return "text"
    kind = "a whole number" if field.annotation is int else "a number"
    limits = {type(limit): limit for limit in field.metadata}
    words = [
        *(f"above {limits[Gt].gt}" for _ in range(Gt in limits)),
        *(f"from {limits[Ge].ge}" for _ in range(Ge in limits)),
        *(f"to {limits[Le].le}" for _ in range(Le in limits)),
    ]
    return " ".join([kind, *words])


PAGES: Final = {
    "settings.md": render,
    "command-line.md": generate_commands.commands_page,
    "operations.md": generate_api.operations_page,
    "rest.md": generate_api.rest_page,
    "errors.md": generate_api.errors_page,
    "openapi.json": generate_api.openapi_file,
}


def main() -> int:
    """Write or check the pages; the exit code."""
    pages = {FOLDER / name: page() for name, page in PAGES.items()}
    if sys.argv[1:] != ["--check"]:
        for path, text in pages.items():
            path.write_text(text)
        return 0
    stale = [path.name for path, text in pages.items() if not path.exists() or path.read_text() != text]
    for name in stale:
        print(f"docs/reference/{name} is stale; run 'python docs/generate.py'", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
