"""The parameters of signed links and of shares on our own REST surface."""

from typing import Final

from msgspec.structs import replace

from spark_assets.domain.asset import Variant
from spark_assets.domain.filter_values import whole
from spark_assets.domain.key_parameters import EXPIRES_AT
from spark_assets.domain.link import LINK_LIFETIME
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameter_values import choice

LONGEST_LIFETIME: Final = 7 * 86_400
"""Seconds that a signed link may work."""

EXPIRES_IN: Final = Parameter(
    name="expires_in",
    field="lifetime",
    description="Seconds that the link works, at most 7 days",
    read=whole(1, LONGEST_LIFETIME),
    json_type="integer",
    example=3600,
    default=LINK_LIFETIME,
    minimum=1,
    maximum=LONGEST_LIFETIME,
)
VARIANT: Final = Parameter(
    name="variant",
    field="variant",
    description="The original, or a picture made from it: of an image the thumbnail, of a video the poster, of a sound the waveform",
    read=choice(Variant),
    example="original",
    default="original",
    choices=tuple(variant.value for variant in Variant),
)
SHARE_EXPIRES_AT: Final = replace(
    EXPIRES_AT, description="When the share ends (RFC 3339), within a hundred years; without it, when it is revoked"
)
