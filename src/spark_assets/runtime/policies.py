"""The media policy that the settings name: a profile, or a TOML file with the same keys.

In a file, `name` and the tables `image`, `video` and `audio`; in each, `formats` is a list, `audio_track` a word, and
every other key an interval as written in mathematics: `"[1.8, 30.2]"`, `"(300, 6000)"`, `"[, 209715200]"` (bytes). A key
that is left out sets no limit beyond the safety limits; a table that is left out accepts nothing of that kind.
"""

import re
from typing import Any, Final

import msgspec

from spark_assets.domain.policy import PROFILES, SAFETY_LIMITS, MediaPolicy, Range, TypePolicy
from spark_assets.runtime.profiles import load_profile

_INTERVAL: Final = re.compile(r"\s*([\[(])\s*([0-9.]*)\s*,\s*([0-9.]*)\s*([\])])\s*")


def load_policy(name: str) -> MediaPolicy:
    """The policy of a profile or a file. Raises BadSettings."""
    return load_profile("MEDIA_POLICY", name, PROFILES, _policy)


def _policy(given: dict[str, Any], default_name: str) -> MediaPolicy:
    unknown = set(given) - {"name", "image", "video", "audio"}
    if unknown:
        raise ValueError(f"there is no key '{min(unknown)}' in a media policy")
    kinds = {kind: _type_policy(kind, given.get(kind)) for kind in ("image", "video", "audio")}
    return MediaPolicy(name=str(given.get("name", default_name)), **kinds)


def _type_policy(kind: str, given: Any) -> TypePolicy:
    if given is None:
        return TypePolicy(formats=frozenset(), size=Range(high=SAFETY_LIMITS.size))
    if not isinstance(given, dict):
        raise ValueError(f"'{kind}' must be a table of a media policy")
    values: dict[str, Any] = {"size": Range(high=SAFETY_LIMITS.size), "formats": []}
    for key, value in given.items():
        if key not in TypePolicy.__struct_fields__:
            raise ValueError(f"there is no key '{kind}.{key}' in a media policy")
        values[key] = value if key in {"formats", "audio_track"} else _range(f"{kind}.{key}", value)
    if values.get("audio_track", "optional") not in {"optional", "required", "forbidden"}:
        raise ValueError(f"{kind}.audio_track is one of optional, required, forbidden")
    policy = msgspec.convert(values, TypePolicy)
    foreign = sorted(item.value for item in policy.formats if item.asset_type.value.lower() != kind)
    if foreign:
        raise ValueError(f"{foreign[0]} in {kind}.formats is no format of that kind")
    return policy


def _range(key: str, value: Any) -> Range:
    match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{key} must be an interval such as "[1.8, 30.2]" or "(300, 6000)"')
    opening, low, high, closing = match.groups()
    if low and high and float(low) > float(high):
        raise ValueError(f"{key} must be an interval whose lower end comes first")
    return Range(
        low=float(low) if low else None,
        high=float(high) if high else None,
        low_inclusive=opening == "[",
        high_inclusive=closing == "]",
    )
