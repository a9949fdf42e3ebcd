"""The API Key Management Page."""

import re
import time

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from spark_assets.client import AuthenticationFailed, Client
from tests.console.conftest import Check, sign_in
from tests.factories.spark_processes import Service


def _row(page: Page, name: str, region: str = "API keys") -> Locator:
    return page.get_by_role("region", name=region).get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


def _reveal(page: Page) -> tuple[str, str]:
    """ID and secret of the dialog that shows them once."""
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("not shown again")
    return dialog.locator("#secret-id").inner_text(), dialog.locator("#secret-text").inner_text()


def _done(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Done").click()


def test_a_key_is_made_shown_once_used_and_revoked(page: Page, sdk: Client, site: Service, check_accessible: Check) -> None:
    sdk.projects.create("keys-film")
    page.goto("/console/keys")
    page.get_by_role("button", name="Create an API key").click()
    dialog = page.get_by_role("dialog")
    check_accessible(page)
    dialog.get_by_label("Name").fill("render farm")
    dialog.get_by_label("assets:write").uncheck()
    dialog.get_by_label("keys-film").check()
    dialog.get_by_label(re.compile("Last day")).fill("2099-12-31")
    dialog.get_by_role("button", name="Create").click()
    key_id, secret = _reveal(page)
    check_accessible(page)
    made = sdk.keys.get(key_id)
    assert (made.name, made.scopes, made.projects, made.expires_at) == (
        "render farm",
        ["assets:read"],
        ["keys-film"],
        "2099-12-31T23:59:59.000000Z",
    )
    _done(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert secret not in page.content()
    with Client(site.base_url, secret) as farm:
        assert [project.name for project in farm.projects.list()] == ["keys-film"]
        row = _row(page, "render farm")
        expect(row).to_contain_text("valid")
        check_accessible(page)
        row.get_by_role("button", name="Revoke").click()
        expect(page.get_by_role("dialog")).to_contain_text("Revoke render farm?")
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        assert sdk.keys.get(key_id).revoked_at is None
        row.get_by_role("button", name="Revoke").click()
        with page.expect_navigation():
            page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(row).to_contain_text("revoked")
        expect(page.get_by_role("status")).to_contain_text("render farm is revoked.")
        assert sdk.keys.get(key_id).revoked_at is not None
    expect(row.get_by_role("button")).to_have_count(0)


def test_a_key_is_rotated_with_a_grace(page: Page, sdk: Client, site: Service) -> None:
    old = sdk.keys.create("laptop")
    page.goto("/console/keys")
    _row(page, "laptop").get_by_role("button", name="Rotate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("laptop")
    dialog.get_by_label("The old key ends").select_option("in an hour")
    dialog.get_by_role("button", name="Rotate").click()
    new_id, secret = _reveal(page)
    _done(page)
    expect(_row(page, "laptop")).to_have_count(2)
    assert new_id != old.id
    assert sdk.keys.get(old.id).expires_at is not None
    for key in (old.key, secret):
        with Client(site.base_url, key) as either:
            list(either.projects.list())


def test_the_key_can_be_copied(page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/console/keys")
    page.get_by_role("button", name="Create an API key").click()
    page.get_by_role("dialog").get_by_label("Name").fill("to copy")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    _, secret = _reveal(page)
    page.get_by_role("dialog").get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_contain_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == secret


def test_what_is_wrong_with_a_new_key_is_said_in_its_form(context: BrowserContext, site: Service) -> None:
    page = context.new_page()  # the browser's console tells of every answer that refuses
    sign_in(page, site.make_key("--scope", "admin")["key"])
    page.goto("/console/keys")
    page.get_by_role("button", name="Create an API key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("nothing")
    dialog.get_by_label("assets:read").uncheck()
    dialog.get_by_label("assets:write").uncheck()
    with page.expect_response("**/v1/keys") as refused:
        dialog.get_by_role("button", name="Create").click()
    assert refused.value.status == 400
    expect(dialog.get_by_role("alert")).to_contain_text("scopes")


def test_an_access_key_is_made_with_an_end_and_revoked(page: Page, sdk: Client, check_accessible: Check) -> None:
    page.goto("/console/keys")
    page.get_by_role("button", name="Create an access key").click()
    dialog = page.get_by_role("dialog")
    check_accessible(page)
    dialog.get_by_label("Name").fill("old programs")
    dialog.get_by_label(re.compile("Last day")).fill("2099-12-31")
    dialog.get_by_role("button", name="Create").click()
    key_id, secret = _reveal(page)
    made = sdk.access_keys.get(key_id)
    assert (made.name, made.expires_at) == ("old programs", "2099-12-31T23:59:59.000000Z")
    _done(page)
    assert secret not in page.content()
    row = _row(page, "old programs", "Access keys")
    for shown in (key_id, f"Secret {secret[:4]}…", "2099-12-31 23:59", "never", "valid"):
        expect(row).to_contain_text(shown)
    row.get_by_role("button", name="Revoke").click()
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    expect(row.get_by_role("button")).to_have_count(0)
    assert sdk.access_keys.get(key_id).revoked_at is not None


def test_an_access_key_is_rotated_with_a_grace(page: Page, sdk: Client, check_accessible: Check) -> None:
    old = sdk.access_keys.create("studio", scopes=["assets:read"])
    page.goto("/console/keys")
    _row(page, "studio", "Access keys").get_by_role("button", name="Rotate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("studio")
    expect(dialog).to_contain_text("an ID of its own")
    check_accessible(page)
    dialog.get_by_label("The old key ends").select_option("in seven days")
    dialog.get_by_role("button", name="Rotate").click()
    new_id, secret = _reveal(page)
    _done(page)
    expect(_row(page, "studio", "Access keys")).to_have_count(2)
    assert new_id != old.id
    assert secret not in {"", old.secret}
    new, ending = sdk.access_keys.get(new_id), sdk.access_keys.get(old.id)
    assert (new.scopes, new.expires_at) == (["assets:read"], None)
    assert (ending.expires_at is not None, ending.revoked_at) == (True, None)


@pytest.mark.parametrize("width", [390, 1000, 1280])
def test_what_can_be_done_with_a_key_is_in_sight_however_wide_the_page_is(
    page: Page, sdk: Client, width: int, check_accessible: Check
) -> None:
    sdk.access_keys.create("Programs for the Ark Assets API", expires_at="2099-12-31T23:59:59Z")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/console/keys")
    for region in page.get_by_role("region").all():
        assert region.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    check_accessible(page)


def test_who_revokes_the_key_of_the_session_is_signed_out(context: BrowserContext, site: Service) -> None:
    key = site.quick_command("keys", "create", "--name", "own", "--scope", "admin")
    page = context.new_page()
    sign_in(page, key["key"])
    page.goto("/console/keys")
    row = page.get_by_role("row").filter(has_text="(this session)")
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("dialog")).to_contain_text("this session ends too")
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    deadline = time.monotonic() + 10.0  # a server remembers who calls for half a second
    while "/console/sign-in" not in page.url:
        assert time.monotonic() < deadline
        page.goto("/console/keys")
    with Client(site.base_url, key["key"]) as client, pytest.raises(AuthenticationFailed):
        list(client.projects.list())


def test_a_key_that_administers_nothing_is_told_so(context: BrowserContext, site: Service, check_accessible: Check) -> None:
    page = context.new_page()
    sign_in(page, site.make_key()["key"])
    expect(page.get_by_role("navigation", name="Places").get_by_role("link", name="API keys")).to_have_count(0)
    answer = page.goto("/console/keys")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("main")).to_contain_text("project:admin")
    check_accessible(page)
