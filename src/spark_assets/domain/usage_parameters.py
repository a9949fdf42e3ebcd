"""The parameters of usage on our own REST surface."""

from typing import Final

from spark_assets.domain.own_parameters import each_of, own
from spark_assets.domain.parameter import PROJECT_NAME, Parameter
from spark_assets.domain.parameter_values import read_text
from spark_assets.domain.usage import Dimension

USAGE_PROJECT: Final = own(
    PROJECT_NAME, description="A project; without it the header X-Project, else all projects that the key may use", default=None
)
START: Final = Parameter(
    name="start",
    field="start",
    description="The first day, or a time, in UTC unless it says otherwise; without it, the first of the month in which it ends",
    read=read_text,
    example="2026-01-01",
)
END: Final = Parameter(
    name="end",
    field="end",
    description="The last day, or the time just after; without it, today. At most 366 days after the start",
    read=read_text,
    example="2026-01-31",
)
BY: Final = Parameter(
    name="by",
    field="by",
    description="What to tell apart; may be repeated. An answer holds at most 10,000 totals",
    read=each_of({dimension.value: dimension for dimension in Dimension}),
    json_type="array",
    example=["model", "day"],
    default=["model", "day"],
    choices=tuple(dimension.value for dimension in Dimension),
)
