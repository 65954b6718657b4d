"""A clip that was decided is reviewed again: nothing of the first round is lost or done again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from oneclick.catalog import Catalog, rebuild, verify
from oneclick.catalog.reconcile import bring_up_to_date, reconcile
from oneclick.core.clips import ClipStage
from oneclick.core.errors import IllegalMove, UnknownName, UsageError
from oneclick.core.review import Verdict
from oneclick.platforms.local import LocalPlatform
from oneclick.stages import publish, reopen, review
from oneclick.storage import datasets, files, labels, reopenings
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.platforms.local.desk import Server, move, waiting
from tests.stages import accepted

REASON = "somebody lies on the floor"


def stage(home: Path, clip: str) -> ClipStage:
    with Catalog.open(home) as catalog:
        return catalog.clip(clip).stage


def accepted_once(home: Path) -> str:
    (clip,) = waiting(home)
    review.give_verdict(home, [clip], "accept", "anna")
    assert review.collect(home).done == [clip]
    return clip


def correct(home: Path, clip: str, by: str = "ben") -> Verdict:
    """Give a verdict with one track moved, on our own platform."""
    queue = LocalPlatform(Workspace(home).review_dir())
    task = queue.task_labels(clip)
    track = task.tracks[0]
    moved = replace(track, boxes=track.boxes + 1)
    verdict = Verdict(clip=clip, decision="accept", by=by, at=clips.NOON, tracks=(moved,), edits=3)
    assert queue.submit(verdict)
    return verdict


def test_an_accepted_clip_waits_again_with_its_newest_labels(tmp_path: Path) -> None:
    clip = accepted_once(tmp_path)
    begun = reopen.reopen(tmp_path, clip, "lea", REASON)
    assert (begun.round, begun.revision, begun.reason) == (2, 2, REASON)
    queue = LocalPlatform(Workspace(tmp_path).review_dir())
    assert (queue.pending(), stage(tmp_path, clip)) == ([clip], ClipStage.IN_REVIEW)
    assert queue.task_labels(clip).revision == 2
    with Catalog.open(tmp_path) as catalog:
        assert catalog.in_review() == {"local": 1}
        assert catalog.events(clip)[-1].detail == f"local: {REASON}"
        assert catalog.queued() == {clip}
    assert reopen.reopen(tmp_path, clip, "lea", "again").round == 2
    correct(tmp_path, clip)
    assert review.collect(tmp_path).done == [clip]
    latest = labels.latest(Workspace(tmp_path), clip)
    assert latest is not None
    assert (latest.revision, latest.parent, latest.made_by) == (3, 2, "ben")
    assert (queue.pending(), stage(tmp_path, clip)) == ([], ClipStage.ACCEPTED)
    assert len(list((tmp_path / "review" / "archive").glob("*.json"))) == 2
    assert review.collect(tmp_path).done == []
    assert reopen.reopen(tmp_path, clip, "lea", "once more").round == 3


def test_only_what_was_accepted_can_be_reopened_and_with_a_reason(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    with pytest.raises(IllegalMove, match="IN_REVIEW"):
        reopen.reopen(tmp_path, clip, "lea", REASON)
    with pytest.raises(UsageError, match="--reason"):
        reopen.reopen(tmp_path, clip, "lea", " \n")
    with pytest.raises(UnknownName):
        reopen.reopen(tmp_path, "nowhere", "lea", REASON)
    review.give_verdict(tmp_path, [clip], "accept", "anna")
    with pytest.raises(IllegalMove, match="IN_REVIEW"):  # decided, and not taken in
        reopen.reopen(tmp_path, clip, "lea", REASON)
    assert not (tmp_path / "review" / "reopened").exists()


def test_edits_of_the_second_round_are_in_a_journal_of_their_own(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    lease = server.leases.take(clip, "anna")
    server.edit(clip, "a", 0, lease.fence, move(1))
    first = server.queue.journal_file(clip)
    assert server.queue.submit(Verdict(clip=clip, decision="accept", by="anna", at=clips.NOON))
    review.collect(tmp_path)
    reopen.reopen(tmp_path, clip, "lea", REASON)
    lease = server.leases.take(clip, "ben")
    assert server.bench.open(clip).head == 0
    server.edit(clip, "a", 0, lease.fence, move(2), by="ben")
    second = server.queue.journal_file(clip)
    assert (first.name, second.name) == (f"{clip}.jsonl", f"{clip}.2.jsonl")
    assert first.read_bytes().count(b"\n") == second.read_bytes().count(b"\n") == 1


def test_a_rebuild_and_verify_understand_rounds(tmp_path: Path) -> None:
    clip = accepted_once(tmp_path)
    for number in range(2):
        reopen.reopen(tmp_path, clip, "lea", REASON)
        for expected in (ClipStage.IN_REVIEW, ClipStage.ACCEPTED):
            rebuild.rebuild(tmp_path)
            assert stage(tmp_path, clip) is expected
            with Catalog.open(tmp_path) as catalog:
                problems = verify.verify(catalog)
                assert [line for line in problems if "missing" not in line] == []  # no video here
            if expected is ClipStage.IN_REVIEW:
                correct(tmp_path, clip, f"person-{number}")
                review.collect(tmp_path)


@pytest.mark.parametrize("written", ["reopening", "task"])
def test_killed_in_between_the_next_pass_finishes_the_reopening(
    tmp_path: Path, written: str
) -> None:
    clip = accepted_once(tmp_path)
    workspace = Workspace(tmp_path)
    queue = LocalPlatform(workspace.review_dir())
    latest = labels.latest(workspace, clip)
    assert latest is not None
    queue.reopen(latest, "lea", clips.NOON, REASON)
    if written == "reopening":
        queue.task_file(clip).unlink()
    bring_up_to_date(tmp_path)
    assert stage(tmp_path, clip) is ClipStage.IN_REVIEW
    assert reopen.reopen(tmp_path, clip, "lea", REASON).round == 2
    assert queue.pending() == [clip]


def test_a_verdict_that_is_being_taken_in_is_no_reason_to_go_back(tmp_path: Path) -> None:
    """Killed after the catalog has the second verdict, before it is archived."""
    clip = accepted_once(tmp_path)
    reopen.reopen(tmp_path, clip, "lea", REASON)
    verdict = correct(tmp_path, clip)
    workspace = Workspace(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        assert review.import_verdict(workspace, catalog, verdict)
        reconcile(catalog)
        assert catalog.clip(clip).stage is ClipStage.ACCEPTED
    assert review.collect(tmp_path).skipped == [clip]
    assert stage(tmp_path, clip) is ClipStage.ACCEPTED


def test_an_older_catalog_takes_in_the_second_round(tmp_path: Path) -> None:
    clip = accepted_once(tmp_path)
    old = (tmp_path / "catalog.sqlite").read_bytes()
    with Catalog.open(tmp_path) as catalog:
        catalog.sync()
    reopen.reopen(tmp_path, clip, "lea", REASON)
    correct(tmp_path, clip)
    review.collect(tmp_path)
    for part in tmp_path.glob("catalog.sqlite*"):
        part.unlink()
    (tmp_path / "catalog.sqlite").write_bytes(old)
    bring_up_to_date(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        assert catalog.clip(clip).revision == 3
        assert catalog.clip(clip).stage is ClipStage.ACCEPTED
        assert len(catalog.verdicts()) == 2


def test_lost_labels_of_the_second_round_come_back_from_the_archive(tmp_path: Path) -> None:
    clip = accepted_once(tmp_path)
    reopen.reopen(tmp_path, clip, "lea", REASON)
    correct(tmp_path, clip)
    review.collect(tmp_path)
    path = labels.revisions(Workspace(tmp_path), clip)[-1]
    content = path.read_bytes()
    path.unlink()
    rebuild.rebuild(tmp_path)
    assert path.read_bytes() == content


def test_the_next_version_takes_the_correction_and_the_first_stays_whole(tmp_path: Path) -> None:
    first, second = accepted.accept(tmp_path, {"cam-1-a": "train", "cam-1-b": "train"})
    before = publish.publish(tmp_path, [first, second], "", ("person",))
    reopen.reopen(tmp_path, first, "lea", REASON)
    assert stage(tmp_path, first) is ClipStage.IN_REVIEW
    unchanged = publish.publish(tmp_path, [], "", ("person",))
    assert (unchanged.new, unchanged.clips) == (False, 2)
    correct(tmp_path, first)
    assert review.collect(tmp_path).done == [first]
    after = publish.publish(tmp_path, [first], "", ("person",))
    assert (after.new, after.clips, after.result.done) == (True, 2, [first])
    assert stage(tmp_path, first) is ClipStage.PUBLISHED
    versions = [
        datasets.find(Workspace(tmp_path), name) for name in (before.version, after.version)
    ]
    revisions = [{c.clip: c.revision for c in v.clips} for v in versions if v]
    assert revisions[1][first] == revisions[0][first] + 1
    assert revisions[1][second] == revisions[0][second]
    for version in (before.version, after.version):
        assert publish.verify(tmp_path, version, "") == []
    bring_up_to_date(tmp_path)
    assert stage(tmp_path, first) is ClipStage.PUBLISHED
    name = f"clips/{first}/{datasets.labels_name(revisions[0][first])}"
    (tmp_path / "training-server" / name).unlink()
    (problem,) = publish.verify(tmp_path, before.version, "")
    assert name in problem


def test_a_published_clip_that_is_rejected_then_is_in_no_further_version(tmp_path: Path) -> None:
    names = accepted.accept(tmp_path, {"cam-1-a": "train", "cam-1-b": "train"})
    publish.publish(tmp_path, names, "", ("person",))
    reopen.reopen(tmp_path, names[0], "lea", "nothing to be seen")
    review.give_verdict(tmp_path, names[:1], "reject", "ben", "dark")
    review.collect(tmp_path)
    assert stage(tmp_path, names[0]) is ClipStage.REJECTED
    after = publish.publish(tmp_path, [], "", ("person",))
    assert (after.new, after.clips) == (True, 1)
    bring_up_to_date(tmp_path)
    assert stage(tmp_path, names[0]) is ClipStage.REJECTED


def test_a_late_verdict_of_an_earlier_round_changes_nothing(tmp_path: Path) -> None:
    clip = accepted_once(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        (row,) = catalog.verdicts()
    reopen.reopen(tmp_path, clip, "lea", REASON)
    late = Verdict(clip=clip, decision="accept", by=row.by, at=row.at)
    with Catalog.open(tmp_path) as catalog:
        assert not review.import_verdict(Workspace(tmp_path), catalog, late)
    assert stage(tmp_path, clip) is ClipStage.IN_REVIEW


def test_a_broken_file_of_a_reopening_stops_nobody_else(tmp_path: Path) -> None:
    clip = accepted_once(tmp_path)
    reopen.reopen(tmp_path, clip, "lea", REASON)
    reopenings.file(tmp_path / "review", clip, 2).write_text("{")
    queue = LocalPlatform(Workspace(tmp_path).review_dir())
    assert queue.pending() == []
    assert clip in " ".join(bring_up_to_date(tmp_path).problems)
    files.write_json(tmp_path / "review" / "tasks" / "other.json", {})
    assert queue.pending() == ["other"]
