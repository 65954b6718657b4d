"""The lanes of a timeline, by keyboard."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.web.browser.keyboard import TIMEOUT, strike


def settled(page: Page) -> None:
    """Wait until the lanes of the window are there."""
    expect(page.locator(".lanes")).not_to_have_attribute("aria-busy", "true", timeout=TIMEOUT)
    expect(page.locator("#range")).not_to_be_empty(timeout=TIMEOUT)


def choose_lane(page: Page, trigger: str) -> None:
    """Move down from the camera to the lane of a trigger."""
    for _ in range(8):
        strike(page, "ArrowDown")
        if f"· {trigger} ·" in (page.locator("#announcer").text_content() or ""):
            strike(page, "b")
            return
    raise AssertionError(f"no lane of {trigger}")
