"""What the next version holds: no withdrawn clip, each other clip whole, wherever it was lost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oneclick.catalog import Catalog, rebuild, verify
from oneclick.core.clips import ClipStage
from oneclick.core.errors import UsageError
from oneclick.core.labels import LabelSet
from oneclick.core.review import Decision, Verdict
from oneclick.platforms.local import LocalPlatform
from oneclick.services import clip_uploads
from oneclick.stages import erase, exclude, export, publish, quarantine, reopen, review, train
from oneclick.storage import cards, datasets, files, labels, sealed_files
from oneclick.storage.receipts import ErasureReceipt
from oneclick.storage.workspace import Workspace
from oneclick.training import launch
from oneclick.training.config import TrainingConfig
from tests.fakes import clips
from tests.stages import accepted, trainings

CLASSES = ("person",)
SIDES = {"cam-1-a": "train", "cam-1-b": "train", "cam-1-c": "test"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    run(tmp_path, accepted.accept(tmp_path, SIDES))
    return tmp_path


def run(home: Path, clips: list[str] | None = None, server: str = "") -> publish.PublishResult:
    return publish.publish(home, clips or [], server, CLASSES)


def newest(home: Path) -> dict[str, int]:
    """Label revision of each clip of the newest version."""
    version = datasets.find(Workspace(home))
    assert version
    return {line.clip: line.revision for line in version.clips}


def decide(home: Path, clip: str, decision: Decision) -> None:
    """Reopen a published clip and decide on it; an acceptance moves the boxes."""
    reopen.reopen(home, clip, "lea", "bad labels")
    queue = LocalPlatform(Workspace(home).review_dir())
    new_tracks = tuple(
        replace(track, boxes=track.boxes + 1) for track in queue.task_labels(clip).tracks
    )
    tracks = new_tracks if decision == "accept" else None
    verdict = Verdict(clip=clip, decision=decision, by="ben", at=clips.NOON, tracks=tracks)
    assert queue.submit(verdict)
    assert review.collect(home).done == [clip]


def test_a_clip_that_was_excluded_and_included_once_is_rejected_for_good(home: Path) -> None:
    exclude.exclude(home, ["cam-1-a"], "face visible")
    run(home)
    exclude.include(home, ["cam-1-a"])
    run(home)
    assert "cam-1-a" in newest(home)
    decide(home, "cam-1-a", "reject")
    run(home)
    assert newest(home) == {"cam-1-b": 1, "cam-1-c": 1}
    exclude.exclude(home, ["cam-1-a"], "again")
    exclude.include(home, ["cam-1-a"])
    run(home)
    assert newest(home) == {"cam-1-b": 1, "cam-1-c": 1}


class ConfigSeen(Exception):
    """The training got as far as its configuration."""


@pytest.mark.parametrize("is_rejected", [True, False])
def test_trainings_and_exports_of_a_version_leave_a_withdrawn_clip_out(
    home: Path, is_rejected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not publish.is_outdated(home)
    if is_rejected:
        decide(home, "cam-1-a", "reject")
    else:
        reopen.reopen(home, "cam-1-a", "lea", "camera was covered")
        quarantine.quarantine(home, ["cam-1-a"], "camera was covered")
    assert publish.is_outdated(home)
    assert publish.withdrawn_clips(home, None) == ["cam-1-a"]
    outcome = export.export(home, home / "out", "yolo")
    assert (outcome.excluded, outcome.result.done) == (1, ["cam-1-b", "cam-1-c"])

    def see(config: TrainingConfig, *_: object) -> None:
        raise ConfigSeen(*config.excluded)

    monkeypatch.setattr(launch, "run", see)
    with pytest.raises(ConfigSeen, match="cam-1-a"):
        train.train(home, None, trainings.OPTIONS)
    run(home)
    assert newest(home) == {"cam-1-b": 1, "cam-1-c": 1}
    assert not publish.is_outdated(home)


def test_a_clip_that_is_included_again_comes_back_with_its_newest_labels(home: Path) -> None:
    exclude.exclude(home, ["cam-1-a"], "labels are wrong")
    run(home)
    decide(home, "cam-1-a", "accept")
    assert run(home, ["cam-1-a"]).result.skipped == ["cam-1-a"]
    assert accepted.standing(home, ClipStage.ACCEPTED) == ["cam-1-a"]
    exclude.include(home, ["cam-1-a"])
    run(home)
    assert newest(home)["cam-1-a"] == 2
    assert accepted.standing(home, ClipStage.ACCEPTED) == []


def test_a_new_server_gets_every_clip_of_the_version(home: Path) -> None:
    server = str(home / "new-server")
    publication = run(home, accepted.accept(home, {"cam-1-d": "train"}), server)
    assert (publication.clips, publication.uploaded) == (4, 16)
    assert publish.verify(home, None, server) == []
    assert run(home, server=server).uploaded == 0


LOSSES = {
    "a picture": "frames/000001.jpg",
    "the labels": "labels-0001.json",
    "the mark": "complete.json",
}


@pytest.mark.parametrize("case", LOSSES)
def test_publishing_again_mends_what_the_server_lost(home: Path, case: str) -> None:
    path = home / "training-server/clips/cam-1-a" / LOSSES[case]
    path.unlink()
    (problem,) = publish.verify(home, None, "")
    assert problem.endswith("publish again")
    publication = run(home)
    assert (publication.new, publication.result.failed) == (False, {})
    assert path.exists()
    assert publish.verify(home, None, "") == []


def test_an_emptied_picture_on_the_server_is_uploaded_again(home: Path) -> None:
    (home / "training-server/clips/cam-1-a/frames/000001.jpg").write_bytes(b"")
    assert run(home).uploaded == 1
    assert publish.verify(home, None, "") == []


def test_a_clip_that_is_lost_on_both_sides_is_named_and_comes_back(home: Path) -> None:
    frame = Workspace(home).frame_file("cam-1-a", 1)
    frame.rename(home / "kept.jpg")
    server = str(home / "new-server")
    publication = run(home, server=server)
    assert "000001.jpg is missing" in publication.result.failed["cam-1-a"]
    assert newest(home) == {"cam-1-b": 1, "cam-1-c": 1}
    assert publish.verify(home, None, server) == []
    (home / "kept.jpg").rename(frame)
    assert run(home, server=server).result.failed == {}
    assert newest(home) == dict.fromkeys(SIDES, 1)


def test_numbers_go_on_where_an_older_version_was_tidied_away(home: Path) -> None:
    run(home, accepted.accept(home, {"cam-1-d": "train"}))
    first, second = datasets.names(Workspace(home))
    for folder in (home, home / "training-server"):
        shutil.rmtree(folder / "datasets" / first)
    run(home, accepted.accept(home, {"cam-1-e": "train"}))
    version = datasets.find(Workspace(home))
    assert version
    assert (version.name[:5], version.parent, len(version.clips)) == ("v0003", second, 5)


@pytest.mark.parametrize("is_on_server", [True, False])
def test_a_lost_version_loses_no_clip(home: Path, is_on_server: bool) -> None:
    run(home, accepted.accept(home, {"cam-1-d": "train"}))
    name = datasets.names(Workspace(home))[-1]
    shutil.rmtree(Workspace(home).dataset_dir(name))
    if not is_on_server:
        shutil.rmtree(home / "training-server/datasets" / name)
    assert publish.is_outdated(home)
    publication = run(home, accepted.accept(home, {"cam-1-e": "train"}))
    assert publication.result.failed == {}
    assert newest(home) == dict.fromkeys((*SIDES, "cam-1-d", "cam-1-e"), 1)
    assert publication.version
    assert publication.version.startswith("v0003-")
    assert (name in datasets.names(Workspace(home))) == is_on_server


def test_a_broken_newest_version_is_taken_from_the_server(home: Path) -> None:
    (name,) = datasets.names(Workspace(home))
    manifest = Workspace(home).dataset_dir(name) / datasets.MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b"cam-1-a", b"cam-1-x"))
    assert not run(home).new
    assert newest(home) == dict.fromkeys(SIDES, 1)
    (copy,) = manifest.parent.parent.glob("broken-*")
    assert b"cam-1-x" in (copy / datasets.MANIFEST).read_bytes()


def test_a_clip_that_is_taken_back_during_the_upload_is_not_published(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = clip_uploads.upload

    def slow(remote: Any, line: Any, sources: Any) -> int:
        if line.clip == "cam-1-e":
            quarantine.quarantine(home, ["cam-1-d"], "camera was covered")
        return upload(remote, line, sources)

    monkeypatch.setattr(clip_uploads, "upload", slow)
    publication = run(home, accepted.accept(home, {"cam-1-d": "train", "cam-1-e": "train"}))
    assert (publication.result.done, publication.result.skipped) == (["cam-1-e"], ["cam-1-d"])
    assert sorted(newest(home)) == [*SIDES, "cam-1-e"]


def test_a_clip_that_was_deleted_by_hand_is_in_no_further_version(home: Path) -> None:
    with Catalog.open(home) as catalog:
        cards.save_video_card(Workspace(home), catalog.video("cam-1"))
    shutil.rmtree(Workspace(home).clip_dir("cam-1-a"))
    rebuild.rebuild(home, accept_losses=True)
    run(home)
    assert newest(home) == {"cam-1-b": 1, "cam-1-c": 1}


def test_a_class_that_left_the_settings_is_named_with_a_clip_that_has_it(tmp_path: Path) -> None:
    home = tmp_path
    (clip,) = accepted.accept(home, {"cam-1-a": "train"})
    with Catalog.open(home) as catalog:
        before = labels.latest(Workspace(home), clip)
        assert before
        beds = tuple(replace(track, cls="bed") for track in before.tracks)
        label_set: LabelSet = replace(
            before, revision=2, classes=("person", "bed"), tracks=beds, parent=1
        )
        path = labels.save(Workspace(home), label_set)
        catalog.add_revision(label_set, files.sha256(path))
    publish.publish(home, [clip], "", ("person", "bed"))
    (new_clip,) = accepted.accept(home, {"cam-1-b": "train"})
    with pytest.raises(UsageError, match=r"class 'bed' .* cam-1-a .* data exclude cam-1-a"):
        run(home, [new_clip])
    assert len(datasets.names(Workspace(home))) == 1
    exclude.exclude(home, [clip], "no beds any more")
    assert run(home, [new_clip]).result.done == [new_clip]


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_clip_that_is_erased_everywhere_is_nowhere_but_in_its_receipt(
    home: Path, is_killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        cards.save_video_card(workspace, catalog.video("cam-1"))
    if is_killed:  # before the catalog was told
        monkeypatch.setattr(Catalog, "advance", lambda *_: False)
    result = erase.erase(home, ["cam-1-a"], review.LOCAL, "lea", everywhere=True)
    assert (result.done, result.failed) == (["cam-1-a"], {})
    monkeypatch.undo()
    assert not (home / "training-server/clips/cam-1-a").exists()
    assert list(workspace.clip_dir("cam-1-a").iterdir()) == [workspace.clip_card("cam-1-a")]
    (path,) = workspace.receipts_dir().iterdir()
    receipt: ErasureReceipt = sealed_files.read(path, ErasureReceipt)
    assert receipt.everywhere
    assert "clips/cam/cam-1-a/clip.mp4" in receipt.held
    run(home)
    assert newest(home) == {"cam-1-b": 1, "cam-1-c": 1}
    assert accepted.standing(home, ClipStage.REJECTED) == ["cam-1-a"]
    first = datasets.names(workspace)[0]
    assert publish.verify(home, first, "") == []
    rebuild.rebuild(home)
    assert accepted.standing(home, ClipStage.REJECTED) == ["cam-1-a"]
    with Catalog.open(home) as catalog:
        assert verify.verify(catalog) == []
    assert erase.erase(home, ["cam-1-a"], review.LOCAL, "lea", everywhere=True).failed == {}
