"""`/v1/audit`."""

from typing import Final

from spark_assets.domain import erasure_parameters as own
from spark_assets.domain.audit import AuditEntry
from spark_assets.domain.own_parameters import PART
from spark_assets.operations import audit_trail
from spark_assets.operations.paging import Paging
from spark_assets.ports.unit_of_work import Repositories
from spark_assets.web.admin.endpoint import Answer, Asked, Endpoint, reading
from spark_assets.web.exchange import Exchange, encode
from spark_assets.wire.audit import AuditBody, AuditList
from spark_assets.wire.times import rfc3339

LINES: Final = b"application/x-ndjson"
_PART: Final = 500
"""Entries read and sent at once."""


async def _list(repositories: Repositories, asked: Asked) -> AuditList:
    paging = Paging(**asked.pick("max_results", "next_token", "sort_order"))
    listed = await audit_trail.page(repositories, asked.call, *_wanted(asked), paging, asked.values.get("subject"))
    return AuditList([_body(entry) for entry in listed.items], listed.next_token)


async def _list_or_export(exchange: Exchange, asked: Asked) -> bytes | Answer:
    if asked.values.get("as_lines") or exchange.header(b"accept") == LINES:
        await _export(exchange, asked)
        return b""
    return await reading(_list)(exchange, asked)


async def _export(exchange: Exchange, asked: Asked) -> None:
    """Every entry that is wanted as a line, part by part: as many as there are, they are never in memory at once."""
    database = exchange.site.runtime.database
    async with database.read() as repositories:
        wanted = await audit_trail.exported(repositories, asked.call, *_wanted(asked), asked.values.get("subject"))
        entries = await repositories.audit.after(wanted, 0, _PART)
    await exchange.begin(200, ((b"content-type", LINES), (b"cache-control", b"no-store")))
    while entries and exchange.method != "HEAD":
        await exchange.part(b"".join(encode(_body(entry)) + b"\n" for entry in entries), more=True)
        async with database.read() as repositories:
            entries = await repositories.audit.after(wanted, entries[-1].sequence, _PART)
    await exchange.part(b"", more=False)


def _wanted(asked: Asked) -> tuple[str | None, str | None]:
    """Of which project, and which action."""
    return asked.values.get("project"), asked.values.get("action")


def _body(entry: AuditEntry) -> AuditBody:
    return AuditBody(
        id=entry.id,
        actor=entry.actor,
        action=entry.action,
        project_id=entry.project_id,
        subject=entry.subject,
        details=None if entry.details is None else dict(entry.details),
        address=entry.address,
        request_id=entry.request_id,
        sequence=entry.sequence,
        previous_hash=entry.previous_hash,
        hash=entry.hash,
        created_at=rfc3339(entry.created_at),
    )


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/audit",
        summary="Who did what to which ID, when, and from where; needs the scope project:admin",
        query=(own.AUDIT_PROJECT, own.AUDIT_ACTION, own.AUDIT_SUBJECT, own.AUDIT_FORMAT, *PART),
        answer=AuditList,
        lines_type=LINES.decode(),
        handle=_list_or_export,
        errors=("NotFound.ProjectName",),
    ),
)
