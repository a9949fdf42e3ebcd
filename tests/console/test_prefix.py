"""The console below a path: whatever a page asks for lies below it too."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.end_to_end.shelf import Shelf
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service, embedded

PREFIX = "/tools/assets"


@pytest.fixture(scope="module")
def prefixed() -> Iterator[Service]:
    """A server below a path."""
    with embedded(root_path=PREFIX, source_allow="127.0.0.0/8") as running:
        yield running


@pytest.fixture
def strays() -> list[str]:
    """Paths outside the prefix that were asked for, and complaints of the page."""
    return []


@pytest.fixture
def page(browser: Browser, prefixed: Service, strays: list[str]) -> Iterator[Page]:
    """A page that notes what leaves the prefix."""
    context = browser.new_context(base_url=prefixed.base_url, locale="en-GB", viewport={"width": 1280, "height": 900})
    found = context.new_page()

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            strays.append(message.text)

    def look(url: str) -> None:
        if url.startswith("http") and not urlsplit(url).path.startswith(f"{PREFIX}/"):
            strays.append(url)

    found.on("console", listen)
    found.on("pageerror", lambda error: strays.append(str(error)))
    found.on("request", lambda request: look(request.url))
    yield found
    context.close()


def test_the_whole_console_works_below_a_path(page: Page, prefixed: Service, strays: list[str], shelf: Shelf, media: Path) -> None:
    picture = make_jpeg(media / "prefix.jpg")
    client = prefixed.client()
    prefixed_url = f"{prefixed.base_url}{PREFIX}"
    client.create_group("below")
    page.goto(f"{PREFIX}/console/tasks")
    page.get_by_label("API key").fill(prefixed.make_key("--scope", "admin")["key"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{prefixed_url}/console/tasks")
    assert [cookie["path"] for cookie in page.context.cookies()] == [PREFIX]

    page.get_by_role("link", name="Add", exact=True).click()
    page.get_by_label("Addresses, one on each line").fill(shelf.put("/prefix.jpg", picture))
    page.locator("input[type=file]").first.set_input_files(picture)
    page.get_by_role("button", name="Add 2 assets").click()
    expect(page.locator("#summary")).to_have_text("2 of 2 done", timeout=30_000)

    page.get_by_role("link", name="Library").first.click()
    expect(page.locator("a.card")).to_have_count(2)
    page.locator("a.card").first.click()
    page.wait_for_url(re.compile(f"^{re.escape(prefixed_url)}/console/assets/"))
    shown = page.locator("main img").first
    expect(shown).to_be_visible()
    assert shown.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") > 0
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == picture.read_bytes()

    for name in ("Tasks", "Groups", "Projects", "Usage", "API keys", "Webhooks", "System"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator("[aria-current=page]", has_text=name)).to_be_visible()
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.get_by_role("link", name="English").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{prefixed_url}/console/sign-in")
    assert page.context.cookies(f"{prefixed_url}/v1/assets") == []
    assert strays == []
