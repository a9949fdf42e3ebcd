"""Every sentence of the console is said in every language, and no page says one that was not meant to be translated."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import jinja2
import pytest
from jinja2 import nodes

from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.media import AssetType
from spark_assets.domain.task import Stage, TaskStatus
from spark_assets.domain.webhook import DeliveryStatus
from spark_assets.web.console import keys, remedies, system, tasks, templates, webhooks, words

FOLDER: Final = Path(templates.__file__).parent
TEMPLATES: Final = sorted(FOLDER.glob("*.jinja"))
LOOKED_UP: Final = {
    *(one.value for kind in (AssetStatus, AssetType, TaskStatus, Stage, DeliveryStatus) for one in kind),
    *("valid", "expired", "revoked", "enabled", "disabled", "ok", "trouble", "draining"),
    *system.PARTS,
    *keys.SENTENCES,
    *keys.GRACES.values(),
    *webhooks.GRACES.values(),
    *remedies.REMEDIES.values(),
    *tasks.WORKS.values(),
}
"""What templates say by a value: states, types, parts, and the sentences of the modules beside them."""
NAMES: Final = {"Spark Assets", "spark-assets keys create", "--name me", "--scope admin", "curl", "CLI", "Python", "SHA-256"}
"""What is called the same in every language."""
SPOKEN: Final = ("alt", "aria-label", "placeholder", "title")
STATEMENT: Final = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
VALUE: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
PLACE: Final = re.compile(r"\{(\w+)\}")


def _said(template: Path) -> Iterator[str]:
    """The sentences that a template gives to `_`."""
    tree = jinja2.Environment(autoescape=True).parse(template.read_text())
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "_" and isinstance(call.args[0], nodes.Const):
            yield call.args[0].value


def _sentences() -> set[str]:
    return {sentence for template in TEMPLATES for sentence in _said(template)} | LOOKED_UP


@pytest.mark.parametrize("tag", [tag for tag in words.LANGUAGES if tag != "en"])
def test_every_sentence_has_its_words_and_none_is_left_over(tag: str) -> None:
    known, wanted = set(words.language(tag).sentences), _sentences()
    assert sorted(wanted - known) == []
    assert sorted(known - wanted) == []


@pytest.mark.parametrize("tag", [tag for tag in words.LANGUAGES if tag != "en"])
def test_a_sentence_has_the_same_places_for_values_in_every_language(tag: str) -> None:
    for sentence, found in words.language(tag).sentences.items():
        assert found.strip(), sentence
        assert set(PLACE.findall(found)) == set(PLACE.findall(sentence)), sentence


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_a_template_says_nothing_but_names_without_asking_for_the_words(template: Path) -> None:
    markup = VALUE.sub("\0", STATEMENT.sub("", template.read_text()))
    spoken = [value for name in SPOKEN for value in re.findall(rf'\s{name}="([^"]*)"', markup)]
    texts = re.sub(r"<[^<>]*>", "\n", re.sub(r"&\w+;", " ", markup)).split("\n")
    for text in (part.strip() for line in (*texts, *spoken) for part in re.split("[\0·]", line)):
        assert not re.search(r"[^\W\d_]{2}", text) or text in NAMES or _is_an_example(text), text


def _is_an_example(text: str) -> bool:
    """An address or a name of an action, as a placeholder shows it."""
    return bool(re.fullmatch(r"https?://\S+|\w+\.\w+", text))
