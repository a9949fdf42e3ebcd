"""Which address leads to which page."""

from collections.abc import Mapping
from typing import Final

from spark_assets.web.console.add import show_add
from spark_assets.web.console.asset import show_asset
from spark_assets.web.console.frame import page, told
from spark_assets.web.console.groups import show_groups
from spark_assets.web.console.keys import show_keys
from spark_assets.web.console.library import show_library
from spark_assets.web.console.pictures import show_picture
from spark_assets.web.console.projects import show_projects
from spark_assets.web.console.signing_in import choose_language, sign_in, sign_out
from spark_assets.web.console.static_files import get_static
from spark_assets.web.console.system import show_system
from spark_assets.web.console.tasks import show_tasks
from spark_assets.web.console.usage import show_usage
from spark_assets.web.console.webhooks import show_webhook, show_webhooks
from spark_assets.web.error_responses import Handler

CONSOLE_ROUTES: Final[Mapping[str, Handler]] = {
    "/console": page(show_library),
    "/console/add": page(show_add),
    "/console/assets/{asset_id:str}": page(show_asset),
    "/console/groups": page(show_groups),
    "/console/projects": page(show_projects),
    "/console/tasks": page(show_tasks),
    "/console/keys": page(show_keys),
    "/console/usage": page(show_usage),
    "/console/webhooks": page(show_webhooks),
    "/console/webhooks/{webhook_id:str}": page(show_webhook),
    "/console/system": page(show_system),
    "/console/assets/{asset_id:str}/picture/{variant:str}": page(show_picture, has_projects=False),
    "/console/sign-in": told(sign_in),
    "/console/sign-out": told(sign_out),
    "/console/language": told(choose_language),
    "/console/static/{mark:str}/{name:str}": get_static,
}
