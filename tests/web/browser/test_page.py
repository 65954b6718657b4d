"""What else a reviewer does on the page: pointer, touch, filmstrip, places, keys, languages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from oneclick.editing.operations import AnswerQuestion, DescribeTrack, DrawTrack, FillTrack, MoveBox
from tests.web.browser.conftest import OpenPage
from tests.web.browser.keyboard import (
    TIMEOUT,
    choose,
    frame,
    go_to,
    painted,
    press,
    saved,
    see,
    select,
    strike,
)
from tests.web.browser.review_site import PEOPLE, ReviewSite
from tests.web.browser.screen import on_screen

pytestmark = pytest.mark.browser


def open_clip(open_page: OpenPage, site: ReviewSite, **options: object) -> Page:
    page = open_page(f"/clip/{site.clips[0].id}", **options)
    painted(page)
    return page


def assert_near(box: tuple[float, ...], corners: list[float]) -> None:
    assert [round(value) for value in box] == pytest.approx(corners, abs=1)


def test_a_box_is_drawn_by_four_clicks_and_by_a_drag(open_page: OpenPage, site: ReviewSite) -> None:
    page = open_clip(open_page, site)
    go_to(page, 16)
    x1, y1, x2, y2 = (float(value) for value in PEOPLE[3].boxes[16])
    press(page, "Shift+A")
    extremes = ((x1, y1 + 20), (x2, y1 + 30), (x1 + 9, y1), (x1 + 12, y2))
    for point in extremes:
        page.mouse.click(*on_screen(page, *point))
    saved(page)
    press(page, "a")
    page.mouse.move(*on_screen(page, 20, 20))
    page.mouse.down()
    page.mouse.move(*on_screen(page, 50, 60), steps=4)
    page.mouse.up()
    saved(page)
    first, second = site.journal(site.clips[0].id)
    assert isinstance(first, DrawTrack)
    assert isinstance(second, DrawTrack)
    assert (first.carry, second.carry) == (False, True)
    assert_near(first.box, [x1, y1, x2, y2])
    assert_near(second.box, [20, 20, 50, 60])


def test_a_box_is_chosen_and_dragged_in_a_turned_view(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_clip(open_page, site)
    go_to(page, 5)
    x1, y1, x2, y2 = (float(value) for value in PEOPLE[2].boxes[5])
    page.mouse.move(*on_screen(page, (x1 + x2) / 2, (y1 + y2) / 2))
    page.mouse.down()
    page.mouse.move(*on_screen(page, (x1 + x2) / 2 + 10, (y1 + y2) / 2 + 4), steps=4)
    page.mouse.up()
    saved(page)
    # In a view turned by a quarter an arrow moves the box as it looks: right is up in the picture.
    press(page, "r", "e", "ArrowRight*3", "Enter", "0")
    saved(page)
    first, second = site.journal(site.clips[0].id)
    assert isinstance(first, MoveBox)
    assert isinstance(second, MoveBox)
    assert_near(first.box, [x1 + 10, y1 + 4, x2 + 10, y2 + 4])
    assert second.box[0] == pytest.approx(first.box[0])
    assert second.box[1] == pytest.approx(first.box[1] - 3)


def test_fingers_choose_and_move_a_box(open_page: OpenPage, site: ReviewSite) -> None:
    page = open_clip(open_page, site, has_touch=True, viewport={"width": 820, "height": 1180})
    x1, y1, x2, y2 = (float(value) for value in PEOPLE[2].boxes[frame(page)])
    page.touchscreen.tap(*on_screen(page, (x1 + x2) / 2, (y1 + y2) / 2))
    see(page.locator("#track-list [aria-current][data-track='3']"))
    page.locator("#doubt-card .buttons button").nth(2).tap()
    saved(page)
    assert [each.answer for each in answers(site)] == ["unsure"]


def answers(site: ReviewSite) -> list[AnswerQuestion]:
    return [each for each in site.journal(site.clips[0].id) if isinstance(each, AnswerQuestion)]


def test_a_place_is_answered_by_drawing_there_or_by_nobody(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_clip(open_page, site)
    sentence = page.locator("#doubt-card .why")
    expect(sentence).to_contain_text("Is anybody here?")
    press(page, "Space", "Enter")
    saved(page)
    drawing, answer = site.journal(site.clips[0].id)
    assert isinstance(drawing, DrawTrack)
    assert isinstance(answer, AnswerQuestion)
    assert answer.answer == "right"
    # One step: both are taken back at once.
    press(page, "z")
    saved(page)
    assert site.state(site.clips[0].id).answers == {}
    assert len(site.state(site.clips[0].id).tracks) == 3
    expect(sentence).to_contain_text("Is anybody here?")
    press(page, "x")
    saved(page)
    assert [*site.state(site.clips[0].id).answers.values()] == ["nobody"]


def test_a_place_of_another_class_is_called_and_drawn_by_it(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id

    def name_class(route: Route) -> None:
        response = route.fetch()
        document = response.json()
        (place,) = (each for each in document["questions"] if each["track"] is None)
        assert place["cls"] == "", "motion tells no class"
        place["cls"] = "wheelchair"
        route.fulfill(response=response, json=document)

    page.route(f"{site.origin}/api/clips/{clip}", name_class)
    page.reload()
    painted(page)
    expect(page.locator("#doubt-card .why")).to_contain_text("Is any wheelchair here?")
    press(page, "Space", "Enter")
    saved(page)
    drawing, _ = site.journal(clip)
    assert isinstance(drawing, DrawTrack)
    assert drawing.cls == "wheelchair"


def test_a_filmstrip_accepts_a_whole_track(open_page: OpenPage, site: ReviewSite) -> None:
    page = open_clip(open_page, site)
    select(page, 1)
    press(page, "y")
    see(page.locator("dialog.filmstrip canvas").first)
    expect(page.locator("dialog.filmstrip li")).to_have_count(12)
    strike(page, "Space")
    saved(page)
    assert [(each.question, each.answer) for each in answers(site)] == [("track:1", "right")]


def test_surgery_by_single_keys(open_page: OpenPage, site: ReviewSite) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    select(page, 3)
    go_to(page, 29)
    press(page, "t", "Shift+F", "p", "2")  # trimmed after 29, then filled on from 39
    saved(page)
    go_to(page, 10)
    press(page, "s")
    saved(page)
    tracks = {track.id: track for track in site.state(clip).tracks}
    assert tracks[3].frames.tolist() == [*range(10)]
    assert tracks[4].frames[0] == 10
    assert tracks[4].cls == "wheelchair"
    assert any(isinstance(each, FillTrack) for each in site.journal(clip))
    press(page, "j")
    choose(page, "4 wheelchair")
    saved(page)
    assert [track.id for track in site.state(clip).tracks] == [1, 2, 3]
    press(page, "v")
    choose(page, "lying")
    saved(page)
    described = site.journal(clip)[-1]
    assert isinstance(described, DescribeTrack)
    assert (described.start, described.value) == (10, "lying")
    press(page, "Delete")
    saved(page)
    assert [track.id for track in site.state(clip).tracks] == [1, 2]


def test_a_key_is_given_to_another_action_and_kept(open_page: OpenPage, site: ReviewSite) -> None:
    page = open_clip(open_page, site)
    press(page, "?")
    dialog = see(page.locator("dialog.help"))
    page.keyboard.type("turn view")
    dialog.get_by_role("button", name="change key: turn view").click()
    strike(page, "h")
    expect(dialog).to_contain_text("turn view is now H", timeout=TIMEOUT)
    strike(page, "Escape")
    page.reload()
    painted(page)
    strike(page, "?")
    expect(page.locator("dialog.help")).to_contain_text(re.compile(r"H\s*turn view"))
    page.get_by_role("button", name="All keys as at first").click()
    expect(page.locator("dialog.help")).to_contain_text(re.compile(r"R\s*turn view"))


def test_the_page_speaks_german_and_is_light(open_page: OpenPage, site: ReviewSite) -> None:
    page = open_clip(open_page, site, locale="de-DE", color_scheme="light")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    see(page.get_by_text("Ist hier jemand?").first)
    see(page.locator("#saved", has_text="gespeichert"))
    press(page, "Shift+L", "Shift+N")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_lists_and_forms_have_names_for_screen_readers(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_clip(open_page, site)
    unnamed = """() => [...document.querySelectorAll("button, input, [role=img], [role=listbox]")]
      .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim()))
      .map((element) => element.outerHTML)"""
    assert page.evaluate(unnamed) == []
    press(page, "?")
    assert page.evaluate(unnamed) == []
    strike(page, "Escape")
    press(page, "Shift+X")
    assert page.evaluate(unnamed) == []
