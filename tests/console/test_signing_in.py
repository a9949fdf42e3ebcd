"""Signing in and out, and who may not."""

import re
import time

from playwright.sync_api import BrowserContext, Page, expect

from tests.console.conftest import Check, sign_in
from tests.factories.http import send
from tests.factories.spark_processes import Service


def test_who_has_not_signed_in_is_led_there_and_then_to_the_page_they_wanted(context: BrowserContext, site: Service) -> None:
    page = context.new_page()
    page.goto("/console/tasks?status=failed")
    expect(page).to_have_url(re.compile("/console/sign-in"))
    page.get_by_label("API key").fill(site.make_key()["key"])
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/console/tasks\?status=failed"))


def test_a_wrong_key_is_told_and_lets_nobody_in(context: BrowserContext, check_accessible: Check) -> None:
    page = context.new_page()
    page.goto("/console/sign-in")
    check_accessible(page)
    page.get_by_label("API key").fill("sk_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not known")
    assert context.cookies() == []


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(page: Page, context: BrowserContext) -> None:
    cookie = context.cookies()[0]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert page.evaluate("document.cookie") == ""


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(page: Page, context: BrowserContext, site: Service) -> None:
    cookie = context.cookies()[0]
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/console/sign-in"))
    _gone(site, f"{cookie['name']}={cookie['value']}")


def test_a_session_ends_with_its_key(context: BrowserContext, site: Service) -> None:
    made = site.quick_command("keys", "create", "--name", "doomed")
    page = context.new_page()
    sign_in(page, made["key"])
    cookie = context.cookies()[0]
    assert site.in_process("keys", "revoke", made["id"]).exit_code == 0
    _gone(site, f"{cookie['name']}={cookie['value']}")


def test_a_session_changes_nothing_without_its_form_token(page: Page, context: BrowserContext, site: Service) -> None:
    cookie = context.cookies()[0]
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}", "Content-Type": "application/json"}
    for token in ({}, {"X-Form-Token": "0" * 64}):
        answer = send("POST", f"{site.base_url}/v1/groups", body=b'{"name": "forged"}', headers={**headers, **token})
        assert (answer.status, answer.code) == (403, "AccessDenied")
    token = page.locator('meta[name="form-token"]').get_attribute("content")
    assert token is not None
    answer = send("POST", f"{site.base_url}/v1/groups", body=b'{"name": "meant"}', headers={**headers, "X-Form-Token": token})
    assert answer.status == 201


def test_another_site_can_neither_read_nor_lead_astray(page: Page, context: BrowserContext, site: Service) -> None:
    cookie = context.cookies()[0]
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert send("GET", f"{site.base_url}/v1/assets", headers=headers).status == 401
    for target in ("https://evil.example/", "//evil.example/", "/console\\@evil.example", "/console.evil.example", "javascript:alert(1)"):
        page.goto(f"/console/sign-in?next={target}")
        action = page.locator("form[method=post]").last.get_attribute("action")
        assert action == "/console/sign-in?next=%2Fconsole"


def test_the_console_speaks_chinese_to_who_prefers_it_or_chooses_it(context: BrowserContext, page: Page) -> None:
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.get_by_role("heading", level=1)).to_have_text("素材库")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Library")


def _gone(site: Service, cookie: str) -> None:
    """Within a second the session is refused; a server remembers it for half of one."""
    deadline = time.monotonic() + 1.0
    while send("GET", f"{site.base_url}/v1/assets", headers={"Cookie": cookie}).status != 401:
        assert time.monotonic() < deadline


def test_serve_tells_where_the_console_is_and_then_that_it_is_ready(site: Service) -> None:
    console, ready = (site.server.log.index(line) for line in (f"console  {site.base_url}/console\n", f"ready    {site.base_url} "))
    assert console < ready
