"""Reading the query of an address that takes a few texts and whole numbers; names it does not know are ignored."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from spark_assets.domain.own_parameters import whole_text
from spark_assets.web.exchange import Exchange

LARGEST_PAGE: Final = 100
_LARGEST_NUMBER: Final = 1_000_000


def read_query(exchange: Exchange) -> dict[str, str]:
    """The values by name, without those that are empty; of a repeated one the last."""
    return dict(parse_qsl(exchange.scope["query_string"].decode("latin-1")))


def read_page(query: Mapping[str, str]) -> tuple[int, int]:
    """`page`, from 1, and `page_size`, at most 100. Raises InvalidParameter `page` or `page_size`."""
    return read_number(query, "page", 1, _LARGEST_NUMBER), read_number(query, "page_size", 20, LARGEST_PAGE)


def read_number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A whole number of at least 1. Raises InvalidParameter."""
    text = query.get(name)
    return default if text is None else whole_text(1, most)(name, text)


def page_count(total: int, page_size: int) -> int:
    """How many pages so many items fill."""
    return -(-total // page_size)
