"""A real browser, signed in to a real server; whatever its console complains about fails the test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from spark_assets.client import Client
from tests.end_to_end.shelf import Shelf
from tests.factories.spark_processes import Service, embedded

AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""What WCAG 2.2 AA asks for, as axe-core names it."""
_BREACHES = """options => axe.run(options).then(({ violations }) => violations.map(
    ({ id, help, nodes }) => `${id}: ${help}\\n${nodes.map(({ html, failureSummary }) => `${html}\\n${failureSummary}`).join("\\n")}`))"""
"""What axe-core finds wrong, each with the elements and what is wrong with them."""
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


@pytest.fixture(scope="package")
def contexts(browser: Browser) -> Iterator[dict[str, BrowserContext]]:
    """By the address of a server, a browser that keeps what it has loaded: to open a new one for each test takes most of its time."""
    known: dict[str, BrowserContext] = {}
    yield known
    for one in known.values():
        one.close()


@pytest.fixture
def context(browser: Browser, contexts: dict[str, BrowserContext], site: Service) -> Iterator[BrowserContext]:
    """A browser that nobody has signed in with, and that has no page; addresses are relative to the server's."""
    found = contexts.get(site.base_url)
    if found is None:
        found = browser.new_context(base_url=site.base_url, locale="en-GB", viewport={"width": 1280, "height": 900}, accept_downloads=True)
        contexts[site.base_url] = found
    yield found
    for one in found.pages:
        one.close()
    found.clear_cookies()
    found.clear_permissions()


@pytest.fixture
def complaints() -> list[str]:
    """What the console of the page has complained about; a test that means a request to fail takes its complaint out."""
    return []


@pytest.fixture
def page(context: BrowserContext, site: Service, complaints: list[str]) -> Iterator[Page]:
    """An empty page of somebody who has signed in with an admin key. An error or a breach of the policy in its console fails the test."""
    found = context.new_page()

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    found.on("console", listen)
    found.on("pageerror", lambda error: complaints.append(str(error)))
    _enter(found, site.make_key("--scope", "admin")["key"])
    yield found
    assert complaints == []


@pytest.fixture
def check_accessible() -> Check:
    """Fails for anything on the page that breaks WCAG 2.2 AA."""

    def check(page: Page) -> None:
        page.evaluate(AXE_SCRIPT)
        found = page.evaluate(_BREACHES, {"runOnly": {"type": "tag", "values": AA}, "resultTypes": ["violations"]})
        assert found == [], "\n".join(map(str, found))

    return check


def sign_in(page: Page, key: str) -> None:
    """Sign in, and open the library."""
    _enter(page, key)
    page.goto("/console")


def _enter(page: Page, key: str) -> None:
    """Sign in by what the form sends, without looking at it."""
    answer = page.request.post("/console/sign-in", form={"key": key}, max_redirects=0)
    assert answer.status == 303
