"""`/v1/erasures`: removal for good."""

from typing import Final

from spark_assets.domain import erasure_parameters as own
from spark_assets.domain.erasure import Erase
from spark_assets.operations.erased_blobs import Library
from spark_assets.operations.erasure import erase
from spark_assets.web.admin.endpoint import Asked, Endpoint
from spark_assets.web.exchange import Exchange, encode
from spark_assets.wire.erasure import ErasureBody, erasure_body


async def _erase(exchange: Exchange, asked: Asked) -> bytes:
    """Many transactions of its own. Repeating it is safe without an `Idempotency-Key`: what is gone cannot go twice."""
    runtime = exchange.site.runtime
    library = Library(runtime.database, runtime.blobs, runtime.clock, runtime.tools.spool)
    return encode(erasure_body(await erase(library, asked.call, Erase(**asked.values))))


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/erasures",
        summary="Remove assets, a group, a project's contents, or what bears a tag, for good; needs the scope project:admin",
        optional=(own.ASSET_IDS, own.ERASED_GROUP, own.ERASED_PROJECT, own.ERASED_TAG, own.DRY_RUN),
        answer=ErasureBody,
        handle=_erase,
        errors=("NotFound.ProjectName", "NotFound.group_id", "NotFound.asset_id"),
    ),
)
