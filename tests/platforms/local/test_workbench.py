"""What is answered is on disk; what is late, torn or sent twice changes nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oneclick.core.errors import BadInput, Unavailable, UnknownName
from oneclick.core.review import Verdict
from oneclick.editing.operations import (
    AnswerQuestion,
    BadEdit,
    CarriedBoxes,
    ClassifyTrack,
    DeleteTrack,
    DescribeTrack,
    DrawTrack,
    Redo,
    Undo,
)
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.local.desk_records import AskedQuestion, DeskRecord
from oneclick.platforms.local.leases import LeaseConflict
from oneclick.platforms.local.workbench import Decided, EditConflict, EditRequest
from oneclick.stages import review
from oneclick.storage import labels, locks
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.platforms.local.desk import Server, move, waiting


def decision(clip: str, base: int, fence: int, key: str = "decide") -> EditRequest:
    return EditRequest(clip=clip, key=key, base=base, fence=fence, by="anna")


def test_an_edit_is_seen_by_another_server_and_after_a_restart(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    first, second = Server.start(tmp_path), Server.start(tmp_path)
    assert second.bench.open(clip).head == 0
    lease = first.leases.take(clip, "anna")
    result = first.edit(clip, "a", 0, lease.fence, move(1))
    assert (result.rev, [track.id for track in result.changed], result.undoable) == (1, [1], 1)
    for server in (second, Server.start(tmp_path)):
        opened = server.bench.open(clip)
        assert (opened.head, opened.undoable, opened.redoable) == (1, 1, 0)
        assert opened.state.tracks[0].boxes[3].tolist() == [5, 6, 14, 34]
    result = second.edit(clip, "b", 1, lease.fence, Undo())
    assert (result.rev, result.undoable, result.redoable) == (2, 0, 1)
    assert first.bench.open(clip).head == 2
    assert first.edit(clip, "c", 2, lease.fence, Redo()).changed[0].boxes[3, 0] == 5


def test_an_edit_sent_twice_is_done_once_and_answered_alike(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    answers = [server.edit(clip, "a", 0, lease.fence, move(1))]
    server.edit(clip, "b", 1, lease.fence, DeleteTrack(track=1))
    answers += [
        server.edit(clip, "a", 0, lease.fence, move(1)),
        Server.start(tmp_path).edit(clip, "a", 0, 0, move(1)),
    ]
    assert {answer.rev for answer in answers} == {1}
    assert {(answer.undoable, answer.redoable) for answer in answers} == {(1, 0)}
    boxes = [answer.changed[0].boxes for answer in answers]
    assert all(np.array_equal(boxes[0], each) for each in boxes)
    assert server.bench.open(clip).head == 2


def test_what_the_sender_has_not_seen_is_shown(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    server.edit(clip, "a", 0, lease.fence, move(1))
    server.edit(clip, "b", 1, lease.fence, move(2))
    with pytest.raises(EditConflict) as conflict:
        server.edit(clip, "c", 1, lease.fence, move(3))
    assert (conflict.value.head, [entry.key for entry in conflict.value.entries]) == (2, ["b"])
    with pytest.raises(EditConflict):
        server.bench.decide(decision(clip, 1, lease.fence), "accept")
    assert server.bench.open(clip).head == 2


def test_under_an_old_lease_nothing_is_changed(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    old = server.leases.take(clip, "anna")
    new = server.leases.take(clip, "ben", take=True)
    with pytest.raises(LeaseConflict, match="ben reviews"):
        server.edit(clip, "a", 0, old.fence, move(1))
    with pytest.raises(LeaseConflict):
        server.bench.decide(decision(clip, 0, old.fence), "accept")
    server.edit(clip, "b", 0, new.fence, move(1), by="ben")
    assert server.bench.open(clip).head == 1


def test_what_the_labels_do_not_allow_is_not_journalled(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    with pytest.raises(BadEdit):
        server.edit(clip, "a", 0, lease.fence, DeleteTrack(track=9))
    with pytest.raises(BadInput, match="1 to 100 characters"):
        server.edit(clip, "", 0, lease.fence, move(1))
    assert server.bench.open(clip).head == 0
    assert not server.queue.is_edited(clip)
    with pytest.raises(UnknownName, match="nowhere"):
        server.bench.open("nowhere")


def test_the_verdict_holds_the_labels_and_what_was_asked(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    server.edit(clip, "a", 0, lease.fence, move(1))
    server.edit(
        clip,
        "b",
        1,
        lease.fence,
        DescribeTrack(track=1, attribute="posture", start=2, stop=5, value="lying"),
    )
    server.edit(clip, "c", 2, lease.fence, AnswerQuestion(question="q", answer="wrong"))
    state = server.bench.open(clip).state
    asked = AskedQuestion(id="q", track=1, start=0, stop=4, expected=2.0, why="check this person")
    request = decision(clip, 3, lease.fence)
    assert server.bench.decide(request, "accept", active_seconds=12.5, asked=[asked])
    assert server.bench.decide(request, "accept")  # the answer was lost
    with pytest.raises(Decided):
        server.bench.decide(decision(clip, 3, lease.fence, "another"), "accept")
    with pytest.raises(Decided):
        server.edit(clip, "d", 3, lease.fence, move(2))
    assert server.catalog.queued() == set()
    assert review.collect(tmp_path).done == [clip]
    latest = labels.latest(Workspace(tmp_path), clip)
    assert latest is not None
    assert (latest.kind, latest.made_by, latest.revision) == ("human", "anna", 2)
    expected = replace(latest, tracks=state.tracks)
    assert labels.encode(latest) == labels.encode(expected)
    (row,) = server.catalog.verdicts()
    moved = sum(letter == "h" for letter in latest.tracks[0].origins)
    assert moved == 1
    assert (row.seconds, row.by, row.edits >= 1) == (12.5, "anna", True)
    record = DeskRecord.load(server.queue.desk_file(clip))
    assert record is not None
    assert (record.boxes, record.asked_boxes, record.head) == (10, 4, 3)
    assert [(each.id, each.answer) for each in record.questions] == [("q", "wrong")]
    assert record.edits["moved"] == row.edits


def test_accepted_as_sent_has_no_tracks_also_after_undo(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    server.edit(clip, "a", 0, lease.fence, move(1))
    server.edit(clip, "b", 1, lease.fence, Undo())
    server.bench.decide(decision(clip, 2, lease.fence), "accept")
    (verdict,) = server.queue.collect()
    assert (verdict.tracks, verdict.edits) == (None, 0)


def test_a_rejection_carries_no_labels(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    server.edit(clip, "a", 0, lease.fence, DeleteTrack(track=1))
    server.bench.decide(decision(clip, 1, lease.fence), "reject", reason="too\ndark")
    (verdict,) = server.queue.collect()
    assert (verdict.decision, verdict.tracks, verdict.edits) == ("reject", None, 10)
    assert "\n" not in verdict.reason


def test_a_drawn_person_is_carried_before_it_is_journalled(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    drawn = DrawTrack(track=2, cls="person", frame=4, box=(1, 2, 9, 30))
    asked = []

    def carry(state, operation):
        asked.append(operation)
        return CarriedBoxes(
            frames=[3, 4], boxes=[(0, 2, 8, 30), (1, 2, 9, 30)], scores=[0.5, 1.0], origins="rh"
        )

    server = Server.start(tmp_path, carrier=carry)
    lease = server.leases.take(clip, "anna")
    for _ in range(2):
        result = server.edit(clip, "a", 0, lease.fence, drawn)
        assert result.changed[0].frames.tolist() == [3, 4]
    assert len(asked) == 1
    plain = Server.start(tmp_path)
    assert plain.bench.open(clip).state.tracks[1].origins == "rh"
    alone = DrawTrack(track=3, cls="person", frame=4, box=(1, 2, 9, 30), carry=False)
    assert len(server.edit(clip, "b", 1, lease.fence, alone).changed[0].frames) == 1
    assert len(asked) == 1


def test_a_task_that_is_being_corrected_is_not_sent_over_nor_accepted_as_it_was(
    tmp_path: Path,
) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    server.edit(clip, "a", 0, lease.fence, DeleteTrack(track=1))
    other = replace(clips.auto_labels(clips.clip()), tracks=(clips.track(5),))
    list(server.queue.send([(clips.clip(), other)]))
    assert server.bench.open(clip).state.tracks == ()
    batch = review.give_verdict(tmp_path, [clip], "accept", "cli")
    assert "corrected" in batch.failed[clip]
    assert server.queue.is_open(clip)
    assert review.give_verdict(tmp_path, [clip], "reject", "cli").done == [clip]


def test_a_journal_of_other_labels_is_refused(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    server.edit(clip, "a", 0, lease.fence, move(1))
    other = replace(clips.auto_labels(clips.clip()), tracks=())
    server.queue.task_file(clip).write_bytes(labels.encode(other))
    with pytest.raises(BadInput, match="belongs to other labels"):
        server.bench.open(clip)


def test_several_people_and_servers_at_once_lose_nothing(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    servers = [Server.start(tmp_path) for _ in range(3)]
    fence = servers[0].leases.take(clip, "anna").fence
    acknowledged, lock = [], threading.Lock()

    def work(person: int) -> None:
        server = servers[person % 3]
        for number in range(8):
            while True:
                head = server.bench.open(clip).head
                key = f"{person}-{number}"
                try:
                    result = server.edit(clip, key, head, fence, move(person + number))
                except EditConflict:
                    continue
                with lock:
                    acknowledged.append((result.rev, key))
                break

    threads = [threading.Thread(target=work, args=(person,)) for person in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(rev for rev, _ in acknowledged) == list(range(1, 49))
    desk = Server.start(tmp_path).bench
    assert desk.open(clip).head == 48
    verdict = Verdict(clip=clip, decision="accept", by="x", at=clips.NOON)
    assert servers[0].queue.submit(verdict)


def test_a_lead_who_sends_text_in_place_of_a_number_is_refused(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(BadInput, match="active_seconds"):
            server.bench.decide(decision(clip, 0, lease.fence), "accept", active_seconds=seconds)
    with pytest.raises(BadEdit):
        server.edit(clip, "a", 0, lease.fence, ClassifyTrack(track=1, cls="cat"))


def test_erasing_deletes_edits_and_comments_of_that_clip_alone(tmp_path: Path) -> None:
    first, second = waiting(tmp_path, 2)
    server = Server.start(tmp_path)
    for clip in (first, second):
        fence = server.leases.take(clip, "anna").fence
        server.edit(clip, "a", 0, fence, move(1))
        assert server.bench.decide(decision(clip, 1, fence), "accept")
    root = Workspace(tmp_path).review_dir()
    report = server.queue.erase(first)
    assert {Path(path).parent.name for path in report.deleted} == {"tasks", "journal", "desk"}
    remaining = [path.name for path in root.glob("*/*") if path.parent.name != "verdicts"]
    assert not [name for name in remaining if name.startswith(first)]
    assert (root / "journal" / f"{second}.jsonl").exists()
    assert (root / "verdicts" / f"{first}.json").exists()
    assert server.queue.erase(first).deleted == ()


@pytest.mark.parametrize("is_beside", [False, True])
def test_of_two_decisions_at_once_one_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_beside: bool
) -> None:
    (clip,) = waiting(tmp_path)
    server, submit, busy = Server.start(tmp_path), LocalPlatform.submit, list[bool]()
    fence = server.leases.take(clip, "anna").fence

    def submit_alone(queue: LocalPlatform, verdict: Verdict) -> bool:
        try:
            with locks.file_lock(queue.journal_file(clip), wait=False):
                busy.append(False)
        except Unavailable:
            busy.append(True)
        return submit(queue, verdict)

    monkeypatch.setattr(LocalPlatform, "submit", submit_alone)
    if is_beside:
        review.give_verdict(tmp_path, [clip], "reject", "lea", "dark")
    else:
        server.bench.decide(decision(clip, 0, fence), "accept")
    assert busy == [True]  # the other one waits, and is told


def test_a_value_that_settings_lost_stays_in_clips_that_have_it(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    fence = server.leases.take(clip, "anna").fence
    lying = DescribeTrack(track=1, attribute="posture", start=0, stop=3, value="lying")
    first = server.edit(clip, "a", 0, fence, lying)
    for attributes in ({"posture": ("sitting",)}, {}):
        later = Server.start(tmp_path, attributes)
        (track,) = later.bench.open(clip).state.tracks
        assert track.attributes["posture"] == ((0, 3, "lying"),)
        assert later.edit(clip, "a", 0, fence, lying).rev == first.rev  # sent again
        with pytest.raises(BadEdit, match="posture"):
            later.edit(clip, "b", 1, fence, lying)
    request = EditRequest(clip=clip, key="d", base=1, fence=fence, by="anna")
    assert later.bench.decide(request, "accept")
