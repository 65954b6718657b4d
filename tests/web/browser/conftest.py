"""A real Chromium, and the review pages over a workspace of drawn pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web.browser.keyboard import COUNTER, TIMEOUT
from tests.web.browser.review_site import ReviewSite

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-color-profile=srgb",
    # An address outside is not even looked up.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OpenPage = Callable[..., Page]


def chromium_path() -> str | None:
    """Return the Chromium of the system, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


# For one module, not the session: while it runs, no other event loop can run in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium_path()
    if executable is None:
        pytest.skip("NO BROWSER IS TESTED: chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        # Otherwise what is expected has 5 s to come, and a page 30.
        expect.set_options(timeout=TIMEOUT)
        chromium = playwright.chromium.launch(
            executable_path=executable, args=[*FLAGS], timeout=TIMEOUT
        )
        yield chromium
        chromium.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ReviewSite]:
    with ReviewSite(tmp_path / "home").served() as served:
        yield served


class Watch:
    """What a page must not do: errors on its console, refusals of its policy, foreign requests."""

    def __init__(self, origin: str) -> None:
        self._origin, self.complaints, self.expected = origin, list[str](), list[str]()

    def follow(self, page: Page) -> None:
        """Note every complaint about a page."""
        page.on("console", lambda message: self._console(message))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", lambda request: self._request(request.url))

    def _console(self, message: Any) -> None:
        text = f"{message.type}: {message.text} {message.location.get('url', '')}"
        if message.type in ("error", "warning") and not any(part in text for part in self.expected):
            self.complaints.append(text)

    def _request(self, url: str) -> None:
        if not url.startswith((self._origin, "blob:", "data:")):
            self.complaints.append(f"request: {url}")


@pytest.fixture
def watch(site: ReviewSite) -> Iterator[Watch]:
    watch = Watch(site.origin)
    yield watch
    assert watch.complaints == []


@pytest.fixture
def open_page(browser: Browser, site: ReviewSite, watch: Watch) -> Iterator[OpenPage]:
    """Open a page in a context of its own; the name signs in by the API."""
    contexts = []

    def open_page(path: str = "/", name: str = "anna", **options: Any) -> Page:
        size = options.pop("viewport", {"width": 1366, "height": 768})
        locale = options.pop("locale", "en-GB")
        context = browser.new_context(viewport=size, locale=locale, **options)
        contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(COUNTER)
        page = context.new_page()
        watch.follow(page)
        if name:
            login = {"name": name, "password": site.password}
            answer = context.request.post(f"{site.origin}/api/login", data=login)
            assert answer.ok, answer.text()
        page.goto(site.origin + path)
        return page

    yield open_page
    for context in contexts:
        context.close()


SHOTS = os.environ.get("ONECLICK_SHOTS", "")
"""Folder into which the tests write pictures of the pages, for people to look at."""
