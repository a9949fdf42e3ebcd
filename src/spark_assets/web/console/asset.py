"""One asset: what it is, where it is, what became of it."""

import re
from typing import Any, Final
from urllib.parse import quote

from spark_assets.domain.errors import NotFound
from spark_assets.web.console.frame import Page
from spark_assets.web.console.group_choice import choose_group
from spark_assets.web.console.remedies import remedy_of

_SHOWN_BY_BROWSERS: Final = frozenset({"jpeg", "png", "webp", "gif", "bmp"})
"""Of the formats of images; of the others the thumbnail is shown."""
_MOST_TRIES: Final = 10
"""Tasks of the history; all of them are on the page of tasks."""
_UNSAFE: Final = re.compile(r"[^\w.-]+", re.ASCII)


async def show_asset(page: Page) -> None:
    """`/console/assets/{asset_id}`; with `audit=true`, and for who may see it, with its entries in the audit trail."""
    asset = await _find(page, str(page.exchange.path_parameters["asset_id"]))
    page = page.within(asset["project"])
    base_url = page.exchange.site.runtime.base_url.rstrip("/")
    audit = None
    if page.one("audit") == "true":
        audit = await page.ask("/v1/audit", {"subject": asset["id"], "project": asset["project"], **page.part(50)})
    shares = (
        [] if asset["deleted_at"] else (await page.ask("/v1/assets/{asset_id}/shares", {"limit": "100"}, asset_id=asset["id"]))["items"]
    )
    await page.show(
        "asset.html.jinja",
        asset=asset, groups=await choose_group(page, asset["group_id"]), shares=shares, history=await _history(page, asset), audit=audit,
        remedy_of=remedy_of, content_address=f"{base_url}/v1/assets/{asset['id']}/content", snippets=_snippets(base_url, asset),
        is_shown=asset["format"] in _SHOWN_BY_BROWSERS,
    )  # fmt: skip


async def _find(page: Page, asset_id: str) -> dict[str, Any]:
    """The asset, or the one in the trash. Raises NotFound `asset_id`."""
    try:
        found: dict[str, Any] = await page.ask("/v1/assets/{asset_id}", asset_id=asset_id)
    except NotFound:
        found = await page.ask("/v1/assets/{asset_id}", {"deleted": "true"}, asset_id=asset_id)
    return found


async def _history(page: Page, asset: dict[str, Any]) -> list[dict[str, Any]]:
    """The task that ingests the asset, and those that it tried again, newest first; as far as they are still on record."""
    found: list[dict[str, Any]] = []
    task_id = asset["task_id"]
    while task_id is not None and len(found) < _MOST_TRIES:
        try:
            found.append(await page.ask("/v1/tasks/{task_id}", task_id=task_id))
        except NotFound:
            break
        task_id = found[-1]["retry_of"]
    return found


def _snippets(base_url: str, asset: dict[str, Any]) -> dict[str, str]:
    """How programs get at the bytes, by the name of the language; the key comes from the environment."""
    ending = asset["format"] or "bin"
    name = f"{_UNSAFE.sub('-', asset['name']).strip('-.') or asset['id']}.{ending}"
    address = f"{base_url}/v1/assets/{quote(asset['id'])}/content"
    return {
        "curl": f'curl --fail --location \\\n  --header "Authorization: Bearer $SPARK_ASSETS_KEY" \\\n  --output {name} \\\n  {address}',
        "CLI": f"spark-assets assets download {asset['id']} \\\n  --base-url {base_url}",
        "Python": (
            "# the key is in SPARK_ASSETS_KEY\n"
            "from spark_assets.client import Client\n\n"
            f'with Client("{base_url}") as client:\n'
            f'    asset = client.assets.get("{asset["id"]}")\n'
            f'    client.assets.download(asset.id, "{name}")'
        ),
    }
