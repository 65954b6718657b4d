"""Keys on the review page, each after the picture of the one before is painted."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.waits import HANG_SECONDS

TIMEOUT = HANG_SECONDS * 1000
COUNTER = """
window.keysHeard = 0;
addEventListener("keydown", () => window.keysHeard++, true);
"""
"""Script of every page: a browser may say that a key is down before the page has heard of it."""
HEARD = "() => `${performance.timeOrigin}/${window.keysHeard}`"
"""The page and how many keys it has heard: a key may lead to another page."""

PAINTED = re.compile(r"\d/")
FRAME = """() => new Promise(resolve =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve, 0, true))))"""
"""A frame later: what stands beside the picture follows it."""


def see(target: Locator) -> Locator:
    """Wait until something is to be seen."""
    expect(target).to_be_visible(timeout=TIMEOUT)
    return target


def painted(page: Page) -> None:
    """Wait until the picture of the frame that is looked at is painted, with all that was asked."""
    overlay = expect(page.locator("#overlay"))
    overlay.to_have_attribute("data-painted", PAINTED, timeout=TIMEOUT)
    # Unlike evaluate(), it goes on where a key led to another page.
    page.wait_for_function(FRAME, timeout=TIMEOUT)
    overlay.to_have_attribute("data-painted", PAINTED, timeout=TIMEOUT)


def strike(page: Page, key: str) -> None:
    """Press a key, and wait until the page has heard it."""
    before = page.evaluate(HEARD)
    page.keyboard.press(key)
    page.wait_for_function(f"before => ({HEARD})() !== before", arg=before, timeout=TIMEOUT)


def press(page: Page, *keys: str) -> None:
    """Press keys, one after another, as Playwright names them; `K*3` is K three times."""
    for key in keys:
        name, _, times = key.partition("*")
        for _ in range(int(times or 1)):
            painted(page)
            strike(page, name)


def saved(page: Page) -> None:
    """Wait until the server has every edit."""
    expect(page.locator("#saved")).to_have_attribute("data-pending", "0", timeout=TIMEOUT)
    expect(page.locator("#saved")).to_have_class("ok", timeout=TIMEOUT)


def frame(page: Page) -> int:
    """Return the frame that is shown."""
    return int(looked_at(page).split("/")[0])


def looked_at(page: Page) -> str:
    """Return frame and doubt that are painted, such as `12/q3`."""
    text = ""
    while not text:
        painted(page)
        text = page.locator("#overlay").get_attribute("data-painted") or ""
    return text


def doubt_text(page: Page) -> str:
    """Return what the doubt that is looked at asks."""
    painted(page)
    return page.locator("#doubt-card .why").inner_text()


def go_to(page: Page, target: int) -> None:
    """Go to a frame by the keys that a reviewer has."""
    press(page, "Escape")
    step = target - frame(page)
    press(page, *[f"Shift+{'F' if step > 0 else 'D'}"] * (abs(step) // 10))
    press(page, *["f" if step > 0 else "d"] * (abs(step) % 10))
    assert frame(page) == target


def select(page: Page, track: int) -> None:
    """Select a track by the arrow keys."""
    for _ in range(30):
        current = page.locator(f"#track-list [aria-current][data-track='{track}']")
        painted(page)
        if current.count():
            return
        strike(page, "ArrowDown")
    raise AssertionError(f"track {track} is not in the list")


def choose(page: Page, text: str) -> None:
    """Choose an entry of the list that is open, by its digit."""
    options = see(page.locator("dialog[open] [role=listbox]")).locator("[role=option]")
    texts = options.all_inner_texts()
    index = next(k for k, each in enumerate(texts) if text in each)
    strike(page, str(index + 1))
    expect(page.locator("dialog[open]")).to_have_count(0, timeout=TIMEOUT)


def draft(page: Page) -> list[int]:
    """Return the box that is being drawn, as a screen reader says it."""
    painted(page)
    announcer = page.locator("#announcer")
    expect(announcer).to_have_text(re.compile(r"^box "), timeout=TIMEOUT)
    return [int(number) for number in re.findall(r"-?\d+", announcer.inner_text())]


def draw_at(page: Page, box: list[float]) -> None:
    """Move and resize the box that is offered until it is `box`, by arrow keys alone."""
    for modifier, first, second in (("", 0, 1), ("Alt+", 2, 3)):
        for side, keys in (
            (first, ("ArrowLeft", "ArrowRight")),
            (second, ("ArrowUp", "ArrowDown")),
        ):
            step = int(box[side]) - draft(page)[side]
            key = modifier + keys[step > 0]
            press(page, *[f"Shift+{key}"] * (abs(step) // 10), *[key] * (abs(step) % 10))
    assert draft(page) == box
