"""A real browser, signed in to a real server; whatever its console complains about fails the test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from spark_assets.client import Client
from tests.end_to_end.shelf import Shelf
from tests.factories.spark_processes import Service, embedded

AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""What WCAG 2.2 AA asks for, as axe-core names it."""
Check = Callable[[Page], None]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium here; as root, apt-get install chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="package")
def site() -> Iterator[Service]:
    """A server that these tests share."""
    with embedded(source_allow="127.0.0.0/8", webhook_allow="127.0.0.0/8", host_concurrency=16) as running:
        yield running


@pytest.fixture(scope="package")
def shelf() -> Iterator[Shelf]:
    """An origin to fetch from."""
    with Shelf() as running:
        yield running


@pytest.fixture(scope="package")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for media files."""
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="package")
def sdk(site: Service) -> Iterator[Client]:
    """The same library as a program sees it, with a key that may do everything."""
    with Client(site.base_url, site.make_key("--scope", "admin")["key"]) as client:
        yield client


@pytest.fixture
def context(browser: Browser, site: Service) -> Iterator[BrowserContext]:
    """A browser without a history; addresses are relative to the server's."""
    found = browser.new_context(base_url=site.base_url, locale="en-GB", viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield found
    found.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the console of the page has complained about; a test that means a request to fail takes its complaint out."""
    return []


@pytest.fixture
def page(context: BrowserContext, site: Service, complaints: list[str]) -> Iterator[Page]:
    """A page of somebody who has signed in with an admin key. An error or a breach of the policy in its console fails the test."""
    found = context.new_page()

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    found.on("console", listen)
    found.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(found, site.make_key("--scope", "admin")["key"])
    yield found
    assert complaints == []


@pytest.fixture
def check_accessible() -> Check:
    """Fails for anything on the page that breaks WCAG 2.2 AA."""

    def check(page: Page) -> None:
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": AA}})
        assert found.violations_count == 0, found.generate_report()

    return check


def sign_in(page: Page, key: str) -> None:
    """Sign in by the form."""
    page.goto("/console/sign-in")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console**")
