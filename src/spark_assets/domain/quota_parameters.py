"""The parameters of quotas, on our own REST surface."""

from typing import Final

from spark_assets.domain.filter_values import whole
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.quota import LARGEST_LIMIT


def _limit(name: str, what: str, example: int) -> Parameter:
    return Parameter(
        name=name,
        field=name,
        description=f"{what} that the project may hold at most; null or absent: any number",
        read=whole(0, LARGEST_LIMIT),
        json_type="integer",
        example=example,
        minimum=0,
        maximum=LARGEST_LIMIT,
    )


LIMITS: Final = (
    _limit("assets", "Assets", 10_000),
    _limit("groups", "Groups", 100),
    _limit("bytes", "Bytes", 500_000_000_000),
)
