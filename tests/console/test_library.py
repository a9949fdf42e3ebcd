"""The library: found, selected, changed many at once, scrolled to its end."""

from pathlib import Path

from playwright.sync_api import Page, expect

from spark_assets.client import Client
from tests.console.conftest import Check
from tests.console.made import make_asset, make_project


def test_an_empty_library_teaches_the_first_step(page: Page, sdk: Client, check_accessible: Check) -> None:
    page.goto(f"/console?project={make_project(sdk)}")
    check_accessible(page)
    page.get_by_role("link", name="Add the first asset").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add assets")


def test_assets_are_filtered_by_what_the_address_says(page: Page, sdk: Client, media: Path, check_accessible: Check) -> None:
    project = make_project(sdk)
    group = sdk.groups.create("Cast", project=project).id
    make_asset(sdk, media, "Heroine", project=project, group_id=group, tags=["night"])
    make_asset(sdk, media, "Voice", "mp3", project=project)
    page.goto(f"/console?project={project}")
    expect(page.locator("#items li")).to_have_count(2)
    check_accessible(page)
    page.get_by_role("combobox", name="Type", exact=True).select_option("Audio")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#items .name")).to_have_text(["Voice"])
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("search").get_by_role("combobox", name="Group", exact=True).select_option("Cast")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cast")
    expect(page.locator("#items .name")).to_have_text(["Heroine"])
    page.get_by_role("link", name="Table").click()
    expect(page.get_by_role("row")).to_have_count(2)
    check_accessible(page)


def test_many_are_tagged_moved_and_thrown_away_at_once(page: Page, sdk: Client, media: Path, check_accessible: Check) -> None:
    project = make_project(sdk)
    first, second = (sdk.groups.create(name, project=project).id for name in ("First", "Second"))
    made = [make_asset(sdk, media, f"Item {number}", project=project, group_id=first).id for number in range(3)]
    page.goto(f"/console?project={project}")
    page.get_by_label("Select Item 0").click()
    expect(page.get_by_role("toolbar", name="Selected assets")).to_contain_text("1 asset selected")
    page.get_by_label("Select Item 2").click(modifiers=["Shift"])
    toolbar = page.get_by_role("toolbar", name="Selected assets")
    expect(toolbar).to_contain_text("3 assets selected")
    check_accessible(page)
    toolbar.get_by_label("Tag").fill("set b")
    toolbar.get_by_role("button", name="Add tag").click()
    expect(page.get_by_text("Tagged: 3.")).to_be_visible()
    assert {sdk.assets.get(one).tags for one in made} == {("set b",)}
    page.get_by_label("Select Item 1").press("Space")
    toolbar.get_by_label("Group").select_option("Second")
    toolbar.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text("Moved: 1.")).to_be_visible()
    assert sdk.assets.get(made[1]).group_id == second
    page.get_by_label("Select Item 0").check()
    page.keyboard.press("Escape")
    expect(toolbar).to_be_hidden()
    page.get_by_label("Select Item 0").check()
    toolbar.get_by_role("button", name="Select all shown").click()
    toolbar.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_role("heading", name="No assets yet")).to_be_visible()
    page.get_by_role("link", name="Trash").click()
    page.get_by_label("Select Item 0").check()
    check_accessible(page)
    page.get_by_role("toolbar").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Restored: 1.")).to_be_visible()
    assert [one.name for one in sdk.assets.list(project=project)] == ["Item 0"]


def test_a_long_list_goes_on_by_itself_and_every_asset_is_in_it_once(page: Page, sdk: Client) -> None:
    project = make_project(sdk)
    group = sdk.groups.create("Many", project=project).id
    for _ in sdk.assets.create_many(
        {"group_id": group, "url": "http://127.0.0.1:1/none.png", "name": f"n{number}", "project": project} for number in range(70)
    ):
        pass
    page.goto(f"/console?project={project}")
    expect(page.locator("#items li")).to_have_count(60)
    page.get_by_role("link", name="Show more").scroll_into_view_if_needed()
    expect(page.locator("#items li")).to_have_count(70)
    names = page.locator("#items .name").all_text_contents()
    assert sorted(names) == sorted({f"n{number}" for number in range(70)})
    expect(page.get_by_role("link", name="Show more")).to_be_hidden()


def test_a_long_list_does_not_seem_to_end_where_the_session_has_ended(page: Page, sdk: Client) -> None:
    project = make_project(sdk)
    group = sdk.groups.create("Many", project=project).id
    for _ in sdk.assets.create_many(
        {"group_id": group, "url": "http://127.0.0.1:1/none.png", "name": f"n{number}", "project": project} for number in range(61)
    ):
        pass
    page.goto(f"/console?project={project}")
    expect(page.locator("#items li")).to_have_count(60)
    page.context.clear_cookies()
    with page.expect_response("**/console/sign-in?**"):
        page.get_by_role("link", name="Show more").scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # what was answered has been read by then
    expect(page.get_by_role("link", name="Show more")).to_be_visible()


def test_among_more_than_a_hundred_groups_one_is_found_by_its_name(page: Page, sdk: Client, media: Path, check_accessible: Check) -> None:
    project = make_project(sdk)
    oldest = sdk.groups.create("The very first", project=project).id
    asset = make_asset(sdk, media, "Lone", project=project, group_id=oldest)
    for number in range(101):
        sdk.groups.create(f"Crowd {number}", project=project)
    page.goto(f"/console?project={project}")
    search = page.get_by_role("search")
    search.get_by_label("Find a group").press_sequentially("VERY FIR")
    expect(search.get_by_role("combobox", name="Group", exact=True)).to_have_value(oldest)
    check_accessible(page)
    search.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The very first")
    page.get_by_role("link", name="Lone").click()
    expect(page.get_by_role("combobox", name="Group", exact=True)).to_have_value(oldest)
    expect(page.get_by_role("combobox", name="Project")).to_have_value(project)
    assert asset.id in page.url


def test_no_page_is_wider_than_a_phone_however_long_the_names_are(page: Page, sdk: Client, media: Path, check_accessible: Check) -> None:
    long = "W" * 64
    project = sdk.projects.create("w" * 64).name
    group = sdk.groups.create(long, project=project, description="d" * 300).id
    asset = make_asset(sdk, media, long, project=project, group_id=group, tags=["t" * 64], external_id="e" * 128, metadata={"k": "v" * 300})
    sdk.assets.create(group_id=group, project=project, url="http://127.0.0.1:1/none.png", name="failed")
    webhook = sdk.webhooks.create(f"http://127.0.0.1:1/{'h' * 200}", project=project, description="d" * 300)
    key = sdk.keys.create(long, projects=[project])
    page.set_viewport_size({"width": 390, "height": 844})
    places = ("?", "?view=table&", "/add?", "/tasks?", "/groups?", "/projects?", "/usage?", "/keys?", "/webhooks?", "/system?")
    for place in (*places, f"/assets/{asset.id}?", f"/webhooks/{webhook.id}?"):
        page.goto(f"/console{place}project={project}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, place
    page.goto(f"/console?view=table&project={project}")
    expect(page.get_by_label("Select failed")).to_be_visible()
    assert page.get_by_label("Select failed").evaluate("box => box.clientWidth") > 10
    page.get_by_label("Select failed").check()
    expect(page.get_by_role("toolbar")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "what can be done with the selected"
    check_accessible(page)
    sdk.webhooks.delete(webhook.id)
    sdk.keys.revoke(key.id)
