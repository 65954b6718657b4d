"""Points of a clip's pictures on the screen."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.web.browser.review_site import HEIGHT, WIDTH


def on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where a point of the picture is on the screen, while all of it is shown."""
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    scale = min(stage["width"] / WIDTH, stage["height"] / HEIGHT)
    x_offset = stage["x"] + (stage["width"] - scale * WIDTH) / 2
    y_offset = stage["y"] + (stage["height"] - scale * HEIGHT) / 2
    return x_offset + scale * x, y_offset + scale * y
