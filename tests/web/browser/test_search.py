"""The search in a region in a real browser: drawn by keyboard, found, and turned into a clip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from oneclick import ward
from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy
from oneclick.stages import fetch
from oneclick.storage import searches
from tests.web.browser.conftest import SHOTS, OpenPage
from tests.web.browser.keyboard import TIMEOUT, see, strike
from tests.web.browser.review_site import ReviewSite

pytestmark = pytest.mark.browser
SHIFT = ward.Shift(camera=0, seed=1, seconds=20)
START = SHIFT.started_at.timestamp()
ADDRESS = f"/search/{SHIFT.name}?start={START:.0f}&stop={START + 20:.0f}"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = SHIFT.path(tmp_path_factory.mktemp("ward"))
    ward.record(SHIFT, path)
    return path


@pytest.fixture
def site(footage: Path, tmp_path: Path) -> Iterator[ReviewSite]:
    home = tmp_path / "home"
    fetched = fetch.fetch(home, [str(footage)], SHIFT.name, SHIFT.started_at)
    assert not fetched.failed
    with ReviewSite(home, 1).served() as site:
        yield site


def shoot(page: Page, name: str) -> None:
    """Write a picture of the page for people to look at, where they ask for it."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")


def shown_picture(page: Page) -> None:
    """Wait until the picture to draw on is there."""
    pattern = re.compile(r"^/media/video/")
    expect(page.locator("#region")).to_have_attribute("data-picture", pattern, timeout=TIMEOUT)


def drawn_region(page: Page) -> list[float]:
    """Return the region that is drawn, left, top, right and bottom in shares."""
    sides = page.locator("#region").get_attribute("data-region") or ""
    return [float(side) for side in sides.split(",")]


def test_a_region_is_drawn_by_keyboard_searched_and_becomes_a_clip(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_page(ADDRESS)
    shown_picture(page)
    strike(page, "e")
    assert drawn_region(page) == [0.25, 0.25, 0.75, 0.75]
    for key in ("Space", *["Shift+ArrowLeft"] * 3, "ArrowUp", "Space", *["Shift+ArrowRight"] * 4):
        strike(page, key)
    region = drawn_region(page)
    assert region == [pytest.approx(side) for side in (0.1, 0.24, 0.95, 0.75)]
    expect(page.locator("#side-0")).to_have_value("10")
    strike(page, "s")
    expect(page.locator("#job")).to_have_attribute("data-status", "complete", timeout=TIMEOUT)
    see(page.locator("#strip li a").first)
    strike(page, "n")
    expect(page.locator("#strip li a").first).to_be_focused()
    expect(page.locator("#strip canvas").first).to_have_attribute(
        "data-painted", "1", timeout=TIMEOUT
    )
    (name,) = searches.names(site.workspace)
    record = searches.load(site.workspace, name)
    assert record.region == tuple(region)
    assert record.since == SHIFT.started_at
    moment = min(record.moments, key=lambda each: each.frame)
    strike(page, "c")
    see(page.get_by_text("is selected; the next run cuts it"))
    with Catalog.open(site.home) as catalog:
        (clip,) = catalog.selections()
    assert (clip.camera, clip.chosen_by) == (SHIFT.name, ChosenBy.VIEWER)
    assert clip.span.start <= moment.frame < clip.span.stop
    shoot(page, "search_found")
    assert page.url.endswith(f"/search/{SHIFT.name}/{name}")
    page.reload()
    expect(page.locator("#job")).to_have_attribute("data-status", "complete", timeout=TIMEOUT)
    assert drawn_region(page) == region
    strike(page, "n")
    strike(page, "Enter")
    page.wait_for_url(re.compile(rf"/timeline/{SHIFT.name}\?video=.*frame={moment.frame}$"))
    frame = str(moment.frame)
    expect(page.locator("#picture")).to_have_attribute("data-frame", frame, timeout=TIMEOUT)
    expect(page.locator("#range")).to_contain_text("10 min")  # around the frame
    strike(page, "s")
    page.wait_for_url(re.compile(rf"/search/{SHIFT.name}\?start="))
    shown_picture(page)


def test_a_region_is_drawn_by_pointer_and_by_numbers_in_both_languages(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_page(ADDRESS, locale="de-DE")
    shown_picture(page)
    box = page.locator("#region").bounding_box()
    assert box is not None

    def drag(start: tuple[float, float], stop: tuple[float, float]) -> list[float]:
        (x1, y1), (x2, y2) = start, stop
        page.mouse.move(box["x"] + x1 * box["width"], box["y"] + y1 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + x2 * box["width"], box["y"] + y2 * box["height"], steps=3)
        page.mouse.up()
        return drawn_region(page)

    assert drag((0.1, 0.9), (0.2, 0.8)) == pytest.approx([0.1, 0.8, 0.2, 0.9], abs=0.01)
    assert drag((0.2, 0.8), (0.4, 0.6)) == pytest.approx([0.1, 0.6, 0.4, 0.9], abs=0.01)
    assert drag((0.3, 0.75), (0.9, 0.75)) == pytest.approx([0.7, 0.6, 1, 0.9], abs=0.01)
    page.locator("#side-0").fill("20")
    page.locator("#side-0").press("Tab")
    assert drawn_region(page)[0] == 0.2
    see(page.get_by_role("heading", name="Momente"))
    shoot(page, "search_light_german")
    page.locator("#theme-button").click()
    page.locator("#language-button").click()
    see(page.get_by_role("heading", name="Moments"))
    page.get_by_label("motion").uncheck()
    page.get_by_label("somebody").uncheck()
    strike(page, "s")
    see(page.get_by_text("Choose what to look for"))
    strike(page, "?")
    see(page.get_by_role("dialog").get_by_text("Sort the strip by time"))
    shoot(page, "search_keys")


def test_an_interrupted_search_says_so_and_starts_again(
    open_page: OpenPage, site: ReviewSite
) -> None:
    record = searches.SearchRecord(
        id=searches.search_id(SHIFT.name, "anna", datetime.now(UTC), "x"),
        camera=SHIFT.name,
        region=(0.0, 0.2, 1.0, 1.0),
        evidence=("motion",),
        by="anna",
        at=datetime.now(UTC),
        status="running",
        share=0.4,
    )
    searches.save(site.workspace, record)
    page = open_page(f"/search/{SHIFT.name}/{record.id}")
    see(page.get_by_text("interrupted: start it again").first)
    assert drawn_region(page) == list(record.region)
    page.get_by_role("button", name="start again").click()
    whole = page.get_by_role("button", name="whole picture")
    whole.focus()
    expect(page.locator("#job")).to_have_attribute("data-status", "complete", timeout=TIMEOUT)
    expect(whole).to_be_focused()  # though the buttons were drawn again with each answer
    assert len(searches.names(site.workspace)) == 2
