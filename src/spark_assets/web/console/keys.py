"""API keys and access keys: what exists, and making, renewing and ending them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from spark_assets.domain.api_key import DEFAULT_SCOPES, Scope
from spark_assets.domain.key_parameters import LONGEST_GRACE
from spark_assets.domain.usage import MICRO
from spark_assets.web.console.frame import Page

_MEANINGS: Final = {
    Scope.ASSETS_READ: "Read assets, groups, tasks and usage.",
    Scope.ASSETS_WRITE: "Add, change and delete assets and groups.",
    Scope.MODERATION_SKIP: "Add assets that skip moderation.",
    Scope.PROJECT_ADMIN: "Manage the keys, webhooks, quotas and audit trail of its projects.",
    Scope.ADMIN: "Everything, in every project that the key may use.",
    Scope.METRICS: "Read the metrics of the server.",
}
"""What each scope lets a key do, in the order in which they are offered."""
SENTENCES: Final = tuple(_MEANINGS.values())
"""What is said here in the reader's language."""
GRACES: Final = {0: "at once", 3600: "in an hour", 86_400: "in a day", LONGEST_GRACE: "in seven days"}
"""When a key ends that is replaced, in words, by seconds."""


async def show_keys(page: Page) -> None:
    """`/console/keys`: the API Key Management Page."""
    found = await page.ask("/v1/keys", page.part(50))
    pairs = await page.ask("/v1/access-keys", {"limit": "50", "cursor": page.one("access_cursor")})
    now = datetime.fromtimestamp(page.exchange.now / MICRO, UTC)
    for key in (*found["items"], *pairs["items"]):
        key["state"] = _state(key, now)
    await page.show(
        "keys.html.jinja",
        keys=found["items"], next_cursor=found["next_cursor"], pairs=pairs["items"], next_pairs=pairs["next_cursor"],
        offered=_offered(page), tomorrow=(now + timedelta(days=1)).date().isoformat(), own_key=page.caller.key_id,
        graces=GRACES, reaches_all=page.caller.project_ids is None,
    )  # fmt: skip


def _state(key: dict[str, Any], now: datetime) -> str:
    if key["revoked_at"] is not None:
        return "revoked"
    ends = key["expires_at"]
    return "expired" if ends is not None and datetime.fromisoformat(ends) <= now else "valid"


def _offered(page: Page) -> list[tuple[str, str, bool]]:
    """The scopes, what each means, and whether a new key has it unless told otherwise."""
    return [(scope.value, page.language.say(meaning), scope in DEFAULT_SCOPES) for scope, meaning in _MEANINGS.items()]
