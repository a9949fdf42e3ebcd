"""The models as a client sees them, made from the definitions of their parameters."""

from typing import Any, Final

from msgspec import UNSET

from spark_assets.domain.media import AssetType
from spark_assets.domain.object_keys import keys_of
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameters import CREATE_ASSET, OPERATIONS, Operation
from spark_assets.web.catalogue.pages import agent_prompt, offered
from spark_assets.wire.catalogue import Constraints, Endpoint, Model, Spec, SpecParameter

PROVIDER: Final = "spark-assets"
TYPE: Final = "Asset"
_TEXT: Final = "Text"
_PLACE: Final = "input[0].params"
"""Of the places where a body may hold parameters, the one that clients of the catalogue use."""


def models() -> list[Model]:
    """Every model, in the order of the definitions."""
    return [_model(operation) for operation in OPERATIONS.values()]


def spec(operation: Operation, base_url: str) -> Spec:
    """A model in full, with addresses below the base URL."""
    headers = {"Authorization": "Bearer YOUR_API_KEY", "Content-Type": "application/json"}
    return Spec(
        model_id=operation.model,
        name=operation.action,
        vendor=PROVIDER,
        type=TYPE,
        api=Endpoint(f"{base_url}/model/v1/generation", "POST", headers),
        parameters=[_parameter(parameter, _PLACE, required) for parameter, required in offered(operation)],
        agent_prompt=agent_prompt(operation, base_url),
    )


def _model(operation: Operation) -> Model:
    media = tuple(kind.value for kind in AssetType) if operation is CREATE_ASSET else ()
    return Model(operation.model, operation.action, TYPE, operation.summary, (_TEXT, *media), (_TEXT,))


def _parameter(parameter: Parameter, place: str, required: bool) -> SpecParameter:
    path = f"{place}.{parameter.name}"
    children = [_parameter(key, path, False) for key in keys_of(parameter)]
    return SpecParameter(
        name=parameter.name,
        path=path,
        type=parameter.json_type,
        required=required,
        description=parameter.description,
        constraints=_constraints(parameter),
        example=UNSET if parameter.example is None else parameter.example,
        children=children or UNSET,
    )


def _constraints(parameter: Parameter) -> Constraints:
    """Lengths and choices of texts only: those of an object's or an array's parts are told in words."""
    is_text = parameter.json_type == "string"
    return Constraints(
        enum=parameter.choices if is_text and parameter.choices else UNSET,
        default=_known(parameter.default),
        min=_known(parameter.minimum),
        max=_known(parameter.maximum),
        min_length=_known(parameter.min_length) if is_text else UNSET,
        max_length=_known(parameter.max_length) if is_text else UNSET,
        max_items=_known(parameter.max_items),
    )


def _known(value: Any) -> Any:
    return UNSET if value is None else value
