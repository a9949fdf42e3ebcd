"""What the pages show comes from our own REST surface: its endpoints are asked in place, without a request."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from spark_assets.domain.own_parameters import read_values
from spark_assets.operations.call import Call
from spark_assets.web.admin.endpoint import Asked, Endpoint
from spark_assets.web.admin.routes import ENDPOINTS
from spark_assets.web.admission import admit
from spark_assets.web.exchange import Exchange

_READINGS: Final[Mapping[str, Endpoint]] = {endpoint.path: endpoint for endpoint in ENDPOINTS if endpoint.method == "GET"}


async def ask(exchange: Exchange, call: Call, template: str, query: Mapping[str, Any] | None = None, **path: str) -> Any:
    """What `GET` of an endpoint answers, such as `ask(exchange, call, "/v1/assets/{asset_id}", asset_id=found)`.

    `query` holds values as they stand in a query; what is None or empty was not asked. Raises what the endpoint raises.
    """
    endpoint = _READINGS[template]
    if endpoint.operation is not None:
        await admit(exchange, call.caller, endpoint.operation)
    given = {name: value for name, value in (query or {}).items() if value}
    values = read_values(given, (), endpoint.query)
    answer = await endpoint.handle(exchange, Asked(call, path, values, exchange.site.runtime.links))
    assert isinstance(answer, bytes)
    return msgspec.json.decode(answer)
