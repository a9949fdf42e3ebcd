"""How the service is doing, for administrators."""

import re
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from spark_assets import __version__
from spark_assets.client import Client
from tests.console.conftest import Check, sign_in
from tests.factories.media import make_png
from tests.factories.spark_processes import Service


def test_health_work_and_settings_are_shown(page: Page, sdk: Client, site: Service, media: Path, check_accessible: Check) -> None:
    sdk.assets.create(group_id=sdk.groups.create("Counted").id, path=make_png(media / "counted.png", 650, 480), wait=True)
    page.goto("/console/system")
    main = page.get_by_role("main")
    expect(main).to_contain_text(f"Version {__version__}")
    health = page.get_by_role("region", name="Health")
    expect(health.get_by_text(re.compile("^ok$", re.IGNORECASE))).to_have_count(3)
    expect(page.get_by_role("img", name=re.compile("by minute"))).to_be_visible()
    made = main.get_by_role("definition").filter(has_text=re.compile(r"^\s*[1-9]\d*\s*$"))
    expect(made).not_to_have_count(0)
    page.get_by_role("region", name="Ingest rate").get_by_text("The same as a table").click()
    settings = page.get_by_role("region", name="Settings in force").last
    page.get_by_text("Show all", exact=True).last.click()
    expect(settings.get_by_role("row", name="SPARK_ASSETS_BASE_URL")).to_contain_text(site.base_url)
    check_accessible(page)


def test_the_audit_trail_is_narrowed_by_action_and_project(page: Page, sdk: Client) -> None:
    project = sdk.projects.create("audited")
    page.goto("/console/system")
    page.get_by_label("Action").fill("project.created")
    page.get_by_role("main").get_by_label("Project").select_option("audited")
    page.get_by_role("button", name="Search").click()
    trail = page.get_by_role("region", name="Audit trail").last
    expect(trail.get_by_role("row")).to_have_count(2)
    expect(trail).to_contain_text(project.id)
    page.get_by_role("link", name="Show all").click()
    expect(trail.get_by_role("row").nth(2)).to_be_visible()


def test_a_key_of_some_projects_sees_nothing_of_the_service(context: BrowserContext, site: Service, check_accessible: Check) -> None:
    page = context.new_page()
    sign_in(page, site.make_key("--scope", "admin", "--project", "default")["key"])
    expect(page.get_by_role("navigation", name="Places").get_by_role("link", name="System")).to_have_count(0)
    answer = page.goto("/console/system")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("main")).to_contain_text("admin (for all projects)")
    check_accessible(page)
