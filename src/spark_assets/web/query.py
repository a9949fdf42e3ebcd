"""Reading the query of an address: its fields, and for what takes a few texts and whole numbers also their values."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.own_parameters import whole_text
from spark_assets.web.exchange import Exchange

LARGEST_PAGE: Final = 100
_LARGEST_NUMBER: Final = 1_000_000
_MOST_FIELDS: Final = 500


def query_fields(exchange: Exchange) -> list[tuple[str, str]]:
    """Names and values in their order, empty ones too. Raises InvalidParameter `query`."""
    text = exchange.scope["query_string"].decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:  # bytes that are no UTF-8, or too many fields
        raise InvalidParameter("query", f"the query must be percent-encoded UTF-8 of at most {_MOST_FIELDS} fields") from None


def read_query(exchange: Exchange) -> dict[str, str]:
    """The values by name, without those that are empty; of a repeated one the last. Raises InvalidParameter `query`."""
    return {name: value for name, value in query_fields(exchange) if value}


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
