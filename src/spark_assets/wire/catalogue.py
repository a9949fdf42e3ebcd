"""The models as clients of the vendor's gateway look them up."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class Status(msgspec.Struct):
    """What these clients look at before they look at the data."""

    code: int = 200
    message: str = ""


class CatalogueAnswer(msgspec.Struct):
    """Data in their envelope."""

    data: Any
    status: Status


class Model(msgspec.Struct):
    """A model in a list."""

    id: str
    name: str
    type: str
    description: str
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]


class ModelPage(msgspec.Struct):
    """One page of the models."""

    models: list[Model]
    total: int
    page: int
    page_size: int
    total_pages: int


class Endpoint(msgspec.Struct):
    """Where and how a task of the model is submitted."""

    endpoint: str
    method: str
    headers: dict[str, str]


class Constraints(msgspec.Struct):
    """What a value must keep to; what does not apply is left out."""

    enum: tuple[str, ...] | UnsetType = UNSET
    default: Any = UNSET
    min: int | UnsetType = UNSET
    max: int | UnsetType = UNSET
    min_length: int | UnsetType = UNSET
    max_length: int | UnsetType = UNSET
    max_items: int | UnsetType = UNSET


class SpecParameter(msgspec.Struct):
    """A parameter; `children` are the keys of an object, where they are settled."""

    name: str
    path: str
    type: str
    required: bool
    description: str
    constraints: Constraints
    example: Any = UNSET
    children: "list[SpecParameter] | UnsetType" = UNSET


class Spec(msgspec.Struct):
    """All that a client must know to use a model."""

    model_id: str
    name: str
    vendor: str
    type: str
    api: Endpoint
    parameters: list[SpecParameter]
    agent_prompt: str


class Hit(msgspec.Struct):
    """A model that a search has found, with its page."""

    id: str
    name: str
    provider: str
    type: str
    description: str
    input: str
    output: str
    tags: tuple[str, ...]
    skill_content: str


class SearchAnswer(msgspec.Struct, rename="camel"):
    """What a search has found."""

    hits: list[Hit]
    query: str
    processing_time_ms: int
    limit: int
    offset: int
    estimated_total_hits: int
