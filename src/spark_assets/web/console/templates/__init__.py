"""The pages' templates, and how they are drawn."""

from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from spark_assets.web.console.shown import FILTERS
from spark_assets.web.console.words import Language


def draw(template: str, language: Language, /, **values: Any) -> bytes:
    """A page as bytes; `_` in it says a sentence in the language."""
    return _environment().get_template(template).render(_=language.say, **values).encode()


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(FILTERS)
    return environment
