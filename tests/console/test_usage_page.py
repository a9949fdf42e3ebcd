"""Usage, with charts that are drawn on the server."""

import datetime as dates
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from spark_assets.client import Client
from tests.console.conftest import Check, sign_in
from tests.factories.media import make_png
from tests.factories.spark_processes import Service, embedded

PRICES = {"price_create": "0.002", "discount": "25"}


@pytest.fixture(scope="module")
def site() -> Iterator[Service]:
    """A server of these tests' own, which charges for what is done."""
    with embedded(source_allow="127.0.0.0/8", **PRICES) as running:
        yield running


@pytest.fixture(scope="module")
def sdk(site: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An admin's, after three assets were made: two in one project, one in another with a quota."""
    folder: Path = tmp_path_factory.mktemp("usage")
    with Client(site.base_url, site.make_key("--scope", "admin")["key"]) as client:
        client.projects.create("film")
        for project, name in (("default", "a"), ("default", "b"), ("film", "c")):
            group = client.groups.create("Shots", project=project)
            picture = make_png(folder / f"{name}.png", 640 + ord(name))
            client.assets.create(group_id=group.id, path=picture, name=name, project=project, wait=True)
        assert site.in_process("projects", "quota", "film", "--bytes", "1GiB", "--assets", "4").exit_code == 0
        yield client


def test_totals_and_charts_show_what_the_ledger_says(page: Page, sdk: Client, check_accessible: Check) -> None:
    page.goto("/console/usage")
    told = sdk.usage.get()
    assert (told.total.tasks, Decimal(told.total.cost), Decimal(told.total.discount)) == (3, Decimal("0.0045"), Decimal("0.0015"))
    main = page.get_by_role("main")
    for amount in (told.total.price, told.total.discount, told.total.cost):
        expect(main.get_by_role("definition").filter(has_text=amount)).to_have_count(1)
    expect(page.get_by_role("img", name="Requests per day", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="Cost per day, in USD", exact=True)).to_be_visible()
    page.get_by_text("The same as a table").click()
    today = dates.datetime.now(dates.UTC).date().isoformat()
    row = page.get_by_role("region", name="By day").get_by_role("row", name=today)
    expect(row).to_contain_text("0.004500")
    by_project = page.get_by_role("region", name="By project").last
    expect(by_project.get_by_role("row", name="default")).to_contain_text("0.003000")
    expect(by_project.get_by_role("row", name="film")).to_contain_text("0.001500")
    check_accessible(page)


def test_storage_stands_beside_its_quota(page: Page, sdk: Client) -> None:
    page.goto("/console/usage?project=film")
    page.get_by_role("link", name="Only film").click()
    box = page.get_by_role("region", name="film", exact=True)
    expect(box).to_contain_text("of 1.0 GiB")
    expect(box).to_contain_text("1 of 4")
    expect(box.get_by_role("progressbar", name="Assets")).to_have_attribute("value", "25.0")
    expect(page.get_by_role("definition").first).to_have_text("1")


def test_a_month_and_a_span_of_days_are_chosen(page: Page, sdk: Client, check_accessible: Check) -> None:
    page.goto("/console/usage")
    page.get_by_role("link", name=re.compile("^←")).click()
    expect(page.get_by_role("heading", name="Nothing was used in this time")).to_be_visible()
    check_accessible(page)
    page.get_by_role("link", name=re.compile("→$")).click()
    expect(page.get_by_role("definition").first).to_have_text("3")
    today = dates.datetime.now(dates.UTC).date()
    page.get_by_label("From").fill((today - dates.timedelta(days=1)).isoformat())
    page.get_by_label("To", exact=True).fill(today.isoformat())
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("img", name="Requests per day", exact=True).locator("g")).to_have_count(2)
    page.get_by_role("link", name="This month").click()
    expect(page).to_have_url(re.compile("/console/usage$"))


def test_a_span_that_makes_no_sense_is_told_in_a_sentence(context: BrowserContext, site: Service, check_accessible: Check) -> None:
    page = context.new_page()
    sign_in(page, site.make_key()["key"])
    answer = page.goto("/console/usage?start=2026-02-01&end=2026-01-01")
    assert answer is not None
    assert answer.status == 400
    expect(page.get_by_role("main")).to_contain_text("start must lie before end")
    check_accessible(page)
