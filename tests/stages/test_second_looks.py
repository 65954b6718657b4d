"""A second look is blind, measures the first, and changes nothing until a lead says so."""

from __future__ import annotations

import contextlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oneclick.catalog import Catalog, verify
from oneclick.core.clips import ClipStage
from oneclick.core.errors import IllegalMove, UnknownName, UsageError
from oneclick.core.review import Decision, Verdict
from oneclick.editing.operations import DeleteTrack, MoveBox, Operation
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.local.leases import Leases
from oneclick.platforms.local.workbench import EditRequest, Workbench
from oneclick.stages import erase, rank_review, reopen, review, second_looks
from oneclick.storage import labels
from oneclick.storage.second_looks import Choice, SecondLooks, Settlement
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.platforms.local.desk import Server, sure_labels, waiting


class Killed(BaseException):
    """The process ends here."""


def accepted(home: Path, count: int = 1, share: float = 1.0, by: str = "anna") -> list[str]:
    """Accept clips as they are, and take the verdicts in."""
    ids = waiting(home, count, make_labels=sure_labels)
    review.give_verdict(home, ids, "accept", by)
    assert sorted(review.collect_own(home, share).done) == ids
    return ids


def second_server(home: Path) -> Server:
    catalog = Catalog.open(home)
    queue = second_looks.queue_of(Workspace(home))
    leases = Leases(catalog, queue)
    bench = Workbench(queue, leases, fps=lambda _: 10.0, attributes={})
    return Server(catalog, queue, leases, bench)


def look(home: Path, clip: str, *operations: Operation, by: str = "ben") -> None:
    """Review a clip a second time."""
    server = second_server(home)
    lease = server.leases.take(clip, by)
    for number, operation in enumerate(operations):
        server.edit(clip, f"e{number}", number, lease.fence, operation, by)
    request = EditRequest(clip=clip, key="d", base=len(operations), fence=lease.fence, by=by)
    assert server.bench.decide(request, "accept")
    assert review.collect_own(home).failed == {}


def test_the_second_reviewer_gets_the_labels_as_they_were_sent(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path, make_labels=sure_labels)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    server.edit(clip, "a", 0, lease.fence, DeleteTrack(track=2))
    server.bench.decide(
        EditRequest(clip=clip, key="d", base=1, fence=lease.fence, by="anna"), "accept"
    )
    review.collect_own(tmp_path, 1.0)
    with Catalog.open(tmp_path) as catalog:
        assert catalog.clip(clip).stage is ClipStage.ACCEPTED
        assert catalog.queue_page(reviewer="anna") == []
        assert [row.clip for row in catalog.queue_page(reviewer="ben")] == [clip]
        assert catalog.lease_next("anna", 60) is None
        assert catalog.lease_clip(clip, "anna", 60, take=True) is None
    second = second_server(tmp_path)
    assert second.leases.next("ben") is not None
    assert [track.id for track in second.bench.open(clip).state.tracks] == [1, 2]
    with pytest.raises(UnknownName):
        Server.start(tmp_path).bench.open(clip)


def test_a_second_look_that_agrees_leaves_nothing_to_do(tmp_path: Path) -> None:
    (clip,) = accepted(tmp_path)
    look(tmp_path, clip)
    looks = SecondLooks(Workspace(tmp_path))
    result = looks.result(clip)
    assert result is not None
    assert (result.first, result.second, result.differs) == ("anna", "ben", False)
    assert result.agreement.boxes == 1.0
    assert looks.unsettled() == []
    with Catalog.open(tmp_path) as catalog:
        assert catalog.queue_page() == []
        assert catalog.clip(clip).revision == 2


def test_what_only_one_corrected_is_for_a_lead(tmp_path: Path) -> None:
    first, second = accepted(tmp_path, 2)
    look(tmp_path, first, DeleteTrack(track=2))
    looks = SecondLooks(Workspace(tmp_path))
    (result,) = looks.unsettled()
    removed = result.corrections["removed"]
    assert (removed.first, removed.second, removed.both) == (0, 1, 0)
    second_looks.settle(tmp_path, first, "first", "lea")
    assert looks.unsettled() == []
    with pytest.raises(IllegalMove, match="settled by lea: first"):
        second_looks.settle(tmp_path, first, "second", "lea", "other")
    with pytest.raises(UnknownName):
        second_looks.settle(tmp_path, second, "first", "lea")


def test_of_two_leads_who_settle_at_once_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clip,) = accepted(tmp_path)
    look(tmp_path, clip, DeleteTrack(track=2))
    find, both = SecondLooks.settlement, threading.Barrier(2)

    def find_together(looks: SecondLooks, clip_id: str) -> Settlement | None:
        settlement = find(looks, clip_id)
        with contextlib.suppress(threading.BrokenBarrierError):  # they take turns, as they should
            both.wait(0.5)
        return settlement

    def settle(lead: str) -> str:
        try:
            return second_looks.settle(tmp_path, clip, "first", lead).by
        except IllegalMove as error:
            return str(error)

    monkeypatch.setattr(SecondLooks, "settlement", find_together)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(settle, ("lea", "max")))
    monkeypatch.undo()
    settlement = SecondLooks(Workspace(tmp_path)).settlement(clip)
    assert settlement is not None
    assert sorted(answers) == sorted(
        [settlement.by, f"clip {clip} was settled by {settlement.by}: first"]
    )


def test_the_labels_of_the_second_reviewer_take_the_place_of_the_first(tmp_path: Path) -> None:
    (clip,) = accepted(tmp_path)
    look(tmp_path, clip, DeleteTrack(track=2))
    with pytest.raises(UsageError, match="--reason"):
        second_looks.settle(tmp_path, clip, "second", "lea")
    second_looks.settle(tmp_path, clip, "second", "lea", "a shadow, no person")
    assert review.collect_own(tmp_path, 1.0).done == [clip]
    newest = labels.latest(Workspace(tmp_path), clip)
    assert newest is not None
    assert (newest.revision, newest.made_by, [track.id for track in newest.tracks]) == (
        3,
        "lea",
        [1],
    )
    with Catalog.open(tmp_path) as catalog:
        assert catalog.clip(clip).stage is ClipStage.ACCEPTED
        assert catalog.queue_page() == []


@pytest.mark.parametrize("is_collected", [False, True])
@pytest.mark.parametrize("act", ["reopened", "submitted"])
def test_a_settlement_that_was_killed_is_made_again_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, is_collected: bool
) -> None:
    (clip,) = accepted(tmp_path)
    look(tmp_path, clip, DeleteTrack(track=2))

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if act == "reopened":
            patch.setattr(LocalPlatform, "submit", die)
        else:
            patch.setattr(second_looks, "Settlement", die)
        with pytest.raises(Killed):
            second_looks.settle(tmp_path, clip, "second", "lea", "a shadow")
    if is_collected:
        review.collect_own(tmp_path)
    assert second_looks.settle(tmp_path, clip, "second", "lea", "a shadow").by == "lea"
    review.collect_own(tmp_path)
    newest = labels.latest(Workspace(tmp_path), clip)
    assert newest is not None
    assert (newest.revision, newest.made_by, len(newest.tracks)) == (3, "lea", 1)
    with Catalog.open(tmp_path) as catalog:
        assert catalog.clip(clip).stage is ClipStage.ACCEPTED


def review_again(home: Path, clip: str, decision: Decision = "accept") -> None:
    """Let carla decide about a clip in a further round; an accepted one loses track 2."""
    reopen.reopen(home, clip, "lea", "somebody is missing")
    server = Server.start(home)
    lease = server.leases.take(clip, "carla")
    server.edit(clip, "a", 0, lease.fence, DeleteTrack(track=2), "carla")
    request = EditRequest(clip=clip, key="d", base=1, fence=lease.fence, by="carla")
    assert server.bench.decide(request, decision, reason="dark" if decision == "reject" else "")
    assert review.collect_own(home).failed == {}


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_a_later_review_closes_a_comparison(tmp_path: Path, decision: Decision) -> None:
    (clip,) = accepted(tmp_path)
    look(tmp_path, clip, MoveBox(track=1, frame=3, box=(30.0, 5.0, 40.0, 35.0)))
    looks = SecondLooks(Workspace(tmp_path))
    assert len(looks.unsettled()) == 1
    review_again(tmp_path, clip, decision)
    assert looks.unsettled() == []
    before = labels.latest(Workspace(tmp_path), clip)
    choices: tuple[Choice, ...] = ("first", "second", "again")
    for choice in choices:
        with pytest.raises(IllegalMove, match="reviewed again since"):
            second_looks.settle(tmp_path, clip, choice, "lea", "somebody is missing")
    review.collect_own(tmp_path)
    after = labels.latest(Workspace(tmp_path), clip)
    assert before is not None
    assert after is not None
    assert (before.revision, before.made_by) == (after.revision, after.made_by)


@pytest.mark.parametrize("is_edited", [False, True])
def test_nobody_decides_about_a_clip_under_a_reviewer_at_work(
    tmp_path: Path, is_edited: bool
) -> None:
    (clip,) = accepted(tmp_path)
    look(tmp_path, clip, DeleteTrack(track=2))
    reopen.reopen(tmp_path, clip, "lea", "somebody is missing")
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "carla")
    if is_edited:
        server.edit(clip, "a", 0, lease.fence, DeleteTrack(track=1), "carla")
        server.leases.release(clip, "carla", lease.fence)
    with pytest.raises(IllegalMove, match="is being corrected" if is_edited else "carla reviews"):
        second_looks.settle(tmp_path, clip, "second", "lea", "a shadow")
    assert server.queue.is_open(clip)
    assert len(SecondLooks(Workspace(tmp_path)).unsettled()) == 1
    if not is_edited:
        server.leases.release(clip, "carla", lease.fence)
        assert second_looks.settle(tmp_path, clip, "second", "lea", "a shadow").choice == "second"


def test_a_killed_settlement_does_not_claim_the_verdict_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clip,) = accepted(tmp_path)
    look(tmp_path, clip, DeleteTrack(track=2))

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(LocalPlatform, "submit", die)
        with pytest.raises(Killed):
            second_looks.settle(tmp_path, clip, "second", "lea", "a shadow")
    review.give_verdict(tmp_path, [clip], "accept", "carla")
    for _ in range(2):  # before its verdict is taken in, and after
        with pytest.raises(IllegalMove, match="reviewed again since"):
            second_looks.settle(tmp_path, clip, "second", "lea", "a shadow")
        review.collect_own(tmp_path)
    assert SecondLooks(Workspace(tmp_path)).settlement(clip) is None


def test_a_clip_to_correct_again_waits_for_anybody(tmp_path: Path) -> None:
    (clip,) = accepted(tmp_path)
    look(tmp_path, clip, MoveBox(track=1, frame=3, box=(30.0, 5.0, 40.0, 35.0)))
    second_looks.settle(tmp_path, clip, "again", "lea", "both missed somebody")
    with Catalog.open(tmp_path) as catalog:
        assert catalog.clip(clip).stage is ClipStage.IN_REVIEW
        assert [row.clip for row in catalog.queue_page(reviewer="anna")] == [clip]


def test_the_queue_is_restored_from_files_with_who_is_barred(tmp_path: Path) -> None:
    (clip,) = accepted(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        catalog.dequeue([clip])
        assert rank_review.rank_waiting(tmp_path, catalog) == 1
        assert catalog.queue_page(reviewer="anna") == []
        assert [row.clip for row in catalog.queue_page(reviewer="ben")] == [clip]


def test_a_killed_comparison_is_made_again_once(tmp_path: Path) -> None:
    (clip,) = accepted(tmp_path)
    server = second_server(tmp_path)
    verdict = Verdict(clip=clip, decision="accept", by="ben", at=clips.NOON)
    server.queue.submit(verdict)
    workspace = Workspace(tmp_path)
    verdict_file = SecondLooks(workspace).queue_dir / "verdicts" / f"{clip}.json"
    submitted = verdict_file.read_bytes()
    assert second_looks.take_in(workspace, server.catalog) == {}
    result_file = SecondLooks(workspace).result_file(clip)
    content = result_file.read_bytes()
    verdict_file.write_bytes(submitted)  # killed before it was archived
    assert second_looks.take_in(workspace, server.catalog) == {}
    assert result_file.read_bytes() == content
    assert not verdict_file.exists()
    assert not server.queue.is_open(clip)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 1.0])
def test_the_sample_has_the_share_of_every_kind_of_work(tmp_path: Path, share: float) -> None:
    path, count = tmp_path / "strata.json", 40
    for stratum in ("anna person random", "ben person flicker"):
        chosen = [second_looks._is_next(path, stratum, share) for _ in range(count)]
        assert sum(chosen) == round(count * share)
        gaps = [b - a for a, b in itertools.pairwise(k for k, hit in enumerate(chosen) if hit)]
        assert max(gaps, default=0) <= (1 / share if share else 0) + 1


def test_nobody_is_asked_again_about_what_was_seen_by_nobody(tmp_path: Path) -> None:
    ids = waiting(tmp_path, make_labels=sure_labels)
    review.accept_auto(tmp_path, ids)
    review.collect_own(tmp_path, 1.0)
    assert not SecondLooks(Workspace(tmp_path)).root.exists()


def test_clips_with_a_seeded_error_are_not_looked_at_twice(tmp_path: Path) -> None:
    ids = waiting(tmp_path, 3, seeded=1.0, make_labels=sure_labels)
    review.give_verdict(tmp_path, ids, "accept", "anna")
    review.collect_own(tmp_path, 1.0)
    assert not SecondLooks(Workspace(tmp_path)).root.exists()


def test_verify_tells_of_a_second_look_that_is_lost(tmp_path: Path) -> None:
    first, second = accepted(tmp_path, 2)
    look(tmp_path, first)
    looks = SecondLooks(Workspace(tmp_path))
    with Catalog.open(tmp_path) as catalog:
        assert not any("review/second" in line for line in verify.verify(catalog))
        looks.result_file(first).unlink()
        (looks.queue_dir / "tasks" / f"{second}.json").unlink()
        lines = verify.verify(catalog)
    assert any("looks" in line and first in line for line in lines)
    assert any("its second look is lost" in line and second in line for line in lines)
    assert erase.erase(tmp_path, [second], review.LOCAL, "lea").failed == {}
    with Catalog.open(tmp_path) as catalog:
        lines = verify.verify(catalog)
    assert not any("second look is lost" in line and second in line for line in lines)
