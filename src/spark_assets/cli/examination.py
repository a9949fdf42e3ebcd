"""What `doctor` looks at, and what it finds."""

import asyncio
import os
from collections.abc import Awaitable

import msgspec

from spark_assets.cli.connection import OF_THE_CLIENT
from spark_assets.domain.errors import SparkError
from spark_assets.media.codecs import codec_versions, missing_codecs
from spark_assets.operations.repair import Library, repair
from spark_assets.operations.verification import Breach, find_breaches
from spark_assets.runtime.addresses import trusted_proxies
from spark_assets.runtime.assembly import Runtime, open_runtime
from spark_assets.runtime.certificate import check_certificate
from spark_assets.runtime.databases import describe_schema, needs_migration, prepare_database, refuse_newer
from spark_assets.runtime.moderation import describe_moderator
from spark_assets.settings import PREFIX, Settings

Finding = tuple[str, str, str]
"""What was looked at, `ok` or `trouble`, and a sentence."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done beyond a look at every part: `verify` every promise, without reading stored bytes if `quick`.

    `repair`: put right before that what can safely be put right.
    """

    verify: bool = False
    quick: bool = False
    repair: bool = False


def examine(settings: Settings, wish: Wish) -> list[Finding]:
    """Look at every part, and do what else is wished. Raises BadSettings, NewerSchema, Unavailable."""
    check_certificate(settings)
    trusted_proxies(settings)
    if wish.verify or wish.repair:
        refuse_newer(settings)
    findings = [_settings_finding(settings), _schema_finding(settings)]
    if findings[-1][1] == "ok":
        findings += asyncio.run(_examine(settings, wish))
    return findings


def _settings_finding(settings: Settings) -> Finding:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {f"{PREFIX}{name}" for name in OF_THE_CLIENT}
    known |= {f"{name}_FILE" for name in known}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        return "settings", "trouble", f"{unknown[0]} is not a setting of spark-assets"
    return "settings", "ok", "embedded: SQLite and a folder" if settings.is_embedded else "fleet: PostgreSQL"


def _schema_finding(settings: Settings) -> Finding:
    if not settings.auto_migrate and needs_migration(settings):
        return "schema", "trouble", "the schema is not up to date; run 'spark-assets migrate'"
    prepare_database(settings)
    return "schema", "ok", describe_schema(settings)


async def _examine(settings: Settings, wish: Wish) -> list[Finding]:
    async with open_runtime(settings) as runtime:
        findings = [
            await _try("database", runtime.database.check()),
            await _try("storage", runtime.blobs.check()),
            await _queue_finding(runtime),
            await _parser_finding(runtime),
            _codec_finding(),
            ("moderator", "ok", describe_moderator(settings)),
        ]
        if all(state == "ok" for _, state, _ in findings[:2]):
            if wish.repair:
                findings += await _repair(runtime)
            if wish.verify or wish.repair:
                findings += await verify_promises(runtime, quick=wish.quick)
    return findings


async def _repair(runtime: Runtime) -> list[Finding]:
    """Nothing is repaired in a file that is damaged: whatever is read from it may be wrong."""
    async with runtime.database.read() as repositories:
        if await repositories.verification.damage():
            return []
    library = Library(runtime.database, runtime.blobs, runtime.queue, runtime.tools.spool, runtime.clock)
    return [("repair", "ok", done.sentence) for done in await repair(library)] or [("repair", "ok", "nothing to repair")]


async def verify_promises(runtime: Runtime, *, quick: bool) -> list[Finding]:
    """A finding for each promise that is broken, or one that all hold."""
    breaches = await find_breaches(runtime.database, runtime.blobs, runtime.tools.spool, runtime.clock.now(), quick=quick)
    return [("promises", "trouble", _told(breach)) for breach in breaches] or [("promises", "ok", "all hold")]


def _told(breach: Breach) -> str:
    """How often, which ones, and what to do."""
    examples = f" ({', '.join(breach.examples)}{', ...' if breach.count > len(breach.examples) else ''})" if breach.examples else ""
    return f"{breach.sentence}{examples}; {breach.remedy or 'spark-assets doctor --repair puts it right'}"


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
