"""Who sends bytes, and whether they may: settled before the first of them is taken."""

from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.operations.call import Call
from spark_assets.web.admission import admit
from spark_assets.web.cookies import own_caller
from spark_assets.web.data_sources import check_may_send
from spark_assets.web.exchange import Exchange
from spark_assets.web.json_body import check_accept


async def open_call(exchange: Exchange, *, is_creation: bool = True) -> Call:
    """The call of a request about a file. `is_creation`: it counts as one, and brings bytes.

    Raises AuthenticationError, AccessDenied, RequestRefused `NotAcceptable`, FlowLimited, StorageFull, Unavailable.
    """
    caller = await own_caller(exchange)
    check_accept(exchange)
    call = exchange.call(caller)
    if is_creation:
        await admit(exchange, caller, CREATE_ASSET)
        check_may_send(call)
    return call
