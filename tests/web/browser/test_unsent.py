"""Edits that did not arrive: whose they are, what they belong to, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from oneclick.core.clips import ClipStage
from oneclick.editing.operations import ClassifyTrack, DrawTrack, MoveBox
from oneclick.stages import reopen, review
from tests.waits import wait_until
from tests.web.browser.conftest import OpenPage, Watch
from tests.web.browser.keyboard import (
    TIMEOUT,
    doubt_text,
    go_to,
    painted,
    press,
    saved,
    see,
    select,
    strike,
)
from tests.web.browser.review_site import ReviewSite

pytestmark = pytest.mark.browser
OFFLINE = ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "ERR_CONNECTION")
REFUSALS = ("status of 404", "status of 409", "status of 422")
FAST_HEARTBEAT = """
const setSlowly = window.setInterval;
window.setInterval = (act, wait, ...rest) => setSlowly(act, wait === 30000 ? 200 : wait, ...rest);
"""
SLOW_VERDICT = """
const fetchNow = window.fetch;
window.release = new Promise((resolve) => (window.letGo = resolve));
window.fetch = async (address, options) => {
  const answer = await fetchNow(address, options);
  if (String(address).endsWith("/verdict")) await window.release;
  return answer;
};
"""
NO_STORAGE = """
() => {
  IDBObjectStore.prototype.add = () => { throw new DOMException("full", "QuotaExceededError"); };
}
"""


@pytest.fixture(autouse=True)
def expected(watch: Watch) -> None:
    watch.expected = [*OFFLINE, *REFUSALS]


def open_clip(open_page: OpenPage, site: ReviewSite, name: str = "anna") -> Page:
    page = open_page(f"/clip/{site.clips[0].id}", name=name)
    painted(page)
    return page


def move(page: Page, track: int, at: int) -> None:
    """Move a box one px to the right."""
    select(page, track)
    go_to(page, at)
    press(page, "e", "ArrowRight", "Enter")


def go_offline(page: Page) -> None:
    """Take the network away after the pictures that are looked at."""
    go_to(page, 9)
    go_to(page, 5)
    page.context.set_offline(True)


def reopened(page: Page) -> Page:
    """Close a page as a crash does, and return another one of the browser, with a network."""
    context = page.context
    # Closing it ends its being offline before its timers and what it sends last.
    page.evaluate(
        "() => { navigator.sendBeacon = () => true; window.fetch = () => new Promise(() => {}); }"
    )
    page.close()
    context.set_offline(False)
    return context.new_page()


def offline(page: Page, count: int) -> None:
    """Wait until edits are kept, and nothing but them."""
    line = f"offline, {count} kept here"
    expect(page.locator("#saved")).to_contain_text(line, timeout=TIMEOUT)


class Other:
    """Somebody else, on another machine, through the API."""

    def __init__(self, open_page: OpenPage, site: ReviewSite, name: str = "bo") -> None:
        self.request = open_page("/login", name=name).context.request
        self.path = f"{site.origin}/api/clips/{site.clips[0].id}"
        self.fence = self.post("lease", take=True)["fence"]

    def post(self, action: str, **body: Any) -> dict[str, Any]:
        answer = self.request.post(f"{self.path}/{action}", data=body)
        assert answer.ok, answer.text()
        document: dict[str, Any] = json.loads(answer.text())
        return document

    @property
    def head(self) -> int:
        head: int = json.loads(self.request.get(self.path).text())["head"]
        return head

    def edit(self, **op: Any) -> None:
        self.post("edits", key=f"bo{self.head}", base=self.head, fence=self.fence, op=op)

    def move(self, track: int, frame: int) -> None:
        self.edit(op="move", track=track, frame=frame, box=[30, 30, 60, 90])

    def draw(self, track: int) -> None:
        box = [230, 160, 254, 220]
        self.edit(op="draw", track=track, cls="person", frame=5, box=box, carry=False, carried=None)

    def accept(self) -> None:
        self.post("verdict", key="v", base=self.head, fence=self.fence, decision="accept")


def reject(site: ReviewSite) -> None:
    """Decide about the clip elsewhere."""
    clip = site.clips[0].id
    review.give_verdict(site.home, [clip], "reject", "lea", "blurred")
    review.collect_own(site.home)
    assert site.stage(clip) is ClipStage.REJECTED


def choose_mine(page: Page) -> None:
    dialog = see(page.locator("dialog.conflict"))
    dialog.locator(".buttons button").nth(0).click()
    expect(dialog).to_have_count(0, timeout=TIMEOUT)


def kept(page: Page, user: str = "anna") -> int:
    """Return how many edits the browser keeps."""
    count: int = page.evaluate(
        """async (name) => {
          const wait = (request) =>
            new Promise((done) => (request.onsuccess = () => done(request.result)));
          const database = await wait(indexedDB.open(name));
          if (!database.objectStoreNames.length) return 0;
          return wait(database.transaction("edits").objectStore("edits").count());
        }""",
        f"oneclick-review-{user}",
    )
    return count


def test_a_person_that_both_drew_gets_a_fresh_id_over_a_reload_too(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    go_offline(page)
    press(page, "Shift+A", "ArrowLeft*3", "Enter", "2")
    offline(page, 2)
    Other(open_page, site).draw(4)
    page.context.set_offline(False)
    see(page.locator("dialog.conflict"))
    page.reload()
    expect(page.locator("#notice")).to_contain_text("2 edits not sent, kept here")
    page.locator("#notice").get_by_role("button", name="Take it over").click()
    choose_mine(page)
    saved(page)
    his, hers, change = site.journal(clip)
    assert isinstance(his, DrawTrack)
    assert isinstance(hers, DrawTrack)
    assert (his.track, hers.track, change) == (4, 5, ClassifyTrack(5, "wheelchair"))
    assert kept(page) == 0
    see(page.locator("#track-list [data-track='5']"))


def test_what_is_not_possible_after_theirs_is_named(open_page: OpenPage, site: ReviewSite) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    go_offline(page)
    move(page, 3, 5)
    move(page, 1, 5)
    offline(page, 2)
    Other(open_page, site).edit(op="delete", track=3)
    page.context.set_offline(False)
    choose_mine(page)
    saved(page)
    expect(page.locator("#notice")).to_contain_text("1 edits dropped: move 3 @ 5")
    assert [type(each).__name__ for each in site.journal(clip)] == ["DeleteTrack", "MoveBox"]
    assert kept(page) == 0


@pytest.mark.parametrize("choice", ["mine", "theirs"])
def test_edits_of_an_earlier_round_are_asked_about(
    open_page: OpenPage, site: ReviewSite, choice: str
) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    go_offline(page)
    select(page, 3)
    press(page, "Delete")
    offline(page, 1)
    page = reopened(page)
    Other(open_page, site).accept()
    wait_until(lambda: site.stage(clip) is ClipStage.ACCEPTED)
    reopen.reopen(site.home, clip, "lea", "boxes are shifted")
    page.goto(f"{site.origin}/clip/{clip}")
    dialog = see(page.locator("dialog.conflict"))
    expect(dialog).to_contain_text("an earlier round of review")
    expect(dialog).to_contain_text("delete 3")
    journal = site.workspace.review_dir() / "journal" / f"{clip}.2.jsonl"
    assert not journal.exists()
    dialog.locator(".buttons button").nth(0 if choice == "mine" else 1).click()
    expect(dialog).to_have_count(0, timeout=TIMEOUT)
    saved(page)
    assert journal.exists() is (choice == "mine")
    assert kept(page) == 0


def test_a_key_while_the_decision_is_sent_changes_nothing(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    page.evaluate(SLOW_VERDICT)
    select(page, 3)
    press(page, "Enter")
    see(page.get_by_role("dialog"))
    strike(page, "Enter")
    wait_until(lambda: (site.workspace.review_dir() / "desk" / f"{clip}.json").exists())
    press(page, "Delete")
    expect(page.locator("#toast")).to_contain_text("the decision is being sent")
    press(page, "z")
    assert kept(page) == 0
    page.evaluate("window.letGo()")
    page.wait_for_url(lambda url: clip not in url, timeout=TIMEOUT)
    assert site.journal(clip) == []


def test_a_clip_is_not_accepted_without_an_edit_that_was_refused(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    requests: list[Route] = []
    page.route("**/edits", lambda route: requests.append(route))
    move(page, 3, 5)
    press(page, "Enter")
    see(page.get_by_role("dialog"))
    strike(page, "Enter")
    while not requests:
        page.wait_for_timeout(10)
    requests[0].fulfill(status=422, body='{"error": "no"}', content_type="application/json")
    expect(page.locator("#notice")).to_contain_text(
        "Not possible: no · 1 edits dropped: move 3 @ 5"
    )
    page.unroute("**/edits")
    move(page, 3, 5)  # the page goes on
    saved(page)
    assert len(site.journal(clip)) == 1
    assert site.stage(clip) is ClipStage.IN_REVIEW


def test_a_reload_does_not_answer_the_conflict(open_page: OpenPage, site: ReviewSite) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    other = page.context.new_page()
    other.goto(page.url)
    painted(other)
    move(other, 3, 5)
    saved(other)
    page.bring_to_front()
    move(page, 3, 8)
    see(page.locator("dialog.conflict"))
    page.reload()
    see(page.locator("dialog.conflict"))
    assert len(site.journal(clip)) == 1
    choose_mine(page)
    saved(page)
    assert [each.frame for each in site.journal(clip) if isinstance(each, MoveBox)] == [5, 8]


def test_edits_wait_for_their_user_and_know_what_they_had_seen(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    go_offline(page)
    move(page, 3, 5)
    offline(page, 1)
    page = reopened(page)
    login = {"name": "bo", "password": site.password}
    assert page.context.request.post(f"{site.origin}/api/login", data=login).ok
    page.goto(f"{site.origin}/clip/{clip}")
    painted(page)
    see(page.locator("#notice")).get_by_role("button").click()
    expect(page.locator("#notice")).to_be_hidden()
    move(page, 3, 8)
    saved(page)
    login["name"] = "anna"
    assert page.context.request.post(f"{site.origin}/api/login", data=login).ok
    page.goto(f"{site.origin}/clip/{clip}")
    painted(page)
    expect(page.locator("#notice")).to_contain_text("1 edits not sent, kept here")
    page.locator("#notice").get_by_role("button", name="Take it over").click()
    see(page.locator("dialog.conflict"))
    assert [each.frame for each in site.journal(clip) if isinstance(each, MoveBox)] == [8]


def test_who_signs_out_is_asked_about_unsent_edits(open_page: OpenPage, site: ReviewSite) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    go_offline(page)
    move(page, 3, 5)
    offline(page, 1)
    page = reopened(page)
    page.goto(f"{site.origin}/account")
    button = page.locator("#logout")
    button.click()
    expect(page.locator("#message")).to_contain_text(
        f"not sent are kept in this browser. Open their clip to send them: {clip}"
    )
    expect(button).to_have_text("Sign out and drop them")
    assert kept(page) == 1
    page.locator("#message a").click()
    painted(page)
    saved(page)
    assert len(site.journal(clip)) == 1
    page.goto(f"{site.origin}/account")
    page.locator("#logout").click()
    page.wait_for_url("**/login", timeout=TIMEOUT)


def test_who_signs_out_drops_their_own_edits_only(open_page: OpenPage, site: ReviewSite) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    go_offline(page)
    move(page, 3, 5)
    offline(page, 1)
    page = reopened(page)
    for name, count in (("bo", 1), ("anna", 0)):
        login = {"name": name, "password": site.password}
        assert page.context.request.post(f"{site.origin}/api/login", data=login).ok
        page.goto(f"{site.origin}/account")
        button = page.locator("#logout")
        button.click()
        if name == "anna":
            expect(button).to_have_text("Sign out and drop them")
            button.click()
        page.wait_for_url("**/login", timeout=TIMEOUT)
        assert kept(page) == count
    assert site.journal(clip) == []


def test_a_clip_that_was_decided_elsewhere_is_only_shown(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_page("/login")
    page.context.add_init_script(FAST_HEARTBEAT)
    page.goto(f"{site.origin}/clip/{site.clips[0].id}")
    painted(page)
    reject(site)
    expect(page.locator("#notice")).to_contain_text("Only to look at: it was rejected")
    expect(page.locator("dialog")).to_have_count(0)
    select(page, 3)
    press(page, "Delete")
    expect(page.locator("#toast")).to_contain_text("Only to look at")


def test_edits_that_come_after_the_decision_are_kept_and_offered(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    go_offline(page)
    move(page, 3, 5)
    move(page, 3, 6)
    offline(page, 2)
    reject(site)
    page.context.set_offline(False)
    for _ in range(2):
        notice = page.locator("#notice")
        expect(notice).to_contain_text("Only to look at: it was rejected", timeout=TIMEOUT)
        expect(notice).to_contain_text("2 edits not sent, kept here")
        expect(page.locator("#saved")).to_contain_text("2 edits not sent")
        assert kept(page) == 2
        page.reload()
        painted(page)
    drop = page.get_by_role("button", name="Drop 2 unsent edits")
    expect(drop).to_have_attribute("title", "move 3 @ 5, move 3 @ 6")
    drop.click()
    expect(drop).to_have_count(0)
    assert kept(page) == 0
    assert site.journal(clip) == []


def test_after_a_refused_edit_the_others_are_sent(open_page: OpenPage, site: ReviewSite) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    go_offline(page)
    for at in (5, 6, 7):
        move(page, 3, at)
    offline(page, 3)
    refusal = {"status": 422, "body": '{"error": "no"}', "content_type": "application/json"}
    page.context.route("**/edits", lambda route: route.fulfill(**refusal), times=1)  # type: ignore[arg-type]
    page.context.set_offline(False)
    saved(page)
    expect(page.locator("#notice")).to_contain_text(
        "Not possible: no · 1 edits dropped: move 3 @ 5"
    )
    assert [each.frame for each in site.journal(clip) if isinstance(each, MoveBox)] == [6, 7]
    assert kept(page) == 0


def test_a_conflict_stays_until_it_is_answered(open_page: OpenPage, site: ReviewSite) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    Other(open_page, site).move(1, 5)
    move(page, 3, 5)
    see(page.locator("dialog.conflict"))
    for _ in range(3):
        page.keyboard.press("Escape")
    see(page.locator("dialog.conflict"))
    choose_mine(page)
    saved(page)
    assert [each.track for each in site.journal(clip) if isinstance(each, MoveBox)] == [1, 3]


def test_undo_after_theirs_goes_on_edit_by_edit(open_page: OpenPage, site: ReviewSite) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    while "Check this" not in doubt_text(page):
        press(page, "n")
    other = Other(open_page, site)
    for frame in (3, 20, 30):
        other.move(1, frame)
    press(page, "x")  # a step of two edits
    dialog = see(page.locator("dialog.conflict"))
    dialog.locator(".buttons button").nth(1).click()
    expect(dialog).to_have_count(0, timeout=TIMEOUT)
    press(page, "z")
    saved(page)
    assert [type(each).__name__ for each in site.journal(clip)] == ["MoveBox"] * 3 + ["Undo"]


def test_steps_of_before_are_forgotten_where_somebody_else_edited(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    while "Check this" not in doubt_text(page):
        press(page, "n")
    press(page, "x")
    saved(page)
    other = Other(open_page, site)
    for frame in (3, 20):
        other.move(1, frame)
    page.reload()
    painted(page)
    see(page.locator("#notice")).get_by_role("button").click()
    expect(page.locator("#notice")).to_be_hidden()
    press(page, "z")
    saved(page)
    assert [type(each).__name__ for each in site.journal(clip)][-2:] == ["MoveBox", "Undo"]


def test_who_takes_over_a_clip_that_was_decided_learns_it(
    open_page: OpenPage, site: ReviewSite
) -> None:
    open_clip(open_page, site, "bo")
    page = open_clip(open_page, site)
    notice = page.locator("#notice")
    expect(notice).to_contain_text("bo is reviewing this clip")
    reject(site)
    notice.get_by_role("button").click()
    expect(notice).to_contain_text("Only to look at: it was rejected", timeout=TIMEOUT)
    expect(notice.get_by_role("button")).to_have_count(0)


def test_the_page_says_so_where_the_browser_keeps_nothing(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_clip(open_page, site)
    page.evaluate(NO_STORAGE)
    go_offline(page)
    move(page, 3, 5)
    expect(page.locator("#saved")).to_contain_text("offline, 1 only on this page")
    page.context.set_offline(False)
    saved(page)
    assert len(site.journal(site.clips[0].id)) == 1
