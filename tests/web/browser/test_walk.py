"""The claim: a keyboard alone, from sign-in to a clip accepted exactly, and one rejected."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from oneclick.catalog import Catalog
from oneclick.core import boxes
from oneclick.core.clips import ClipStage
from oneclick.core.labels import LabelTrack
from oneclick.editing import operations
from oneclick.editing.history import History
from oneclick.editing.operations import DrawTrack, Operation
from oneclick.editing.state import EditState, track_document
from oneclick.storage import labels
from tests.waits import wait_until
from tests.web.browser.conftest import OpenPage
from tests.web.browser.keyboard import (
    TIMEOUT,
    choose,
    doubt_text,
    draw_at,
    go_to,
    painted,
    press,
    saved,
    see,
    select,
    strike,
)
from tests.web.browser.review_site import ATTRIBUTES, FPS, PEOPLE, ReviewSite, faulty_labels

pytestmark = pytest.mark.browser
MISSING = PEOPLE[3]


def document(state: EditState) -> list[object]:
    return [track_document(track) for track in state.tracks]


def test_keyboard_alone_from_sign_in_to_accepted(open_page: OpenPage, site: ReviewSite) -> None:
    page = open_page("/", name="")
    see(page.locator("#name"))
    page.keyboard.type("anna")
    strike(page, "Tab")
    page.keyboard.type(site.password)
    strike(page, "Enter")
    expect(page.locator("#next")).to_be_focused(timeout=TIMEOUT)
    strike(page, "Enter")
    page.wait_for_url("**/clip/**", timeout=TIMEOUT)
    painted(page)
    clip = page.url.rsplit("/", 1)[-1]
    first = EditState.from_labels(faulty_labels(clip), FPS, ATTRIBUTES)

    # A doubt is right as it is; those before it ask whether somebody is there.
    while "Check this person" not in doubt_text(page):
        assert "Is anybody here?" in doubt_text(page)
        press(page, "n")
    press(page, "Space")
    # A box is fixed: six px to the right, two px taller.
    select(page, 3)
    go_to(page, 30)
    press(page, "e", "ArrowRight*6", "Alt+ArrowDown*2", "Enter")
    # Two people swapped their ids.
    select(page, 1)
    go_to(page, 20)
    press(page, "w")
    choose(page, "2 person")
    # The labels miss somebody: one box, drawn by arrow keys, for the whole clip.
    go_to(page, 16)
    box = [float(round(value)) for value in MISSING.boxes[16]]
    press(page, "a")
    draw_at(page, box)
    press(page, "Enter")
    saved(page)
    # A posture over a range.
    select(page, 2)
    go_to(page, 5)
    press(page, "[")
    press(page, "f*5", "]", "v")
    choose(page, "sitting")
    saved(page)
    done = site.journal(clip)
    assert [type(each).__name__ for each in done] == [
        "AnswerQuestion",
        "MoveBox",
        "SwapTracks",
        "DrawTrack",
        "DescribeTrack",
    ]
    drawn = done[3]
    assert isinstance(drawn, DrawTrack)
    assert drawn.carried is not None
    assert list(drawn.box) == box

    # Everything is taken back, and done again.
    press(page, "z*5")
    saved(page)
    assert document(site.state(clip)) == document(first)
    press(page, "Shift+Z*5")
    saved(page)

    press(page, "Enter")
    see(page.get_by_role("dialog")).get_by_text("4 edits").wait_for()
    strike(page, "Enter")
    page.wait_for_url(lambda url: "/clip/" in url and clip not in url, timeout=TIMEOUT)
    wait_until(lambda: site.stage(clip) is ClipStage.ACCEPTED)
    moved = PEOPLE[2].boxes[30].astype(float).tolist()
    moved = (moved[0] + 6, moved[1], moved[2] + 6, moved[3] + 2)
    question = done[0]
    expected: list[Operation] = [
        question,
        operations.MoveBox(3, 30, moved),
        operations.SwapTracks(1, 2, 20),
        DrawTrack(
            track=4, cls="person", frame=16, box=drawn.box, carry=True, carried=drawn.carried
        ),
        operations.DescribeTrack(2, "posture", 5, 11, "sitting"),
    ]
    accepted = labels.latest(site.workspace, clip)
    assert accepted is not None
    assert accepted.kind == "human"
    assert accepted.made_by == "anna"
    expected_tracks = json.loads(json.dumps(document(History(first, expected).state)))
    assert (
        json.loads(json.dumps([track_document(track) for track in accepted.tracks]))
        == expected_tracks
    )
    check_missing_person(accepted.tracks[3])

    # The next clip is rejected with a reason.
    painted(page)
    other = page.url.rsplit("/", 1)[-1]
    press(page, "Shift+X")
    choose(page, "Too blurred")
    page.wait_for_url(f"{site.origin}/", timeout=TIMEOUT)
    wait_until(lambda: site.stage(other) is ClipStage.REJECTED)
    with Catalog.open(site.home) as catalog:
        assert [row.reason for row in catalog.verdicts() if row.clip == other] == [
            "Too blurred to tell"
        ]
    see(page.get_by_text("No clip waits for review."))


def check_missing_person(track: LabelTrack) -> None:
    """The drawn person is where they are, in almost every frame."""
    overlaps = boxes.iou(track.boxes, MISSING.boxes[track.frames]).diagonal()
    assert (overlaps > 0.5).sum() >= 0.9 * len(MISSING.frames)
