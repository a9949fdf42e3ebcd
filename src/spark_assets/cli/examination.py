"""What `doctor` looks at, and what it finds."""

import asyncio
import os
from collections.abc import Awaitable

from spark_assets.domain.errors import SparkError
from spark_assets.media.codecs import codec_versions, missing_codecs
from spark_assets.operations.verification import verify
from spark_assets.runtime.assembly import Runtime, open_runtime
from spark_assets.runtime.databases import needs_migration, prepare_database
from spark_assets.runtime.moderation import describe_moderator
from spark_assets.settings import PREFIX, Settings

Finding = tuple[str, str, str]
"""What was looked at, `ok` or `trouble`, and a sentence."""


def examine(settings: Settings, *, verify_promises: bool, quick: bool) -> list[Finding]:
    """Look at every part; with `verify_promises`, at every promise too."""
    findings = [_settings_finding(settings), _schema_finding(settings)]
    if findings[-1][1] == "ok":
        findings += asyncio.run(_examine(settings, verify_promises, quick))
    return findings


def effective(settings: Settings) -> dict[str, str]:
    """Every setting as it is in force, secrets masked."""
    values = settings.model_dump()
    values["database_url"] = _without_password(settings.database_url.get_secret_value())
    values["moderator"] = _without_query(settings.moderator)
    return {f"{PREFIX}{name.upper()}": _shown(value) for name, value in values.items()}


def _shown(value: object) -> str:
    if isinstance(value, (tuple, frozenset)):
        return ",".join(sorted(str(item) for item in value))
    return str(value)


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, slashes, login = head.partition("://")
    return f"{scheme}{slashes}{login.partition(':')[0]}:***{at}{tail}" if at else url


def _without_query(url: str) -> str:
    """It may hold credentials."""
    address, mark, _ = url.partition("?")
    return f"{address}?***" if mark else url


def _settings_finding(settings: Settings) -> Finding:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        return "settings", "trouble", f"{unknown[0]} is not a setting of spark-assets"
    return "settings", "ok", "embedded: SQLite and a folder" if settings.is_embedded else "fleet: PostgreSQL"


def _schema_finding(settings: Settings) -> Finding:
    if not settings.auto_migrate and needs_migration(settings):
        return "schema", "trouble", "the schema is not up to date; run 'spark-assets migrate'"
    prepare_database(settings)
    return "schema", "ok", "up to date"


async def _examine(settings: Settings, verify_promises: bool, quick: bool) -> list[Finding]:
    async with open_runtime(settings) as runtime:
        findings = [
            await _try("database", runtime.database.check()),
            await _try("storage", runtime.blobs.check()),
            await _queue_finding(runtime),
            await _parser_finding(runtime),
            _codec_finding(),
            ("moderator", "ok", describe_moderator(settings)),
        ]
        if verify_promises and all(state == "ok" for _, state, _ in findings[:2]):
            broken = await verify(runtime.database, runtime.blobs, runtime.tools.spool, runtime.clock.now(), quick=quick)
            findings += [("promises", "trouble", sentence) for sentence in broken] or [("promises", "ok", "all hold")]
    return findings


async def _try(part: str, check: Awaitable[None]) -> Finding:
    try:
        await check
    except SparkError as error:
        return part, "trouble", error.message
    return part, "ok", "answers"


async def _queue_finding(runtime: Runtime) -> Finding:
    try:
        depth = await runtime.queue.depth()
    except SparkError as error:
        return "queue", "trouble", error.message
    return "queue", "ok", f"{depth} jobs wait"


async def _parser_finding(runtime: Runtime) -> Finding:
    try:
        layers = await runtime.inspector.active_layers()
    except SparkError as error:
        return "parser", "trouble", error.message
    return "parser", "ok", f"the sandbox answers; {layers}"


def _codec_finding() -> Finding:
    missing = missing_codecs()
    if missing:
        return "codecs", "trouble", f"the installed libraries lack {', '.join(missing)}"
    return "codecs", "ok", codec_versions()
