"""Tasks as they happen, without loading the page again."""

import time
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from spark_assets.client import Client
from tests.console.conftest import Check, sign_in
from tests.console.made import make_asset, make_file, make_project
from tests.end_to_end.shelf import Shelf, slowly
from tests.factories.origin import Visit, answer
from tests.factories.spark_processes import Service

_LISTEN = """address => new Promise((ready) => {
    window.heard = new Promise((done) => {
        const stream = new EventSource(address);
        stream.addEventListener("ready", ready);
        for (const name of ["error", "task.completed"])
            stream.addEventListener(name, () => { stream.close(); done(name); });
    });
})"""
"""Listens to a stream of events: ready when it has begun; `heard` is what came first."""

_LOOK_AGAIN = "00:06"
"""Longer than a page waits until it looks again."""


def test_a_task_is_followed_from_its_first_byte_to_its_end(
    page: Page, sdk: Client, shelf: Shelf, media: Path, check_accessible: Check
) -> None:
    project = make_project(sdk)
    group = sdk.groups.create("Watched", project=project).id
    page.goto(f"/console/tasks?project={project}")
    expect(page.get_by_text("As they happen")).to_be_visible()
    content = make_file(media).read_bytes()
    gate, open_gate = shelf.gate()

    async def wait_for_the_gate(visit: Visit) -> None:
        await gate.wait()
        await answer(content)(visit)

    address = shelf.behave("/watched.png", wait_for_the_gate)
    task = sdk.assets.create(group_id=group, url=address, project=project)
    row = page.locator(f'tr[data-id="{task.id}"]')
    expect(row.get_by_role("progressbar")).to_be_visible(timeout=15_000)
    expect(row).to_contain_text("fetching")
    check_accessible(page)
    open_gate()
    expect(row).to_contain_text("completed")
    expect(row.get_by_role("progressbar")).to_be_hidden()
    assert sdk.assets.get(task.asset_id or "").status == "Active"
    asset = make_asset(sdk, media, "Later", project=project, group_id=group)
    expect(page.get_by_role("link", name="Later")).to_be_visible()
    expect(page.get_by_role("row", name="Later")).to_contain_text(f"Add an asset · {asset.id}")


def test_a_task_far_down_the_list_is_seen_to_end_too(page: Page, site: Service, sdk: Client, shelf: Shelf, media: Path) -> None:
    project = make_project(sdk)
    group = sdk.groups.create("Deep", project=project).id
    gate, open_gate = shelf.gate()
    content = make_file(media).read_bytes()

    async def wait_for_the_gate(visit: Visit) -> None:
        await gate.wait()
        await answer(content)(visit)

    task = sdk.assets.create(group_id=group, url=shelf.behave("/deep.png", wait_for_the_gate), project=project)
    program = site.client()
    for submitted in [
        program.submit("spark_asset_create_group", Name=f"g{number}", GroupType="AIGC", ProjectName=project) for number in range(41)
    ]:
        program.completed(submitted)
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if request.url.endswith(f"{task.id}/events") else None)
    page.clock.install()
    page.goto(f"/console/tasks?project={project}")
    page.get_by_role("link", name="Show more").scroll_into_view_if_needed()
    row = page.locator(f'tr[data-id="{task.id}"]')
    expect(row.get_by_role("progressbar")).to_be_visible()
    with page.expect_request(f"**/v1/tasks/{task.id}/events", timeout=15_000):
        page.clock.fast_forward(_LOOK_AGAIN)
    open_gate()
    expect(row).to_contain_text("completed", timeout=15_000)
    expect(row.get_by_role("progressbar")).to_have_count(0)
    expect(row.get_by_role("button")).to_have_count(0)
    known = len(streams)
    for _ in range(2):
        with page.expect_response("**/console/tasks?**"):
            page.clock.fast_forward(_LOOK_AGAIN)
    assert len(streams) == known


def test_a_task_is_cancelled_and_a_failed_one_tried_again(
    page: Page, sdk: Client, shelf: Shelf, media: Path, check_accessible: Check
) -> None:
    project = make_project(sdk)
    group = sdk.groups.create("Controlled", project=project).id
    slow = sdk.assets.create(
        name="slow", group_id=group, url=shelf.behave("/slow.png", slowly(make_file(media).read_bytes(), 30, parts=60)), project=project
    )
    failing = sdk.assets.create(group_id=group, url=shelf.origin.url("/missing.png"), name="missing", project=project)
    failing_row = page.locator(f'tr[data-id="{failing.id}"]')
    page.goto(f"/console/tasks?project={project}")
    expect(failing_row).to_contain_text("Open the address in a browser")
    check_accessible(page)
    page.get_by_role("button", name="Cancel slow").click()
    expect(page.locator(f'tr[data-id="{slow.id}"]')).to_contain_text("Conflict.Cancelled")
    shelf.put("/missing.png", make_file(media))
    failing_row.get_by_role("button", name="Try").click()
    expect(page.get_by_text(f"tries {failing.id} again")).to_be_visible()
    expect(page.locator("tr .state.completed")).to_have_count(1)
    assert [one.name for one in sdk.assets.list(project=project, status=["Active"])] == ["missing"]


def test_a_stream_of_events_goes_on_for_who_has_signed_in(page: Page, sdk: Client, media: Path) -> None:
    project = make_project(sdk)
    page.goto("/console/add")
    page.evaluate(_LISTEN, f"/v1/events?project={project}")
    make_asset(sdk, media, "Heard", project=project)
    assert page.evaluate("heard") == "task.completed", "the session is asked for again with each event"


def test_who_watches_is_led_to_sign_in_when_the_session_has_ended(context: BrowserContext, sdk: Client) -> None:
    key = sdk.keys.create("doomed")
    page = context.new_page()
    sign_in(page, key.key)
    page.clock.install()
    page.goto("/console/tasks?project=default")
    expect(page.get_by_text("As they happen")).to_be_visible()
    sdk.keys.revoke(key.id)
    deadline = time.monotonic() + 1.0
    while page.request.get("/v1/projects").status != 401:  # a server remembers a session for half a second
        assert time.monotonic() < deadline
    page.clock.fast_forward(_LOOK_AGAIN)
    expect(page.get_by_label("API key")).to_be_visible(timeout=15_000)
    assert "next=%2Fconsole%2Ftasks" in page.url


def test_tasks_are_filtered_by_state_model_and_asset(page: Page, sdk: Client, media: Path, check_accessible: Check) -> None:
    project = make_project(sdk)
    page.goto(f"/console/tasks?project={project}")
    expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
    check_accessible(page)
    asset = make_asset(sdk, media, "Good", project=project)
    page.get_by_label("Asset ID").fill(asset.id)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Good")).to_be_visible()
    page.get_by_label("Work").select_option("Make a group")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.get_by_label("Work").select_option("any")
    page.get_by_label("State").select_option("failed")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
