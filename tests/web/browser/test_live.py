"""The pages of live cameras in a real browser: what is painted, from where, and for whom."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.storage import alert_log, live_state
from oneclick.storage.alert_log import Alert, AlertLog, AlertRecord
from oneclick.storage.live_ring import RingReader
from oneclick.storage.workspace import Workspace
from oneclick.web import pages
from oneclick.web.live import cameras
from tests.waits import HANG_SECONDS, wait_until
from tests.web import live_camera
from tests.web.browser.conftest import SHOTS, OpenPage, Watch
from tests.web.browser.keyboard import TIMEOUT, strike
from tests.web.browser.live_canvas import BLUE, READ_NUMBER, WHITE, YELLOW, held, is_coloured
from tests.web.browser.review_site import ReviewSite

pytestmark = pytest.mark.browser
SECONDS = 5.0
"""Of the ring when a page is opened."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let states be old on a busy machine."""
    monkeypatch.setattr(live_state, "STALE_SECONDS", HANG_SECONDS)


@pytest.fixture
def camera(site: ReviewSite) -> Iterator[RingReader]:
    """Run a process that fills the ring of `ward`; yield its ring."""
    site.home.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.web.live_camera", str(site.home), "ward", str(SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        yield RingReader(live_state.ring_folder(site.home, "ward"))
        process.kill()


@pytest.fixture
def ended(site: ReviewSite) -> RingReader:
    """Return the ring of `ward`, whose process is gone."""
    live_camera.write_state(site.home, "ward")
    live_camera.fill(site.home, "ward", 200)
    return RingReader(live_state.ring_folder(site.home, "ward"))


@pytest.fixture
def watch(watch: Watch) -> Watch:
    watch.expected.append("willReadFrequently")  # what the tests do to see what is painted
    return watch


def open_camera(open_page: OpenPage, name: str = "anna") -> Page:
    """Open the page of the camera, and wait for a picture."""
    page = open_page("/live/ward", name)
    expect(page.locator("#overlay")).to_have_attribute("data-painted", re.compile("ring/"))
    return page


def painted(page: Page) -> int:
    """Return the number in the painted picture, which is the one that the page tells of."""
    number, name = page.evaluate(READ_NUMBER)
    assert name == f"ring/{number}"
    return int(number)


def press(page: Page, key: str, number: int) -> None:
    """Press a key after which the picture of this number is painted."""
    strike(page, key)
    expect(page.locator("#overlay")).to_have_attribute("data-painted", f"ring/{number}")
    assert painted(page) == number


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def test_pictures_come_with_their_boxes_at_the_right_place(
    open_page: OpenPage, camera: RingReader
) -> None:
    page = open_camera(open_page)
    first = painted(page)
    wait_until(lambda: painted(page) > first + 5)
    shoot(page, "live")
    number = painted(held(page))
    newest = camera.newest()
    assert newest is not None
    assert newest.seq - number < 100
    if number % live_camera.DOUBT == 0:  # the box of A is below the confidence that is shown
        press(page, ",", number - 1)
        number -= 1
    x1, y1, x2, y2 = live_camera.box(number)[:4]
    for x in (x1, x2):
        assert is_coloured(page, x, (y1 + y2) / 2, BLUE)
        assert not is_coloured(page, x + 60, (y1 + y2) / 2, BLUE)
    assert is_coloured(page, 280, 90, WHITE)  # only B sees this one
    hatched = [is_coloured(page, 265 + step, 50, YELLOW) for step in range(0, 30, 3)]
    assert any(hatched)


def test_keys_step_and_jump_to_the_asked_picture(open_page: OpenPage, ended: RingReader) -> None:
    page = open_camera(open_page)
    assert painted(page) == 199
    press(page, ",", 198)
    assert page.locator("body").get_attribute("data-mode") == "held"
    press(page, ",", 197)
    press(page, ".", 198)
    press(page, "ArrowLeft", 197)
    press(page, "Shift+ArrowLeft", 97)
    press(page, "Shift+ArrowRight", 197)
    press(page, "Home", 0)
    for number in range(1, 4):
        press(page, ".", number)
    press(page, "n", 40)  # a lamp is lit in every fortieth picture and the next seven
    expect(page.locator("#lamps")).to_contain_text("the person is gone for 3 frames")
    press(page, "n", 80)
    press(page, "b", 40)
    strike(page, "l")
    expect(page.locator("#overlay")).to_have_attribute("data-painted", "ring/199")
    assert page.locator("body").get_attribute("data-mode") == "live"


def test_steps_in_a_row_are_all_made(open_page: OpenPage, ended: RingReader) -> None:
    page = open_camera(open_page)
    for _ in range(10):
        strike(page, ",")
    expect(page.locator("#overlay")).to_have_attribute("data-painted", "ring/189")


def test_the_line_of_time_shows_the_picture_of_its_place(
    open_page: OpenPage, ended: RingReader
) -> None:
    page = open_camera(open_page)
    place = page.locator("#strip").bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + place["width"] / 4, place["y"] + 40)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + 40, steps=6)
    page.mouse.up()
    expect(page.locator("#overlay")).to_have_attribute(
        "data-painted", re.compile(r"ring/(99|100)$")
    )
    assert painted(page) in (99, 100)
    shoot(page, "live-scrub")


def test_the_timeline_of_triggers_opens_below_the_picture(
    open_page: OpenPage, ended: RingReader
) -> None:
    page = open_page("/live/ward")
    expect(page.locator("#timeline-link")).to_have_attribute("href", "/timeline/ward")
    assert page.locator("#lanes canvas").count() == 0
    page.locator("#history summary").click()
    expect(page.locator("#lanes canvas")).to_be_visible()
    expect(page.locator("#notice")).to_be_hidden()
    page.locator("#timeline-link").click()
    expect(page).to_have_url(re.compile("/timeline/ward$"))
    page.locator('header a[href="/live"]').click()
    expect(page.locator("#wall")).to_be_visible()


def test_it_plays_again_from_where_it_was_held(open_page: OpenPage, camera: RingReader) -> None:
    page = open_camera(open_page)
    press(page, "Home", 0)
    strike(page, "=")
    strike(page, "=")
    strike(page, "=")
    strike(page, "Space")
    expect(page.locator("#mode")).to_have_text("▶ again, 8×")
    wait_until(lambda: painted(page) > 10)
    newest = camera.newest()
    assert newest is not None
    # At eight times the speed it catches up with the camera, and is live again.
    expect(page.locator("body")).to_have_attribute("data-mode", "live")
    wait_until(lambda: painted(page) > newest.seq)


def test_differences_of_the_models_are_shown_one_by_one(
    open_page: OpenPage, ended: RingReader
) -> None:
    page = open_camera(open_page)
    boxes = page.locator("#overlay")
    expect(boxes).to_have_attribute("data-boxes", "3")
    expect(page.locator("#agreement")).to_have_text("67 %")
    for shown, count in (("only A", "0"), ("only B", "1"), ("both", "2"), ("all", "3")):
        strike(page, "v")
        pressed = page.locator("#differences [aria-pressed=true]")
        expect(pressed).to_have_text(shown)
        expect(boxes).to_have_attribute("data-boxes", count)
    page.get_by_role("button", name="only B").click()
    expect(boxes).to_have_attribute("data-boxes", "1")


def test_another_confidence_shows_other_boxes_and_what_would_have_fired(
    open_page: OpenPage, ended: RingReader
) -> None:
    page = open_camera(open_page)
    fired = page.locator("#firing")
    expect(fired).to_have_text(re.compile(r"would have fired \d+ times in the last 20 s"))
    before = fired.text_content()
    for _ in range(4):
        strike(page, "ArrowUp")
    expect(page.locator("#confidence-value")).to_have_text("70 %")
    expect(page.locator("#overlay")).to_have_attribute("data-boxes", "2")
    expect(fired).to_have_text(re.compile(r"would have fired \d+ times"))
    assert fired.text_content() != before
    page.locator("#confidence").focus()
    strike(page, "ArrowRight")
    expect(page.locator("#confidence-value")).to_have_text("75 %")
    page.reload()
    expect(page.locator("#confidence-value")).to_have_text("75 %")


def test_a_camera_that_ends_is_told_and_its_ring_stays(
    open_page: OpenPage, site: ReviewSite, ended: RingReader
) -> None:
    page = open_camera(open_page)
    live_camera.write_state(site.home, "ward", "stalled", "no picture for 12 s")
    expect(page.locator("#status")).to_have_text("▲ stalled no picture for 12 s")
    press(page, "Home", 0)


SHARE = """() => {
  const [picture, overlay] = ["picture", "overlay"].map((id) => document.getElementById(id));
  return Math.round((10 * picture.width) / overlay.width) / 10;
}"""
"""Share of the screen's resolution that the picture is drawn with."""


def test_a_browser_that_does_not_keep_up_gets_smaller_pictures_until_it_is_held(
    open_page: OpenPage, camera: RingReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "LEAST_REDUCED", 0)
    page = open_camera(open_page)
    assert page.evaluate(SHARE) == 1
    page.evaluate("() => { window.requestAnimationFrame = (work) => setTimeout(work, 150); }")
    expect(page.locator("#figures")).to_contain_text("pictures reduced", timeout=TIMEOUT)
    assert page.evaluate(SHARE) == 0.5
    first = painted(page)
    wait_until(lambda: painted(page) > first)
    shoot(page, "live-reduced")
    number = painted(held(page))
    wait_until(lambda: page.evaluate(SHARE) == 1)
    expect(page.locator("#figures")).not_to_contain_text("pictures reduced")
    assert painted(page) == number


def test_the_wall_leads_to_a_camera_and_back(
    open_page: OpenPage, site: ReviewSite, camera: RingReader
) -> None:
    live_camera.write_state(site.home, "hall", "refused", "wrong user or password")
    at = datetime(2026, 11, 28, 12, tzinfo=UTC)
    away = Alert(kind="silent", camera="hall", text="camera hall sends no pictures", since=at)
    log = AlertLog(records=(AlertRecord(alert=away, opened_at=at),))
    alert_log.save(Workspace(site.home), log)
    page = open_page("/")
    page.get_by_role("link", name="Live").click()
    tiles = page.locator("#wall a")
    expect(tiles).to_have_count(2)
    expect(tiles.nth(0)).to_contain_text("✕ refused")
    expect(tiles.nth(0)).to_contain_text("wrong user or password")
    expect(tiles.nth(1).locator("canvas").nth(1)).to_have_attribute(
        "data-painted", re.compile(r"\d")
    )
    expect(page.locator("#count")).to_have_text("1 of 2 cameras run")
    expect(tiles.nth(1)).to_have_class("lit")
    expect(page.locator("#alerts-title")).to_have_text("▲ Open alerts: 1")
    link = page.get_by_role("link", name="camera hall sends no pictures")
    expect(link).to_have_attribute("href", "/live/hall")
    shoot(page, "wall")
    alert_log.save(Workspace(site.home), AlertLog())
    expect(page.locator("#alerts")).to_be_hidden()
    strike(page, "ArrowRight")
    strike(page, "ArrowRight")
    strike(page, "Enter")
    page.wait_for_url("**/live/ward")
    expect(page.locator("#camera-name")).to_have_text("ward")
    strike(page, "Escape")
    page.wait_for_url("**/live")


def test_while_no_lamp_is_lit_the_wall_shows_a_picture_a_minute(
    open_page: OpenPage, site: ReviewSite, ended: RingReader
) -> None:
    page = open_page("/live")
    overlay = page.locator("#wall canvas").nth(1)
    expect(overlay).to_have_attribute("data-painted", "199")
    requests = list[str]()
    page.on("request", lambda request: requests.append(request.url))
    live_camera.fill(site.home, "ward", 30)  # the last of them is without a lamp
    for _ in range(3):
        with page.expect_response("**/api/live", timeout=TIMEOUT):
            pass
    assert [url for url in requests if url.endswith("newest")] == []


def test_two_roles_see_what_they_may(
    open_page: OpenPage, site: ReviewSite, watch: Watch, ended: RingReader
) -> None:
    page = open_camera(open_page, "vic")
    expect(page.locator("#live-models")).to_contain_text("People are blurred for your role")
    live_camera.write_state(site.home, "hall")
    watch.expected.append("404")
    page.goto(f"{site.origin}/live/hall")
    expect(page.locator("#notice")).to_have_text("there is no such camera")
    page.goto(f"{site.origin}/live")
    expect(page.locator("#wall a")).to_have_count(1)
    sharp = open_camera(open_page, "anna")
    expect(sharp.locator("#live-models")).not_to_contain_text("blurred")
    sharp.goto(f"{site.origin}/live")
    expect(sharp.locator("#wall a")).to_have_count(2)


def test_after_a_sign_out_the_page_says_so(
    open_page: OpenPage, site: ReviewSite, watch: Watch, camera: RingReader
) -> None:
    page = open_camera(open_page)
    watch.expected.append("401")
    page.context.request.post(f"{site.origin}/api/logout", data={})
    page.wait_for_url("**/login?next=**")


def test_the_page_is_there_in_german_and_dark(open_page: OpenPage, ended: RingReader) -> None:
    page = open_page("/live/ward", locale="de-DE", color_scheme="dark")
    expect(page.locator("#status")).to_have_text("▶ läuft")
    expect(page.locator("#overlay")).to_have_attribute("data-painted", "ring/199")
    shoot(page, "live-dark")
    strike(page, "?")
    expect(page.locator("dialog")).to_contain_text("Nur die von A".lower()[:3])
    shoot(page, "live-help")
    strike(page, "Escape")
    strike(page, "Shift+L")
    expect(page.locator("#status")).to_have_text("▶ running")
    strike(page, "Shift+N")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


MATCH = """async ([folder, cases]) => {
  const { matchBoxes } = await import(`${folder}/matching.js`);
  const match = ([a, b]) => matchBoxes(a, ["person", "chair"], b, ["chair", "person"]);
  return cases.map((each) => match(each).sort((p, q) => p[0] - q[0]));
}"""


def test_browser_and_server_match_boxes_alike(open_page: OpenPage) -> None:
    page = open_page("/login", name="")
    rng = random.Random(23)
    cases = [(some_boxes(rng), some_boxes(rng)) for _ in range(200)]
    answers = page.evaluate(MATCH, [pages.load().address, cases])
    pairs = 0
    for (a, b), answer in zip(cases, answers, strict=True):
        first, second = detections(a, ("person", "chair")), detections(b, ("chair", "person"))
        rows = association.match_frames(first, second, 0.45)
        assert sorted(zip(*(side.tolist() for side in rows), strict=True)) == list(
            map(tuple, answer)
        )
        pairs += len(answer)
    assert pairs > 200


def some_boxes(rng: random.Random) -> list[list[float]]:
    """Return up to eight boxes in a crowd."""
    corners = [(rng.uniform(0, 60), rng.uniform(0, 30)) for _ in range(rng.randrange(9))]
    return [[x, y, x + 40, y + 80, 0.9, rng.randrange(2)] for x, y in corners]


def detections(rows: list[list[float]], names: tuple[str, ...]) -> Detections:
    columns = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(
        frames=np.zeros(len(rows), np.int32),
        boxes=columns[:, :4].astype(np.float32),
        scores=columns[:, 4].astype(np.float32),
        classes=columns[:, 5].astype(np.int16),
        length=1,
        fps=10.0,
        names=names,
    )
