"""A browser, a service for it, and what no test may leave behind: an error in the console or a broken policy."""

import json
import os
import re
import threading
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

import mock_server

URL = os.environ.get("GPT2_URL", "").rstrip("/")
KEY = os.environ.get("GPT2_API_KEY", "")
SHOTS = os.environ.get("GPT2_SCREENSHOTS", "")
# A browser reports every refused request in its console, whatever the page makes of it.
REFUSED = re.compile(
    r"Failed to load resource: (the server responded with a status of (400|401|422|429|500|503)|net::ERR_INTERNET)")

expect.set_options(timeout=15_000)


def pytest_configure(config):
    config.addinivalue_line("markers", "needs_mock: tells the service how to behave, so only runs against the mock")


def pytest_collection_modifyitems(items):
    if URL:
        skip = pytest.mark.skip(reason="needs the mock, and GPT2_URL names a real service")
        for item in items:
            if item.get_closest_marker("needs_mock"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def base():
    """The address of the service."""
    if URL:
        yield URL
        return
    server = mock_server.start()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


class Mock:
    """Tells the mock what to play, and asks what it saw."""

    def __init__(self, base):
        self.base = base

    def play(self, **wanted):
        request = urllib.request.Request(f"{self.base}/mock", json.dumps(wanted).encode(), method="POST")
        urllib.request.urlopen(request, timeout=5).close()

    def report(self):
        with urllib.request.urlopen(f"{self.base}/mock", timeout=5) as response:
            return json.load(response)


@pytest.fixture
def mock(base):
    mock = Mock(base)
    mock.play(reset=True)
    yield mock
    mock.play(reset=True)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        # Debian's own, since the ones that Playwright would download aren't needed.
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, base):
    """Opens pages as `open_page(path, key=…, **options of a context)`, and checks them at the end."""
    contexts, problems = [], []

    def watch(message):
        if message.type in ("error", "warning") and not REFUSED.match(message.text):
            problems.append(message.text)

    def open_it(path="/", key=KEY, **options) -> Page:
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 860}, "color_scheme": "light", **options})
        contexts.append(context)
        if key:
            context.add_init_script(
                f"sessionStorage.getItem('tested') || sessionStorage.setItem('gpt2.key', {json.dumps(key)});"
                "sessionStorage.setItem('tested', '1')")
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) =>"
            " console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))")
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", watch)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(f"outside: {request.url}")
                if not request.url.startswith((base, "data:")) else None)
        page.goto(base + path)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def shot():
    """Keeps a picture of the page, if there is a place for it."""

    def take(page, name):
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)

    return take
