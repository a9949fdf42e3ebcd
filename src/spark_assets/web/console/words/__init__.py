"""The languages of the console: English is written in the templates, every other one in a file here, by the English sentence."""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec

from spark_assets.web.cookies import read_cookie
from spark_assets.web.exchange import Exchange

COOKIE: Final = "spark_assets_language"
LANGUAGES: Final = {"en": "English", "zh-Hans": "简体中文"}
"""By the tag of BCP 47, each in its own name."""


class Language(msgspec.Struct, frozen=True):
    """One language, and its sentences by the English ones."""

    tag: str
    sentences: Mapping[str, str]

    def say(self, sentence: str, **values: object) -> str:
        """The sentence in this language, with the values in the places of their names; English where it is not known."""
        found = self.sentences.get(sentence, sentence)
        return found.format(**values) if values else found


@lru_cache(maxsize=len(LANGUAGES))
def language(tag: str) -> Language:
    """The language of that tag."""
    if tag == "en":
        return Language(tag, {})
    return Language(tag, json.loads(files(__package__).joinpath(f"{tag}.json").read_text("utf-8")))


def language_of(exchange: Exchange) -> Language:
    """The language that was chosen, or else the one the browser prefers."""
    chosen = read_cookie(exchange, COOKIE)
    if chosen in LANGUAGES:
        return language(chosen)
    return language(_preferred((exchange.header(b"accept-language") or b"").decode("latin-1")))


def _preferred(header: str) -> str:
    for part in header.split(",")[:20]:
        tag = part.partition(";")[0].strip().lower()
        if tag.startswith("en"):
            return "en"
        if tag.startswith("zh"):
            return "zh-Hans"
    return "en"
