"""The settings in force, as they may be shown."""

from spark_assets.settings import PREFIX, Settings


def effective(settings: Settings) -> dict[str, str]:
    """Every setting as it is in force, secrets masked."""
    values = settings.model_dump()
    values["database_url"] = _without_password(settings.database_url.get_secret_value())
    values["moderator"] = _without_query(settings.moderator)
    return {f"{PREFIX}{name.upper()}": _shown(value) for name, value in values.items()}


def _shown(value: object) -> str:
    if isinstance(value, (tuple, frozenset)):
        return ",".join(sorted(str(item) for item in value))
    return str(value)


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, slashes, login = head.partition("://")
    return f"{scheme}{slashes}{login.partition(':')[0]}:***{at}{tail}" if at else url


def _without_query(url: str) -> str:
    """It may hold credentials."""
    address, mark, _ = url.partition("?")
    return f"{address}?***" if mark else url
