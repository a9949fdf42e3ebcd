"""What is done to a task, below its own address: `POST /model/v1/generation/task/{id}/cancel` and `/retry`."""

from collections.abc import Awaitable, Callable
from typing import Final

from spark_assets.domain.own_parameters import RETRY_URL, read_values
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.operations import control
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.web.admission import admit
from spark_assets.web.data_sources import check_size, retry_source
from spark_assets.web.exchange import LARGE_BODY_LIMIT, Exchange, encode
from spark_assets.web.idempotency import once, repeat_key
from spark_assets.web.json_body import check_headers, parse_object
from spark_assets.web.spark.task_object import created, task_object


async def cancel(exchange: Exchange, task_id: str) -> None:
    """End a creation that is under way; the answer is the task as a poll shows it from now on."""
    exchange.allow("POST")
    site = exchange.site
    caller = await exchange.caller()
    check_headers(exchange)
    raw = await exchange.body()

    async def work(uow: UnitOfWork) -> bytes:
        task, _ = await control.cancel(uow, exchange.call(caller), task_id)
        return encode(task_object(task, site.runtime.region))

    await exchange.respond(200, await once(site.runtime.database, repeat_key(exchange, caller, raw), exchange.now, work))


async def retry(exchange: Exchange, task_id: str) -> None:
    """Try a failed creation again; the answer is that of a creation."""
    exchange.allow("POST")
    site = exchange.site
    caller = await exchange.caller()
    check_headers(exchange)
    raw = await exchange.body(LARGE_BODY_LIMIT)
    given = parse_object(raw) if raw else {}
    check_size(given, RETRY_URL.name, len(raw))
    values = read_values(given, (), (RETRY_URL,))
    await admit(exchange, caller, CREATE_ASSET)
    repeat = repeat_key(exchange, caller, raw)
    async with retry_source(site.runtime, exchange.call(caller), task_id, values) as try_again:

        async def work(uow: UnitOfWork) -> bytes:
            task, _ = await try_again(uow)
            return encode(created(task))

        answer = await once(site.runtime.database, repeat, exchange.now, work)
    await exchange.respond(200, answer)


CONTROLS: Final[dict[str, Callable[[Exchange, str], Awaitable[None]]]] = {"cancel": cancel, "retry": retry}
"""By the last word of the address."""
