"""The catalogue of models, as different clients ask for it; open to everybody, since some ask without a key."""

import time
from collections.abc import Sequence
from typing import Final

from spark_assets.domain.errors import NotFound
from spark_assets.domain.parameters import OPERATIONS, Operation
from spark_assets.web.catalogue.entries import PROVIDER, models, spec
from spark_assets.web.catalogue.pages import page
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.json_body import check_accept
from spark_assets.web.query import LARGEST_PAGE, page_count, read_number, read_page, read_query
from spark_assets.wire.catalogue import CatalogueAnswer, Hit, Model, ModelPage, SearchAnswer, Status

_MARKDOWN: Final = (b"content-type", b"text/markdown; charset=utf-8")


async def list_models(exchange: Exchange) -> None:
    """`GET /api/v1/skill/models?page&page_size&type&keywords`: one page of the models."""
    exchange.allow("GET", "HEAD")
    check_accept(exchange)
    query = read_query(exchange)
    number, size = read_page(query)
    found = [model for model in _matching(query.get("keywords", "")) if _is_of(query.get("type"), (model.type,))]
    shown = found[(number - 1) * size : number * size]
    data = ModelPage(shown, len(found), number, size, page_count(len(found), size))
    await exchange.respond(200, encode(CatalogueAnswer(data, Status())))


async def get_spec(exchange: Exchange) -> None:
    """`GET /api/v1/skill/models/{id}/spec`: all that a client must know to use a model."""
    exchange.allow("GET", "HEAD")
    check_accept(exchange)
    data = spec(_operation(exchange), exchange.site.runtime.base_url)
    await exchange.respond(200, encode(CatalogueAnswer(data, Status())))


async def search_models(exchange: Exchange) -> None:
    """`GET /model/v1/models/skill/search?q&limit&type&input&output&provider`: the models that hold every word of `q`."""
    exchange.allow("GET", "HEAD")
    check_accept(exchange)
    started = time.perf_counter_ns()
    query = read_query(exchange)
    words = query.get("q", "")
    limit = read_number(query, "limit", 20, LARGEST_PAGE)
    found = [
        model
        for model in _matching(words)
        if _is_of(query.get("type"), (model.type,))
        and _is_of(query.get("input"), model.input_modalities)
        and _is_of(query.get("output"), model.output_modalities)
        and _is_of(query.get("provider"), (PROVIDER,))
    ]
    hits = [_hit(model, exchange.site.runtime.base_url) for model in found[:limit]]
    taken = (time.perf_counter_ns() - started) // 1_000_000
    await exchange.respond(200, encode(SearchAnswer(hits, words, taken, limit, 0, len(found))))


async def get_page(exchange: Exchange) -> None:
    """`GET /model/v1/models/skill/{model}`: the model's page, in Markdown."""
    exchange.allow("GET", "HEAD")
    await exchange.respond(200, page(_operation(exchange), exchange.site.runtime.base_url).encode(), (_MARKDOWN,))


def _operation(exchange: Exchange) -> Operation:
    operation = OPERATIONS.get(exchange.path_parameters["model"])
    if operation is None:
        raise NotFound("model", f"there is no such model; there are {', '.join(OPERATIONS)}")
    return operation


def _matching(words: str) -> list[Model]:
    """The models whose ID, name or description holds all the words, in any case."""
    wanted = words.casefold().split()
    return [model for model in models() if all(word in f"{model.id} {model.name} {model.description}".casefold() for word in wanted)]


def _is_of(wanted: str | None, kinds: Sequence[str]) -> bool:
    """Whether one of the kinds is the wanted one, in any case; without a wish, all are."""
    return wanted is None or wanted.casefold() in {kind.casefold() for kind in kinds}


def _hit(model: Model, base_url: str) -> Hit:
    return Hit(
        id=model.id,
        name=model.id,
        provider=PROVIDER,
        type=model.type,
        description=model.description,
        input=",".join(model.input_modalities).lower(),
        output=",".join(model.output_modalities).lower(),
        tags=(model.type.lower(),),
        skill_content=page(OPERATIONS[model.id], base_url),
    )
