"""What a task would cost: `POST /model/v1/generation/precharge`."""

import hashlib
from typing import Any

from spark_assets.domain.api_key import Scope
from spark_assets.domain.data_uri import decode_data_uri, is_data_uri
from spark_assets.domain.parameters import CREATE_ASSET, Operation
from spark_assets.domain.usage import CURRENCY, Charge, dollar_number, dollars
from spark_assets.operations.call import Terms
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.json_body import read_object
from spark_assets.web.spark.parameters import collect, find_operation
from spark_assets.wire.billing import Precharge, PrechargeAnswer


async def precharge(exchange: Exchange) -> None:
    """`POST /model/v1/generation/precharge`: the price of a task that a creation with the same body would make; nothing is made.

    The parameters are checked as a creation checks them. Whether the project, the group or the asset exists is not looked at.
    """
    exchange.allow("POST")
    site = exchange.site
    caller = await exchange.caller()
    caller.require(Scope.ASSETS_READ, Scope.ASSETS_WRITE)
    body = await read_object(exchange)
    operation = find_operation(body, exchange.header(b"x-model"))
    _check(operation, operation.read(collect(body, operation)), site.runtime.terms)
    charge = site.runtime.terms.prices.charge(operation.model)
    await exchange.respond(200, encode(PrechargeAnswer("success", _estimate(operation.model, charge, exchange.now))))


def _check(operation: Operation, values: dict[str, Any], terms: Terms) -> None:
    if operation is not CREATE_ASSET:
        return
    if is_data_uri(values["url"]):
        decode_data_uri(values["url"])
    else:
        terms.check_url(values["url"])
    if "callback_url" in values:
        terms.check_webhook("callback_url", values["callback_url"])


def _estimate(model: str, charge: Charge, now: int) -> Precharge:
    """A price is settled, not guessed from earlier tasks: there are no samples, and it holds as of now."""
    return Precharge(
        billing_model=model,
        cost=dollars(charge.cost),
        currency=CURRENCY,
        discount=dollar_number(charge.discount),
        model=model,
        original_model=model,
        hash=_hash(model, charge),
        sample_count=0,
        updated_at=now // 1000,
    )


def _hash(model: str, charge: Charge) -> str:
    """The same for as long as the model costs the same."""
    terms = f"{model} {charge.cost} {charge.discount} {CURRENCY}"
    return f"v1:{hashlib.sha256(terms.encode()).hexdigest()}"
