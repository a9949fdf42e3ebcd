"""The parameter of the event stream of our own REST surface."""

from typing import Final

from spark_assets.domain.event import BEGINNING
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameter_values import read_text

AFTER: Final = Parameter(
    name="after",
    field="after",
    description=f"Go on behind the event with this ID; `{BEGINNING}`: tell all that is on record. The header `Last-Event-ID` comes first",
    read=read_text,
    example="0-42",
    pattern="^[0-9]{1,18}-[0-9]{1,18}$",
)
