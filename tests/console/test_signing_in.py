"""Signing in and out, and who may not."""

import re
import time
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from spark_assets.client import Client
from tests.console.conftest import Check, sign_in
from tests.console.made import make_project
from tests.factories.http import Answer, send
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
    page.goto("/console")
    assert page.evaluate("document.cookie") == ""


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(page: Page, context: BrowserContext, site: Service) -> None:
    cookie = context.cookies()[0]
    page.goto("/console")
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
    page.goto("/console")
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


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_cannot_sign_anybody_in(site: Service, headers: dict[str, str]) -> None:
    answer = _sign_in(site, {"key": site.make_key()["key"]}, headers)
    assert (answer.status, answer.headers.get("set-cookie")) == (403, None)
    assert b"AccessDenied" in answer.body


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "{base_url}"}, {"Host": "a:1", "Origin": "https://a:1"}, {}]
)
def test_the_form_signs_in_by_every_name_of_the_server(site: Service, headers: dict[str, str]) -> None:
    given = {name: value.format(base_url=site.base_url) for name, value in headers.items()}
    answer = _sign_in(site, {"key": site.make_key()["key"]}, given)
    assert (answer.status, answer.headers["location"]) == (303, "/console")


def test_what_is_wrong_before_signing_in_is_said_by_a_page(site: Service) -> None:
    crowded = _sign_in(site, {f"field{number}": "x" for number in range(30)}, {})
    long = _sign_in(site, {"key": "x" * 20_000}, {})
    language = send("GET", f"{site.base_url}/console/language?to=tlh")
    sign_out = send("GET", f"{site.base_url}/console/sign-out")
    assert [one.status for one in (crowded, long, language, sign_out)] == [400, 413, 400, 405]
    assert sign_out.headers["allow"] == "POST"
    for answer in (crowded, long, language, sign_out):
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert b"This page cannot be shown" in answer.body


def test_a_key_of_several_projects_comes_to_one_of_them_and_has_a_way_out_of_an_error(
    context: BrowserContext, site: Service, sdk: Client, check_accessible: Check
) -> None:
    first, second = make_project(sdk), make_project(sdk)
    page = context.new_page()
    sign_in(page, site.make_key("--project", first, "--project", second)["key"])
    for path in ("", "/add", "/tasks", "/groups", "/projects", "/usage"):
        page.goto(f"/console{path}")
        expect(page.get_by_role("combobox", name="Project", exact=True)).to_have_value(first)
    page.goto("/console?project=elsewhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("This page cannot be shown")
    check_accessible(page)
    page.get_by_label("Project").select_option(second)
    page.get_by_role("button", name="Go").click()
    expect(page).to_have_url(re.compile(rf"/console\?project={second}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Library")
    page.goto("/console?project=elsewhere")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/console/sign-in"))
    assert context.cookies() == []


def test_a_page_runs_no_script_but_our_own_files(page: Page) -> None:
    for path in ("/console", "/console/add", "/console/tasks", "/console/keys", "/console/system", "/console/sign-in"):
        answer = page.goto(path)
        assert answer is not None
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
        assert "unsafe-" not in "".join(policy.values())
        markup = answer.text()
        for attributes, content in re.findall(r"<script\b([^>]*)>(.*?)</script>", markup, re.DOTALL):
            assert re.search(r'\bsrc="/console/static/', attributes), attributes
            assert content == ""
        assert not re.search(r"<[^>]*\son\w+=|javascript:", markup)


def test_the_console_speaks_chinese_to_who_prefers_it_or_chooses_it(context: BrowserContext, page: Page) -> None:
    page.goto("/console")
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.get_by_role("heading", level=1)).to_have_text("素材库")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Library")


def _sign_in(site: Service, fields: dict[str, str], headers: dict[str, str]) -> Answer:
    """The answer to the form."""
    given = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return send("POST", f"{site.base_url}/console/sign-in", body=urlencode(fields).encode(), headers=given)


def _gone(site: Service, cookie: str) -> None:
    """Within a second the session is refused; a server remembers it for half of one."""
    deadline = time.monotonic() + 1.0
    while send("GET", f"{site.base_url}/v1/assets", headers={"Cookie": cookie}).status != 401:
        assert time.monotonic() < deadline


def test_serve_tells_where_the_console_is_and_then_that_it_is_ready(site: Service) -> None:
    console, ready = (site.server.log.index(line) for line in (f"console  {site.base_url}/console\n", f"ready    {site.base_url} "))
    assert console < ready
