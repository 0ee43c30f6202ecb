"""Sign-on in a real browser: through an OpenID provider, and by the header of a trusted proxy."""

import json
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser.app_server import FLAGS, WAIT_MS, Server, free_port, running_server
from browser.pictures import barriers, sticking_out
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from emotion_core.access.audit import AuditLog

pytest.importorskip("authlib", reason="needs the extra `login`: Authlib")
pytest.importorskip("httpx", reason="needs the extra `login`: httpx")
from services.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from services.relay import running_relay

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NewContext = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def new_context() -> Iterator[NewContext]:
    """new_context(**options) is a browser of someone who has not been here before."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian, Ubuntu: apt-get install chromium)")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as api:
        browser = api.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])

        def start(**options: object) -> BrowserContext:
            context = browser.new_context(viewport={"width": 1360, "height": 900}, **options)  # type: ignore[arg-type]
            context.set_default_timeout(WAIT_MS)
            return context

        yield start
        browser.close()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider(free_port()) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Server]:
    folder, port = tmp_path_factory.mktemp("signed"), free_port()
    secrets = folder / "secrets.toml"
    secrets.write_text(
        "[auth]\n"
        f'redirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
        f'cookie_secret = "{"s" * 40}"\n'
        f'client_id = "{CLIENT_ID}"\n'
        f'client_secret = "{CLIENT_SECRET}"\n'
        f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
    )
    with running_server(
        folder,
        STREAMLIT_SERVER_PORT=str(port),
        EMOTION_LAB_SIGN_ON="oidc",
        EMOTION_LAB_ADMINS="chief@example.org",
        EMOTION_LAB_LOG="json",
        STREAMLIT_SECRETS_FILES=str(secrets),
    ) as running:
        yield running


def choose(page: Page, who: str) -> None:
    """Sign in at the provider as someone."""
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=who, exact=True).click()


def sign_in(context: BrowserContext, server: Server, who: str) -> Page:
    page = context.new_page()
    page.goto(server.url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="Video")).to_have_count(0)
    choose(page, who)
    expect(page.get_by_test_id("stPopoverButton").filter(has_text="@")).to_be_visible()
    return page


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stPageLink").get_by_role("link", name=name).first.click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def status_of(address: str) -> int:
    """The status for someone who has not signed in."""
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def work_of(server: Server) -> Path:
    return server.log.parent / "work"


def test_two_people_keep_their_results_apart_and_share_a_study(
    server: Server, provider: Provider, new_context: NewContext
) -> None:
    anna = sign_in(new_context(), server, "anna")
    asked = provider.asked[-1]
    assert asked["code_challenge_method"] == "S256"
    assert asked["nonce"]
    assert asked["state"]
    go(anna, "Study")
    anna.get_by_role("textbox", name="Name").fill("Smiles")
    anna.get_by_role("button", name="Create study").click()
    expect(anna.get_by_text("0 participants")).to_be_visible()
    study = anna.url
    anna.get_by_role("tab", name="Coding").click()
    link = anna.locator(f'a[href^="{server.url}/files?id="]').first
    address = str(link.get_attribute("href"))
    assert anna.request.get(address).status == 200
    assert status_of(address) == 403, "without signing in"

    ben = sign_in(new_context(), server, "ben")
    assert ben.request.get(address).status == 403, "another person"
    ben.goto(study)
    expect(ben.get_by_text("no longer here")).to_be_visible()

    anna.get_by_role("button", name="Share").first.click()
    anna.get_by_role("textbox", name="E-mail address").fill("Ben@example.org")
    anna.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Share").click()
    expect(anna.get_by_role("button", name="Shared with 1")).to_be_visible()
    ben.goto(study)
    expect(ben.get_by_text("Shared with you")).to_be_visible()
    expect(ben.get_by_role("button", name="Delete")).to_have_count(0)
    anna.get_by_role("button", name="Remove").click()
    expect(anna.get_by_role("button", name="Shared with 1")).to_have_count(0)
    ben.get_by_role("button", name="All studies").click()
    expect(ben.get_by_text("Begin your own")).to_be_visible()
    expect(ben.get_by_text("Your studies")).to_have_count(0)

    anna.get_by_test_id("stPopoverButton").filter(has_text="anna@").click()
    anna.get_by_role("button", name="Sign out").click()
    expect(anna.get_by_role("heading", name="Sign in")).to_be_visible()
    assert anna.request.get(address).status == 403, "after signing out"
    # What was hers is hers again.
    choose(anna, "anna")
    expect(anna.get_by_test_id("stPopoverButton").filter(has_text="anna@")).to_be_visible()
    go(anna, "Study")
    anna.get_by_role("button", name="Open", exact=True).click()
    expect(anna.get_by_text("0 participants")).to_be_visible()
    assert provider.refused == []


def test_an_administrator_sees_sizes_and_the_log_and_no_one_else_does(
    server: Server, new_context: NewContext
) -> None:
    # Eve typed the administrator's address in, which no one confirmed.
    page = new_context().new_page()
    page.goto(f"{server.url}/Administration")
    choose(page, "eve")
    expect(page.get_by_test_id("stPopoverButton").filter(has_text="Eve")).to_be_visible()
    expect(page.get_by_text("This page is for administrators")).to_be_visible()
    chief = new_context().new_page()
    chief.goto(f"{server.url}/Administration?from=mail")
    choose(chief, "chief")
    # Not the start page, to which Streamlit leads: the one that was asked for.
    expect(chief.get_by_role("heading", name="Administration", exact=True)).to_be_visible()
    assert chief.url == f"{server.url}/Administration?from=mail"
    expect(chief.get_by_role("heading", name="Audit log")).to_be_visible()
    assert barriers(chief) == []
    chief.set_viewport_size({"width": 390, "height": 844})
    # Tables follow the window a moment later.
    narrow = "document.querySelector('[data-testid=stMain]').scrollWidth <= window.innerWidth"
    chief.wait_for_function(narrow, timeout=10_000)
    assert sticking_out(chief) == []
    log = chief.locator(f'a[href^="{server.url}/files?id="]').first
    address = str(log.get_attribute("href"))
    lines = [json.loads(line) for line in chief.request.get(address).text().splitlines()]
    assert {"sign in", "open"} <= {line["event"] for line in lines}
    assert page.request.get(address).status == 403
    newest = AuditLog(work_of(server) / "audit", 365).newest(5)
    assert ("export", "chief@example.org") in {(line["event"], line["who"]) for line in newest}


def test_the_page_fits_a_phone_whatever_people_are_called(
    server: Server, new_context: NewContext
) -> None:
    page = new_context().new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(server.url)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert barriers(page) == []
    choose(page, "long")
    expect(page.get_by_test_id("stPopoverButton").filter(has_text="@")).to_be_visible()
    assert sticking_out(page) == []


@pytest.mark.parametrize("fault", ["wrong_nonce", "forged"])
def test_a_token_that_is_not_genuine_lets_no_one_in(
    fault: str, server: Server, provider: Provider, new_context: NewContext
) -> None:
    setattr(provider, fault, True)
    try:
        page = new_context().new_page()
        page.goto(server.url)
        choose(page, "anna")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert "oauth2callback" not in page.url
    finally:
        setattr(provider, fault, False)


def test_every_line_of_the_log_is_json(server: Server) -> None:
    """Of Python, that is: libraries in C write what they like."""
    log = server.log.read_text()
    assert status_of(f"{server.url}/healthz") == 200
    text = [line for line in log.splitlines() if line.startswith("{")]
    assert all({"time", "level", "event"} <= set(json.loads(line)) for line in text)
    assert any("OAuth token exchange failed" in json.loads(line)["event"] for line in text)
    assert "Traceback" not in [line[:9] for line in log.splitlines()]


PROXY = "127.0.0.9"


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that believes the header from one address only."""
    with running_server(
        tmp_path_factory.mktemp("proxied"),
        EMOTION_LAB_SIGN_ON="header",
        EMOTION_LAB_USER_HEADER="X-Forwarded-Email",
        EMOTION_LAB_TRUSTED_PROXIES=PROXY,
        FORWARDED_ALLOW_IPS=PROXY,
    ) as running:
        yield running


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_a_proxys_header_signs_people_in_and_no_one_elses_does(
    behind_proxy: Server, new_context: NewContext
) -> None:
    def page_as(who: str, address: str) -> Page:
        headers = {"X-Forwarded-Email": who, "X-Forwarded-For": "203.0.113.9"}
        page = new_context(extra_http_headers=headers).new_page()
        page.goto(address)
        return page

    stranger = page_as("anna@example.org", f"{behind_proxy.url}/Study")
    expect(stranger.get_by_text("has not told this server who you are")).to_be_visible()
    with running_relay(PROXY, int(behind_proxy.url.rpartition(":")[2])) as proxy:
        anna = page_as("anna@example.org", f"{proxy}/Study")
        anna.get_by_role("textbox", name="Name").fill("Smiles")
        anna.get_by_role("button", name="Create study").click()
        expect(anna.get_by_text("0 participants")).to_be_visible()
        ben = page_as("ben@example.org", anna.url)
        expect(ben.get_by_text("no longer here")).to_be_visible()
