"""Groups and projects: made, found, described, ended and brought back."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from spark_assets.client import Client, NotFound
from tests.console.conftest import Check, sign_in
from tests.console.made import make_asset, make_project
from tests.factories.spark_processes import Service


def test_a_group_is_made_described_and_found(page: Page, sdk: Client, check_accessible: Check) -> None:
    project = make_project(sdk)
    page.goto(f"/console/groups?project={project}")
    check_accessible(page)
    page.get_by_role("button", name="Make the first group").click()
    dialog = page.get_by_role("dialog", name="New group")
    check_accessible(page)
    dialog.get_by_label("Name").fill("Hero “A” & <b>")
    dialog.get_by_role("button", name="Make the group").click()
    expect(page.get_by_role("link", name="Hero “A” & <b>")).to_be_visible()
    sdk.groups.create("Somebody else", project=project)
    page.get_by_role("button", name="Edit Hero").click()
    dialog = page.get_by_role("dialog", name="Edit the group")
    expect(dialog.get_by_label("Name")).to_have_value("Hero “A” & <b>")
    dialog.get_by_label("Description").fill("The one who leaves")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="The one who leaves")).to_be_visible()
    page.get_by_role("search").get_by_label("Name").fill("hero")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Somebody else")).to_be_hidden()
    check_accessible(page)
    (found,) = sdk.groups.list(project=project, name="hero")
    assert (found.name, found.description) == ("Hero “A” & <b>", "The one who leaves")


def test_a_group_goes_to_the_trash_with_its_assets_and_comes_back(page: Page, sdk: Client, media: Path, check_accessible: Check) -> None:
    project = make_project(sdk)
    asset = make_asset(sdk, media, "Inside", project=project)
    page.goto(f"/console/groups?project={project}")
    page.get_by_role("button", name="Delete Group of Inside").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("and all its assets")
    question.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete Group of Inside").click()
    question.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No groups yet")).to_be_visible()
    with pytest.raises(NotFound):
        sdk.assets.get(asset.id)
    page.get_by_role("link", name="Trash").click()
    check_accessible(page)
    page.get_by_role("button", name="Restore Group of Inside").click()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    assert sdk.assets.get(asset.id).group_id == asset.group_id
    page.get_by_role("link", name="Back to the groups").click()
    page.get_by_role("link", name="Group of Inside").click()
    expect(page.locator("#items .name")).to_have_text(["Inside"])


def test_a_project_is_made_and_shown_and_renamed_and_ended(
    page: Page, sdk: Client, media: Path, check_accessible: Check, complaints: list[str]
) -> None:
    page.goto("/console/projects")
    check_accessible(page)
    page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    dialog.get_by_label("Name").fill("default")
    dialog.get_by_role("button", name="Make the project").click()
    expect(dialog.get_by_role("alert")).to_contain_text("default")
    dialog.get_by_label("Name").fill("film-noir")
    dialog.get_by_role("button", name="Make the project").click()
    expect(page.get_by_role("heading", name="No groups yet")).to_be_visible()
    expect(page.get_by_role("combobox", name="Project")).to_have_value("film-noir")
    group = make_asset(sdk, media, "Held", project="film-noir").group_id
    page.get_by_role("link", name="Projects").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="film-noir", exact=True))
    expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    page.get_by_role("button", name="Rename film-noir").click()
    dialog = page.get_by_role("dialog", name="Rename the project")
    dialog.get_by_label("Name").fill("film-clair")
    dialog.get_by_role("button", name="Rename").click()
    end = page.get_by_role("button", name="End film-clair")
    end.click()
    page.get_by_role("dialog").get_by_role("button", name="End").click()
    expect(page.get_by_role("status")).to_contain_text("still holds groups")
    sdk.groups.delete(group)
    end.click()
    page.get_by_role("dialog").get_by_role("button", name="End").click()
    expect(end).to_be_hidden()
    assert [complaint for complaint in complaints if "409" not in complaint] == []
    complaints.clear()
    assert "film-clair" not in [one.name for one in sdk.projects.list()]


def test_who_may_only_read_is_offered_nothing_that_changes(context: BrowserContext, site: Service, check_accessible: Check) -> None:
    page = context.new_page()
    sign_in(page, site.make_key("--scope", "assets:read")["key"])
    for address in ("/console", "/console/groups", "/console/projects", "/console/tasks"):
        page.goto(address)
        expect(
            page.get_by_role("main").get_by_role("button", name="Search").or_(page.get_by_role("heading", level=1)).first
        ).to_be_visible()
        assert page.get_by_role("main").get_by_role("checkbox").count() == 0
        assert page.get_by_role("main").locator("button[data-ask], button[data-opens], button[data-act]").count() == 0
        check_accessible(page)
    assert context.request.get("/console/add").status == 403
