"""The page of one asset: looked at, described, shared, thrown away and brought back."""

import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from spark_assets.client import Client
from tests.console.conftest import Check
from tests.console.made import make_asset, make_file
from tests.factories.spark_processes import Service


@pytest.mark.parametrize("kind", ["png", "mp4", "mp3"])
def test_each_kind_of_media_is_shown_with_its_facts(page: Page, sdk: Client, media: Path, check_accessible: Check, kind: str) -> None:
    asset = make_asset(sdk, media, f"A {kind}", kind)
    page.goto(f"/console/assets/{asset.id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"A {kind}")
    preview = page.get_by_role("region", name="Preview")
    if kind == "png":
        shown = preview.get_by_role("img", name="A png")
        assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 400
    else:
        shown = preview.locator("video, audio")
        assert shown.evaluate("medium => medium.readyState || new Promise(done => medium.onloadedmetadata = () => done(1))") > 0
    expect(page.get_by_text(asset.sha256 or "", exact=True)).to_be_visible()
    check_accessible(page)


def test_an_asset_is_described_anew_and_moved_in_place(page: Page, sdk: Client, media: Path) -> None:
    asset = make_asset(sdk, media, "Before", tags=["old"], metadata={"kept": 1})
    other = sdk.groups.create("Other place")
    page.goto(f"/console/assets/{asset.id}")
    page.get_by_label("Name").fill("After")
    page.get_by_label("Tags, one on each line").fill("night\nforest, deep")
    page.get_by_label("External ID").fill(f"shot-{asset.id}")
    page.get_by_label("Group").select_option(label="Other place")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("After")
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    found = sdk.assets.get(asset.id)
    assert (found.name, set(found.tags), found.external_id, found.group_id) == (
        "After", {"night", "forest, deep"}, f"shot-{asset.id}", other.id,
    )  # fmt: skip
    assert found.metadata == {"kept": 1}, "what was not changed is not written"
    page.get_by_label("External ID").fill("")
    page.get_by_label("Metadata, as a JSON object").fill('{"mood": "calm"}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Metadata, as a JSON object")).to_have_value('{\n  "mood": "calm"\n}')
    found = sdk.assets.get(asset.id)
    assert (found.external_id, found.metadata) == (None, {"mood": "calm"})


def test_what_cannot_be_saved_is_told_beside_the_fields(page: Page, sdk: Client, media: Path) -> None:
    asset = make_asset(sdk, media, "Stubborn")
    page.goto(f"/console/assets/{asset.id}")
    page.get_by_label("Metadata, as a JSON object").fill("{broken")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("The metadata is not JSON")
    assert sdk.assets.get(asset.id).metadata is None


def test_links_and_shares_work_for_anyone_and_are_copied(
    page: Page, context: BrowserContext, sdk: Client, media: Path, check_accessible: Check
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    asset = make_asset(sdk, media, "Shared")
    page.goto(f"/console/assets/{asset.id}")
    page.get_by_label("Works for").select_option("1 hour")
    page.get_by_role("button", name="Make a link").click()
    page.get_by_role("button", name="Copy: Signed link").click()
    expect(page.get_by_role("status")).to_contain_text("Copied.")
    assert _size_of(page.evaluate("navigator.clipboard.readText()")) == asset.size
    page.get_by_role("button", name="Make a share").click()
    address = page.get_by_role("region", name="Share 1").text_content()
    assert address is not None
    assert _size_of(address) == asset.size
    check_accessible(page)
    page.get_by_role("button", name="Revoke").click()
    check_accessible(page)
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("region", name="Share 1")).to_be_hidden()
    assert list(sdk.assets.shares(asset.id)) == []


def test_the_snippets_are_what_a_person_can_run(page: Page, sdk: Client, media: Path, site: Service, tmp_path: Path) -> None:
    asset = make_asset(sdk, media, "From a program")
    page.goto(f"/console/assets/{asset.id}")
    code = page.get_by_role("region", name="Copy as Python").text_content()
    assert code is not None
    target = tmp_path / "From-a-program.png"
    exec(code.replace('"From-a-program.png"', repr(str(target))).replace("Client(", f"Client(key={site.make_key()['key']!r}, base_url="))
    assert target.stat().st_size == asset.size
    assert asset.id in (page.get_by_role("region", name="Copy as curl").text_content() or "")


def test_an_asset_goes_to_the_trash_and_comes_back_where_it_was(page: Page, sdk: Client, media: Path, check_accessible: Check) -> None:
    asset = make_asset(sdk, media, "Come and go")
    page.goto(f"/console/assets/{asset.id}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().stat().st_size == asset.size
    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_text("This asset is in the trash.")).to_be_visible()
    assert [one.id for one in sdk.assets.list(deleted=True) if one.id == asset.id] == [asset.id]
    check_accessible(page)
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("region", name="Preview")).to_be_visible()
    assert sdk.assets.get(asset.id).deleted_at is None
    page.get_by_role("link", name="Who changed it").click()
    expect(page.get_by_text("asset.restored")).to_be_visible()
    check_accessible(page)


def test_a_failed_asset_says_why_and_what_to_do_and_is_tried_again(page: Page, sdk: Client, media: Path, check_accessible: Check) -> None:
    task = sdk.assets.create(group_id=sdk.groups.create("Failures").id, path=make_file(media, "mp3"), type="Image")
    task.refresh()
    page.goto(f"/console/assets/{task.asset_id}")
    expect(page.get_by_role("main")).to_contain_text("TypeMismatch")
    expect(page.get_by_role("main")).to_contain_text("Correct the type.")
    check_accessible(page)
    page.get_by_role("button", name="Try again").click()
    expect(page).not_to_have_url(re.compile(task.asset_id or "-"))
    expect(page.get_by_role("main")).to_contain_text("TypeMismatch")
    (again,) = [one for one in sdk.tasks.list() if one.asset_id == page.url.rsplit("/", 1)[1]]
    assert again.status == "failed"


def test_an_asset_that_is_not_there_is_told_in_a_sentence(context: BrowserContext, page: Page) -> None:
    answer = context.request.get("/console/assets/asset-20260101120000-bcdfg")
    assert answer.status == 404
    assert "NotFound.asset_id" in answer.text()
    assert "To the library" in answer.text()


def _size_of(address: str) -> int:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return len(answer.read())
