"""Review: what goes out, what comes back, and that nothing a person did is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from oneclick import report
from oneclick.catalog import Catalog, owner_id, rebuild, schema
from oneclick.catalog.review_checks import ReviewCheck
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelSet
from oneclick.core.results import BatchResult
from oneclick.core.review import Verdict
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.local import queue as review_queue
from oneclick.stages import erase, maintain, quarantine, reopen, review
from oneclick.storage import files, labels, locks, verdicts
from oneclick.storage.locks import WriteLock
from oneclick.storage.verdicts import VerdictFile
from oneclick.storage.workspace import Workspace
from tests.fakes import clips


def stage(home: Path, clip_id: str) -> ClipStage:
    with Catalog.open(home) as catalog:
        return catalog.clip(clip_id).stage


@pytest.fixture
def waiting(tmp_path: Path) -> list[str]:
    names = [clip.id for clip in clips.labelled(tmp_path, 3)]
    assert review.send(tmp_path, names).done == names
    return names


def test_sending_twice_sends_once(tmp_path: Path, waiting: list[str]) -> None:
    again = review.send(tmp_path, waiting)
    assert (again.done, again.skipped) == ([], waiting)
    assert stage(tmp_path, waiting[0]) is ClipStage.IN_REVIEW


def test_a_clip_decided_while_somebody_else_sends_it_leaves_no_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sends it too has seen that nobody decided; its task is written when all is over."""
    (name,) = [clip.id for clip in clips.labelled(tmp_path, 1)]
    is_looking, is_over = threading.Event(), threading.Event()
    encode = review_queue._encode_task

    def encode_slowly(label_set: LabelSet) -> bytes:
        if threading.current_thread() is other:
            is_looking.set()
            is_over.wait()
        return encode(label_set)

    monkeypatch.setattr(review_queue, "_encode_task", encode_slowly)
    other = threading.Thread(target=review.send, args=(tmp_path, [name]))
    with locks.hold(Workspace(tmp_path), WriteLock.REVIEW):
        other.start()
        is_looking.wait(1.0)  # in vain, or this machine is slow: the test holds either way
        review.send(tmp_path, [name])
        review.give_verdict(tmp_path, [name], "accept", "anna")
        review.collect(tmp_path)
    is_over.set()
    other.join()
    assert stage(tmp_path, name) is ClipStage.ACCEPTED
    assert not LocalPlatform(Workspace(tmp_path).review_dir()).has(name)


def test_a_verdict_that_the_catalog_lost_is_taken_in_by_the_next_pass(
    tmp_path: Path, waiting: list[str]
) -> None:
    """It is archived and its task is gone: the clip would stay in review for ever."""
    review.give_verdict(tmp_path, waiting[:1], "reject", "anna", "dark")
    review.collect(tmp_path)
    with Catalog.open(tmp_path) as catalog, catalog.transaction() as connection:
        connection.execute(sa.delete(schema.verdicts))
        connection.execute(sa.update(schema.clips).values(stage="IN_REVIEW"))
    review.collect(tmp_path)
    assert [stage(tmp_path, name) for name in waiting] == ["REJECTED", "IN_REVIEW", "IN_REVIEW"]
    with Catalog.open(tmp_path) as catalog:
        assert [(row.clip, row.reason) for row in catalog.verdicts()] == [(waiting[0], "dark")]


def test_clips_that_somebody_else_is_sending_are_left_alone(tmp_path: Path) -> None:
    names = [clip.id for clip in clips.labelled(tmp_path, 3)]
    with Catalog.open(tmp_path) as catalog:
        assert catalog.claim(ClipStage.LABELLED, "somebody", 1, 60) == names[:1]
    assert review.send_all(tmp_path, review.LOCAL, 60).done == names[1:]
    with Catalog.open(tmp_path) as catalog:
        catalog.release("somebody")
    assert review.send_all(tmp_path, review.LOCAL, 60).done == names[:1]


def test_an_accepted_clip_gets_a_human_revision(tmp_path: Path, waiting: list[str]) -> None:
    review.give_verdict(tmp_path, waiting[:1], "accept", "annotator-1")
    assert review.collect(tmp_path).done == waiting[:1]
    label_set = labels.latest(Workspace(tmp_path), waiting[0])
    assert label_set is not None
    assert (label_set.revision, label_set.kind, label_set.parent) == (2, "human", 1)
    assert label_set.made_by == "annotator-1"
    assert stage(tmp_path, waiting[0]) is ClipStage.ACCEPTED


def test_what_nobody_looked_at_is_never_called_human(tmp_path: Path, waiting: list[str]) -> None:
    review.accept_auto(tmp_path, waiting)
    review.collect(tmp_path)
    label_set = labels.latest(Workspace(tmp_path), waiting[0])
    assert label_set is not None
    assert (label_set.revision, label_set.kind) == (1, "auto")
    effort = report.review_effort(tmp_path)
    assert (effort.clips, effort.by_policy) == (0, 3)


def test_a_person_who_was_faster_than_the_policy_wins(tmp_path: Path, waiting: list[str]) -> None:
    review.give_verdict(tmp_path, waiting[:1], "reject", "annotator-1", "no consent")
    assert review.accept_auto(tmp_path, waiting).skipped == waiting[:1]
    review.collect(tmp_path)
    assert stage(tmp_path, waiting[0]) is ClipStage.REJECTED
    assert stage(tmp_path, waiting[1]) is ClipStage.ACCEPTED


def test_corrected_boxes_and_what_they_cost_are_kept(tmp_path: Path, waiting: list[str]) -> None:
    queue = LocalPlatform(Workspace(tmp_path).review_dir())
    tracks = (clips.track(1, 2.0, "h"),)
    queue.submit(
        Verdict(
            clip=waiting[0],
            decision="accept",
            by="annotator-2",
            at=clips.NOON,
            tracks=tracks,
            seconds=30.0,
            edits=10,
        )
    )
    review.collect(tmp_path)
    label_set = labels.latest(Workspace(tmp_path), waiting[0])
    assert label_set is not None
    np.testing.assert_allclose(label_set.tracks[0].boxes, tracks[0].boxes, atol=0.01)
    effort = report.review_effort(tmp_path)
    assert effort.edits_per_100_boxes == pytest.approx(100.0)
    assert effort.seconds_per_image == pytest.approx(3.0)
    assert report.origins(tmp_path) == {"d": 20, "h": 10}


def test_a_verdict_taken_in_twice_counts_once(
    tmp_path: Path, waiting: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    review.give_verdict(tmp_path, waiting, "accept", "annotator-1")
    with monkeypatch.context() as patch:
        # As if killed after the move and before the platform heard of it.
        patch.setattr(LocalPlatform, "acknowledge", lambda *_: None)
        review.collect(tmp_path)
    again = review.collect(tmp_path)
    assert (again.done, again.skipped, again.failed) == ([], waiting, {})
    assert report.review_effort(tmp_path).clips == 3
    assert len(labels.revisions(Workspace(tmp_path), waiting[0])) == 2


def test_a_verdict_on_a_clip_elsewhere_is_kept_and_named(
    tmp_path: Path, waiting: list[str]
) -> None:
    review.give_verdict(tmp_path, waiting, "accept", "annotator-1")
    with Catalog.open(tmp_path) as catalog:
        catalog.quarantine(waiting[0], "broken picture", "test")
    result = review.collect(tmp_path)
    assert list(result.failed) == waiting[:1]
    assert "QUARANTINED" in result.failed[waiting[0]]
    assert result.done == waiting[1:]
    with Catalog.open(tmp_path) as catalog:
        catalog.retry(waiting[0], "test")
    assert review.collect(tmp_path).done == waiting[:1]


def test_a_verdict_after_another_is_told_once_and_kept(tmp_path: Path, waiting: list[str]) -> None:
    """As versions before left it: after a kill a task stayed, and somebody decided again."""
    review.give_verdict(tmp_path, waiting[:1], "accept", "anna")
    review.collect(tmp_path)
    late = Verdict(clip=waiting[0], decision="reject", by="ben", at=clips.NOON)
    root = Workspace(tmp_path).review_dir()
    files.write_json(root / "verdicts" / f"{waiting[0]}.json", VerdictFile.encode(late, None))
    assert "changes nothing" in review.collect(tmp_path).failed[waiting[0]]
    assert review.collect(tmp_path) == BatchResult()
    assert stage(tmp_path, waiting[0]) is ClipStage.ACCEPTED
    assert len(list((root / "late").iterdir())) == 1


def test_a_clip_whose_labels_are_broken_falls_and_the_others_go(tmp_path: Path) -> None:
    names = [clip.id for clip in clips.labelled(tmp_path, 2)]
    (path,) = labels.revisions(Workspace(tmp_path), names[0])
    path.write_text("{")
    result = review.send(tmp_path, names)
    assert result.done == names[1:]
    assert str(path) in result.failed[names[0]]
    assert stage(tmp_path, names[0]) is ClipStage.QUARANTINED
    assert Workspace(tmp_path).quarantine_card(names[0]).exists()


def verification(home: Path) -> list[str]:
    with Catalog.open(home) as catalog:
        return ReviewCheck(catalog, deep=True).run()


@pytest.mark.parametrize("remedy", ["collect", "send"])
def test_a_clip_in_review_whose_task_is_lost_is_named_and_sent_again(
    tmp_path: Path, waiting: list[str], remedy: str
) -> None:
    task = Workspace(tmp_path).review_dir() / "tasks" / f"{waiting[0]}.json"
    content = task.read_bytes()
    task.unlink()
    assert verification(tmp_path) == [
        f"clip {waiting[0]}: is in review, but its task is lost: oneclick review send {waiting[0]}"
    ]
    if remedy == "send":
        assert review.send(tmp_path, waiting[:1], again=True).done == waiting[:1]
    else:
        assert review.collect(tmp_path) == BatchResult()
    assert task.read_bytes() == content
    assert verification(tmp_path) == []


def test_a_task_that_was_changed_is_shown_to_nobody(tmp_path: Path, waiting: list[str]) -> None:
    task = Workspace(tmp_path).review_dir() / "tasks" / f"{waiting[0]}.json"
    task.write_text(task.read_text().replace("person", "persom"))
    with pytest.raises(BadInput, match=f"oneclick review send {waiting[0]}"):
        LocalPlatform(Workspace(tmp_path).review_dir()).task_labels(waiting[0])
    (line,) = verification(tmp_path)
    assert str(task) in line
    review.send(tmp_path, waiting[:1], again=True)
    assert verification(tmp_path) == []


@pytest.mark.parametrize("number", [0, 1])
def test_a_receipt_of_an_erasure_that_is_lost_is_named(
    tmp_path: Path, waiting: list[str], number: int
) -> None:
    """The newest too; erasures at once lose no receipt of each other."""
    with ThreadPoolExecutor(3) as pool:
        erasures = [
            pool.submit(erase.erase, tmp_path, [clip_id], review.LOCAL, "anna")
            for clip_id in waiting
        ]
    assert [erasure.result().done for erasure in erasures] == [[clip_id] for clip_id in waiting]
    receipts = sorted(Workspace(tmp_path).receipts_dir().iterdir())
    assert len(receipts) == 3
    assert verification(tmp_path) == []
    receipts[-number].unlink()
    assert verification(tmp_path) == [
        f"review: {receipts[-number]} is missing: restore it from a backup"
    ]


def test_a_receipt_that_was_changed_is_named(tmp_path: Path, waiting: list[str]) -> None:
    erase.erase(tmp_path, waiting[:1], review.LOCAL, "anna")
    (receipt,) = Workspace(tmp_path).receipts_dir().iterdir()
    receipt.write_text(receipt.read_text().replace("anna", "anne"))
    (line,) = verification(tmp_path)
    assert f"receipt: {receipt} was changed after it was written" in line


def test_a_late_verdict_that_is_lost_is_named(tmp_path: Path, waiting: list[str]) -> None:
    late = Verdict(clip=waiting[0], decision="reject", by="ben", at=clips.NOON)
    path = verdicts.save_late(Workspace(tmp_path), late)
    assert verification(tmp_path) == []
    path.unlink()
    assert verification(tmp_path) == [f"review: {path} is missing: restore it from a backup"]


def rebuild_catalog(home: Path) -> None:
    card = Workspace(home).video_card(clips.VIDEO.camera, clips.VIDEO.id)
    files.write_json(card, clips.VIDEO)
    rebuild.rebuild(home)


@pytest.mark.parametrize("is_sent", [True, False])
def test_an_erased_clip_is_rejected_for_good_and_never_sent_again(
    tmp_path: Path, is_sent: bool
) -> None:
    (name,) = [clip.id for clip in clips.labelled(tmp_path, 1)]
    if is_sent:
        review.send(tmp_path, [name])
    assert erase.erase(tmp_path, [name], review.LOCAL, "lea").done == [name]
    assert stage(tmp_path, name) is ClipStage.REJECTED
    rebuild_catalog(tmp_path)
    assert stage(tmp_path, name) is ClipStage.REJECTED
    assert review.send_all(tmp_path, review.LOCAL, 60.0).done == []
    assert review.pending_clips(tmp_path) == []


def test_a_clip_whose_erasure_the_catalog_does_not_know_is_rejected_instead_of_sent(
    tmp_path: Path, waiting: list[str]
) -> None:
    """It was erased before it had labels, by an earlier version."""
    erase.erase(tmp_path, waiting[:1], review.LOCAL, "lea")
    with Catalog.open(tmp_path) as catalog:
        catalog.advance(waiting[0], ClipStage.REJECTED, ClipStage.LABELLED, "test")
    assert review.send(tmp_path, waiting[:1]).skipped == waiting[:1]
    assert stage(tmp_path, waiting[0]) is ClipStage.REJECTED
    assert waiting[0] not in review.pending_clips(tmp_path)


def test_retry_refuses_a_clip_that_was_erased(tmp_path: Path, waiting: list[str]) -> None:
    name, other, _ = waiting
    quarantine.quarantine(tmp_path, [other], "covered")
    erase.erase(tmp_path, [name], review.LOCAL, "lea")
    with Catalog.open(tmp_path) as catalog:  # as an earlier version left it
        catalog.advance(name, ClipStage.REJECTED, ClipStage.LABELLED, "test")
        quarantine.quarantine_clip(Workspace(tmp_path), catalog, name, "erased", "lea")
    result = maintain.retry(tmp_path)
    assert (result.done, list(result.failed)) == ([other], [name])
    assert stage(tmp_path, name) is ClipStage.REJECTED
    assert maintain.retry(tmp_path, [name]).skipped == [name]


def test_a_quarantined_clip_that_is_erased_is_rejected(tmp_path: Path, waiting: list[str]) -> None:
    quarantine.quarantine(tmp_path, waiting[:1], "covered")
    assert erase.erase(tmp_path, waiting[:1], review.LOCAL, "lea").done == waiting[:1]
    assert stage(tmp_path, waiting[0]) is ClipStage.REJECTED
    rebuild_catalog(tmp_path)
    assert stage(tmp_path, waiting[0]) is ClipStage.REJECTED


def test_a_clip_that_somebody_is_sending_is_not_erased(tmp_path: Path) -> None:
    (name,) = [clip.id for clip in clips.labelled(tmp_path, 1)]
    with Catalog.open(tmp_path) as catalog:
        catalog.claim(ClipStage.LABELLED, owner_id(), 1, 60.0)
    result = erase.erase(tmp_path, [name], review.LOCAL, "lea")
    assert result.failed == {name: f"clip {name} is being worked on: erase it again in a while"}
    assert stage(tmp_path, name) is ClipStage.LABELLED


def test_accepted_work_outlives_an_erasure_and_can_be_reviewed_again(
    tmp_path: Path, waiting: list[str]
) -> None:
    name = waiting[0]
    review.give_verdict(tmp_path, [name], "accept", "anna")
    review.collect(tmp_path)
    erase.erase(tmp_path, [name], review.LOCAL, "lea")
    rebuild_catalog(tmp_path)
    assert stage(tmp_path, name) is ClipStage.ACCEPTED
    reopen.reopen(tmp_path, name, "lea", "somebody lies on the floor")
    (Workspace(tmp_path).review_dir() / "tasks" / f"{name}.json").unlink()
    review.collect(tmp_path)  # sends the lost task again
    assert name in review.pending_clips(tmp_path)
    rebuild_catalog(tmp_path)
    assert stage(tmp_path, name) is ClipStage.IN_REVIEW
