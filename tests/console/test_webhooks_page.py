"""Webhooks and their deliveries."""

import datetime as dates
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from spark_assets.client import Client, NotFound
from tests.console.conftest import Check
from tests.factories.media import make_png
from tests.factories.receivers import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """What is told of events."""
    with Receiver() as running:
        yield running


def _reveal(page: Page) -> str:
    """The secret, which is shown once; then the page goes on."""
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("not shown again")
    secret = dialog.locator("#secret-text").inner_text()
    with page.expect_navigation():
        dialog.get_by_role("button", name="Done").click()
    return secret


def _delivery(page: Page, text: str) -> Locator:
    return page.get_by_role("region", name="Deliveries").get_by_role("listitem").filter(has_text=text)


def test_a_webhook_is_made_tested_changed_disabled_and_deleted(
    page: Page, sdk: Client, receiver: Receiver, check_accessible: Check
) -> None:
    page.goto("/console/webhooks")
    page.get_by_role("button", name="Create a webhook").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Address").fill(f"{receiver.url}?token=swordfish")
    dialog.get_by_label("What it is for").fill("the render farm")
    dialog.get_by_label("asset.active").check()
    check_accessible(page)
    dialog.get_by_role("button", name="Create").click()
    secret = _reveal(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(receiver.url)
    assert "swordfish" not in page.content()
    webhook = next(one for one in sdk.webhooks.list() if one.url == receiver.url)
    assert (webhook.description, list(webhook.events)) == ("the render farm", ["asset.active"])

    with page.expect_navigation():
        page.get_by_role("button", name="Send a test").click()
    message = receiver.wait(1)[0]
    assert message.path == "/hook?token=swordfish"
    assert message.verify(secret)["type"] == "webhook.test"
    _wait_for_end(page, "webhook.test", "delivered")
    expect(_delivery(page, "webhook.test")).to_contain_text("Answer: HTTP 204")
    page.get_by_text("What is sent").click()
    expect(_delivery(page, "webhook.test").locator("pre")).to_contain_text('"type": "webhook.test"')
    check_accessible(page)

    change = page.get_by_role("region", name="Change")
    change.get_by_label("asset.failed").check()
    change.get_by_label("What it is for").fill("")
    with page.expect_navigation():
        change.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    webhook = sdk.webhooks.get(webhook.id)
    assert (webhook.description, sorted(webhook.events)) == ("", ["asset.active", "asset.failed"])

    with page.expect_navigation():
        page.get_by_role("button", name="Disable").click()
    assert not sdk.webhooks.get(webhook.id).enabled
    expect(page.get_by_role("button", name="Send a test")).to_have_count(0)
    with page.expect_navigation():
        page.get_by_role("button", name="Enable").click()
    assert sdk.webhooks.get(webhook.id).enabled

    page.get_by_role("button", name="Delete").click()
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile(r"/console/webhooks\?project=default$"))
    with pytest.raises(NotFound):
        sdk.webhooks.get(webhook.id)


def test_a_delivery_is_sent_again_and_what_happened_is_replayed(page: Page, sdk: Client, receiver: Receiver, media: Path) -> None:
    webhook = sdk.webhooks.create(receiver.url, events=["asset.active"])
    began = dates.datetime.now(dates.UTC) - dates.timedelta(minutes=1)
    sdk.assets.create(group_id=sdk.groups.create("Told").id, path=make_png(media / "told.png", 700, 500), wait=True)
    first = receiver.wait(1)[0]
    page.goto(f"/console/webhooks/{webhook.id}")
    _wait_for_end(page, "asset.active", "delivered")
    with page.expect_navigation():
        page.get_by_role("button", name="Resend").click()
    assert receiver.wait(2)[1].id == first.id
    replay = page.get_by_role("region", name="Replay")
    replay.get_by_label("Since (UTC)").fill(began.strftime("%Y-%m-%dT%H:%M"))
    with page.expect_navigation():
        replay.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("status")).to_contain_text("on its way once more")
    arrived = receiver.wait(3)
    while first.id not in {message.id for message in arrived[2:]}:  # what else happened in that minute comes along
        arrived = receiver.wait(len(arrived) + 1)
    page.get_by_role("link", name="failed").click()
    expect(page.get_by_role("region", name="Deliveries")).to_contain_text("There are none.")
    sdk.webhooks.delete(webhook.id)


def test_a_secret_is_rotated_and_both_sign_meanwhile(page: Page, sdk: Client, receiver: Receiver) -> None:
    made = sdk.webhooks.create(receiver.url)
    page.goto(f"/console/webhooks/{made.id}")
    page.get_by_role("button", name="Rotate the secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate", exact=True).click()
    secret = _reveal(page)
    assert secret != made.secret
    expect(page.get_by_role("region", name="Facts")).to_contain_text(re.compile(r"Secrets that sign\s*2"))
    sdk.webhooks.test(made.id)
    message = receiver.wait(1)[0]
    for either in (secret, made.secret):
        message.verify(either)
    sdk.webhooks.delete(made.id)


def test_the_secret_of_callbacks_is_made(page: Page, sdk: Client, check_accessible: Check) -> None:
    page.goto("/console/webhooks")
    check_accessible(page)
    page.get_by_role("button", name="Make the secret").click()
    assert _reveal(page).startswith("whsec_")
    expect(page.get_by_role("button", name="Make the secret")).to_have_count(0)
    page.get_by_role("link", name="Callbacks of tasks").click()
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    check_accessible(page)


def _wait_for_end(page: Page, kind: str, state: str) -> None:
    """Load the page until the delivery has ended: the receiver has its message before the server has written down the answer."""
    for _ in range(50):
        page.reload()
        if _delivery(page, kind).filter(has_text=re.compile(state, re.IGNORECASE)).count():
            return
    raise AssertionError(f"no delivery of {kind} is {state}")
