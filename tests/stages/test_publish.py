"""Versions are published whole, once and with all before them; a bad clip is set aside alone.

One item that blocks all was looked for in every loop over items: each failure is isolated and
named; a recording that could not be removed ended every maintenance, and is named now while the
others go; shared inodes were looked for in every copy, and the one hard link that is left gives a
new file its name.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import fsspec
import msgspec
import pytest

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.errors import Unavailable, UsageError
from oneclick.services.training_server import ClipCompletion, FileStamp, RemoteFolder
from oneclick.stages import export, publish
from oneclick.storage import datasets
from oneclick.storage.workspace import Workspace
from tests.stages import accepted

CLASSES = ("person",)
# Times of publication differ between two runs; the manifest beside it does not.
TIMED = ("version.json",)


def run(home: Path, clips: list[str], server: str = "") -> publish.PublishResult:
    return publish.publish(home, clips, server, CLASSES)


def test_nothing_accepted_publishes_nothing(tmp_path: Path) -> None:
    publication = run(tmp_path, [])
    assert (publication.version, publication.new, publication.clips) == (None, False, 0)
    assert publish.verify(tmp_path, None, "") == []


def test_accepted_clips_become_a_version_on_the_server_and_here(tmp_path: Path) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-a": "train", "cam-1-b": "test"})
    publication = run(tmp_path, clips)
    assert (publication.new, publication.clips, publication.images, publication.result.done) == (
        True,
        2,
        6,
        clips,
    )
    version = datasets.find(Workspace(tmp_path))
    assert version
    assert version.name == publication.version
    assert [clip.clip for clip in version.side("test")] == ["cam-1-b"]
    assert version.clips[0].origins == {"h": sum(version.clips[0].origins.values())}
    server = tmp_path / "training-server"
    assert datasets.load(server / "datasets" / version.name) == version
    assert publication.uploaded == len(list(server.glob("clips/*/frames/*.jpg"))) + 2 == 8
    assert accepted.standing(tmp_path, ClipStage.PUBLISHED) == clips
    with Catalog.open(tmp_path) as catalog:
        assert [row.name for row in catalog.datasets()] == [version.name]
    assert publish.verify(tmp_path, None, "") == []


def test_an_emptied_picture_of_an_export_or_the_server_leaves_the_others(tmp_path: Path) -> None:
    (clip,) = run_one(tmp_path)
    source = Workspace(tmp_path).frame_file(clip, 0)
    content = source.read_bytes()
    served = tmp_path / "training-server" / "clips" / clip / "frames" / source.name
    export.export(tmp_path, tmp_path / "out", "yolo")
    exported = sorted((tmp_path / "out").rglob("*.jpg"))[0]
    exported.write_bytes(b"")
    assert (served.read_bytes(), source.read_bytes()) == (content, content)
    served.write_bytes(b"")
    assert source.read_bytes() == content


def test_publishing_replaces_a_link_of_an_earlier_version_by_a_copy(tmp_path: Path) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-a": "train"})
    source = Workspace(tmp_path).frame_file("cam-1-a", 0)
    served = tmp_path / "training-server" / "clips" / "cam-1-a" / "frames" / source.name
    served.parent.mkdir(parents=True)
    served.hardlink_to(source)
    run(tmp_path, clips)
    assert not served.samefile(source)
    assert served.read_bytes() == source.read_bytes()


def run_one(home: Path) -> list[str]:
    clips = accepted.accept(home, {"cam-1-a": "train"})
    run(home, clips)
    return clips


def test_publishing_again_changes_nothing_and_says_so(tmp_path: Path) -> None:
    clips = run_one(tmp_path)
    before = accepted.tree(tmp_path / "training-server")
    publication = run(tmp_path, clips)
    assert (publication.new, publication.uploaded, publication.result.skipped) == (False, 0, clips)
    assert accepted.tree(tmp_path / "training-server") == before
    assert len(datasets.names(Workspace(tmp_path))) == 1


def test_a_version_holds_all_clips_of_the_one_before(tmp_path: Path) -> None:
    run_one(tmp_path)
    first = datasets.find(Workspace(tmp_path))
    publication = run(tmp_path, accepted.accept(tmp_path, {"cam-1-b": "train"}))
    second = datasets.find(Workspace(tmp_path))
    assert first
    assert second
    assert (publication.clips, publication.uploaded, second.parent) == (2, 4, first.name)
    assert first.clips[0] in second.clips
    assert publish.verify(tmp_path, first.name, "") == []


def _edit_labels(workspace: Workspace, clip: str) -> None:
    path = next(workspace.labels_dir(clip).iterdir())
    path.write_bytes(path.read_bytes().replace(b"toy", b"joy"))


def _break_labels(workspace: Workspace, clip: str) -> None:
    next(workspace.labels_dir(clip).iterdir()).write_bytes(b"{")


def _zero_tail(path: Path) -> None:
    """Leave what a power cut leaves of a file whose last blocks were never written."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2].ljust(len(content), b"\0"))


def _shrink(path: Path) -> None:
    image = cv2.imread(str(path))
    assert image is not None
    cv2.imwrite(str(path), image[::2, ::2])


def _edit_clip(workspace: Workspace, clip: str) -> None:
    workspace.clip_file(clip).write_bytes(b"another video")


DAMAGE = {
    "edited labels": (_edit_labels, "was changed after it was written"),
    "broken labels": (_break_labels, "0001-human.json"),
    "no labels": (lambda w, c: shutil.rmtree(w.labels_dir(c)), "holds no label file"),
    "edited clip": (_edit_clip, "clip.mp4 was changed"),
    "deleted clip": (lambda w, c: w.clip_file(c).unlink(), "clip.mp4 is missing"),
    "empty frame": (lambda w, c: w.frame_file(c, 1).write_bytes(b""), "000001.jpg is empty"),
    "truncated frame": (
        lambda w, c: os.truncate(w.frame_file(c, 1), w.frame_file(c, 1).stat().st_size // 2),
        "000001.jpg ends too early",
    ),
    "zeroed tail of a frame": (lambda w, c: _zero_tail(w.frame_file(c, 1)), "ends too early"),
    "frame of another size": (lambda w, c: _shrink(w.frame_file(c, 1)), "is not 320×180 px"),
    "deleted frame": (lambda w, c: w.frame_file(c, 1).unlink(), "000001.jpg is missing"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_clip_is_set_aside_and_the_others_go_on(tmp_path: Path, case: str) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-a": "train", "cam-1-b": "train"})
    damage, text = DAMAGE[case]
    damage(Workspace(tmp_path), "cam-1-a")
    publication = run(tmp_path, clips)
    assert publication.result.done == ["cam-1-b"]
    assert text in publication.result.failed["cam-1-a"]
    assert accepted.standing(tmp_path, ClipStage.QUARANTINED) == ["cam-1-a"]
    assert Workspace(tmp_path).quarantine_card("cam-1-a").exists()
    assert publication.clips == 1


def test_a_class_nobody_asked_for_is_set_aside(tmp_path: Path) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-a": "train"})
    publication = publish.publish(tmp_path, clips, "", ("chair",))
    assert publication.version is None
    assert "'person' is not among the classes" in publication.result.failed["cam-1-a"]


FLIPS = {
    "frame": "clips/cam-1-a/frames/000001.jpg",
    "labels": "clips/cam-1-a/labels-0001.json",
    "manifest": "datasets/{version}/manifest.jsonl",
}


@pytest.mark.parametrize("case", FLIPS)
def test_verify_finds_a_flipped_byte_and_a_lost_file(tmp_path: Path, case: str) -> None:
    run_one(tmp_path)
    (version,) = datasets.names(Workspace(tmp_path))
    path = tmp_path / "training-server" / FLIPS[case].format(version=version)
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.unlink()
    path.write_bytes(content)
    (problem,) = publish.verify(tmp_path, None, "")
    assert path.name in problem
    path.unlink()
    (problem,) = publish.verify(tmp_path, None, "")
    assert path.name in problem


class Killed(BaseException):
    """The process is gone."""


ACTS: list[tuple[Any, str]] = [
    (RemoteFolder, "put"),
    (RemoteFolder, "write"),
    (datasets, "save"),
    (Catalog, "add_dataset"),
    (Catalog, "move"),
]


def test_killed_before_any_act_and_run_again_it_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = {"cam-1-a": "train", "cam-1-b": "test"}
    fresh_home, complete_home = tmp_path / "fresh", tmp_path / "whole"
    clips = accepted.accept(fresh_home, sides, frames=1)
    shutil.copytree(fresh_home, complete_home)
    run(complete_home, clips)
    expected = accepted.tree(complete_home / "training-server", TIMED)
    death, died = 0, True
    while died:
        home = tmp_path / str(death)
        shutil.copytree(fresh_home, home)
        died = _dies(home, clips, death, monkeypatch)
        publication = run(home, accepted.standing(home, ClipStage.ACCEPTED))
        assert publication.clips == 2
        assert accepted.tree(home / "training-server", TIMED) == expected
        assert accepted.standing(home, ClipStage.PUBLISHED) == clips
        assert len(datasets.names(Workspace(home))) == 1
        assert publish.verify(home, None, "") == []
        death += 1
    assert death > 10


def _dies(home: Path, clips: list[str], at: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Publish, dying before act number `at`; False if there are fewer."""
    countdown = [at]

    def watched(real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if countdown[0] == 0:
                raise Killed
            countdown[0] -= 1
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for owner, name in ACTS:
            patch.setattr(owner, name, watched(getattr(owner, name)))
        try:
            run(home, clips)
        except Killed:
            return True
    return False


def test_any_server_that_fsspec_can_write_to_will_do(tmp_path: Path) -> None:
    server = f"memory://{tmp_path.name}"
    clips = accepted.accept(tmp_path, {"cam-1-a": "train"})
    publication = run(tmp_path, clips, server)
    assert publication.uploaded == 4
    assert publish.verify(tmp_path, None, server) == []
    store = fsspec.filesystem("memory")
    store.pipe_file(f"/{tmp_path.name}/clips/cam-1-a/frames/000000.jpg", b"other")
    assert "000000.jpg: changed" in publish.verify(tmp_path, None, server)[0]


def test_a_server_that_is_away_publishes_nothing_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-a": "train"})
    store = type(fsspec.filesystem("memory"))

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("no route")

    with monkeypatch.context() as patch:
        patch.setattr(store, "pipe_file", away)
        with pytest.raises(Unavailable, match="no route"):
            run(tmp_path, clips, "memory://away")
    assert accepted.standing(tmp_path, ClipStage.ACCEPTED) == clips
    assert run(tmp_path, clips, "memory://away").result.done == clips


def test_an_upload_that_arrives_damaged_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-a": "train"})
    monkeypatch.setattr(RemoteFolder, "stamp", lambda *_: None)
    with pytest.raises(Unavailable, match="did not arrive whole"):
        run(tmp_path, clips)
    assert datasets.names(Workspace(tmp_path)) == []


def test_an_unknown_protocol_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gopher"):
        run(tmp_path, [], "gopher://somewhere")


def test_verify_names_a_picture_that_was_published_broken(tmp_path: Path) -> None:
    run_one(tmp_path)
    frame = tmp_path / "training-server/clips/cam-1-a/frames/000001.jpg"
    frame.write_bytes(b"")
    mark = tmp_path / "training-server/clips/cam-1-a/complete.json"
    completion = msgspec.json.decode(mark.read_bytes(), type=ClipCompletion)
    completion.files["frames/000001.jpg"] = FileStamp.of(b"")  # as it was taken before
    mark.write_bytes(msgspec.json.encode(completion))
    (problem,) = publish.verify(tmp_path, None, "")
    assert "000001.jpg is empty" in problem
    assert "oneclick data exclude cam-1-a" in problem


def test_a_changed_completion_mark_is_noticed_and_written_again(tmp_path: Path) -> None:
    run_one(tmp_path)
    mark = tmp_path / "training-server/clips/cam-1-a/complete.json"
    completion = json.loads(mark.read_bytes())
    digest = completion["clip_digest"]
    mark.write_text(mark.read_text().replace(digest, digest[::-1]))
    (problem,) = publish.verify(tmp_path, None, "")
    assert "clips/cam-1-a: not complete" in problem


def test_a_training_clip_that_shows_the_moment_of_a_test_clip_is_left_out(tmp_path: Path) -> None:
    sides = {"cam-1-a": "train", "cam-1-b": "train", "cam-1-c": "test"}
    starts = {"cam-1-a": 100, "cam-1-b": 143, "cam-1-c": 121}  # 1.9 and 2 s between frames
    clips = accepted.accept(tmp_path, sides, starts=starts)
    first = run(tmp_path, clips[:2])
    assert (first.clips, first.result.notes) == (2, [])
    second = run(tmp_path, clips[2:])
    assert second.result.notes == [
        "cam-1-a is left out of training: the test clip cam-1-c shows the same moment"
    ]
    again = run(tmp_path, [])
    assert (again.version, again.new, again.result.notes) == (second.version, False, [])
    assert not publish.is_outdated(tmp_path)
    dataset = datasets.find(Workspace(tmp_path))
    assert dataset
    assert [line.clip for line in dataset.clips] == ["cam-1-b", "cam-1-c"]
