"""Datasets of other tools, and our own exports, become clips: once, whole, as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from oneclick import formats, video
from oneclick.catalog import Catalog, rebuild, verify
from oneclick.core.clips import ChosenBy, ClipStage
from oneclick.core.errors import UsageError
from oneclick.core.labels import LabelSet
from oneclick.stages import accept_import, export, import_, publish, reopen, review
from oneclick.stages.import_ import ImportOptions
from oneclick.storage import datasets, files, labels
from oneclick.storage.workspace import Workspace
from tests.formats import samples as samples
from tests.platforms.local.desk import Server, move
from tests.stages import accepted
from tests.stages.accepted import CLASSES, SIDES, imread
from tests.training import toy

FORMATS = formats.names()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish the three clips of `accepted.SIDES`."""
    home = tmp_path_factory.mktemp("published")
    accepted.publish_films(home)
    return home


def bring(home: Path, path: Path, name: str, **options: Any) -> import_.ImportResult:
    return import_.import_(home, path, name, CLASSES, ImportOptions(camera="Other Cam", **options))


def boxes(home: Path) -> list[tuple[str, list[list[tuple[int, list[float]]]]]]:
    """Split and boxes of every clip of the newest version, as frozen on the server."""
    version = datasets.find(Workspace(home))
    assert version
    rows = [
        (line.split, _boxes(labels.load(_labels(home, line.clip, line.revision))))
        for line in version.clips
    ]
    return sorted(rows, key=str)


def _labels(home: Path, clip: str, revision: int) -> Path:
    return home / "training-server/clips" / clip / datasets.labels_name(revision)


def _boxes(label_set: LabelSet) -> list[list[tuple[int, list[float]]]]:
    """Of every frame, in the order of their left edges."""
    frames: list[list[tuple[int, list[float]]]] = [[] for _ in range(label_set.frames)]
    for track in label_set.tracks:
        for frame, box in zip(track.frames.tolist(), track.boxes.tolist(), strict=True):
            frames[frame].append((track.id, [round(side, 2) for side in box]))
    return [sorted(frame, key=lambda row: row[1]) for frame in frames]


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_exported_comes_back_in_another_workspace(
    name: str, published: Path, tmp_path: Path
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    exported = export.export(published, out, name)
    assert (exported.images, exported.without_video, exported.result.done) == (9, 0, list(SIDES))
    came = bring(home, out, name, accept=True)
    assert (came.images, came.boxes, came.result.failed) == (9, exported.boxes, {})
    publish.publish(home, came.result.done, "", CLASSES)
    assert_same(boxes(published), boxes(home), name)


def assert_same(before: Any, after: Any, name: str) -> None:
    """Equal in the last decimal of a box; yolo has no tracks."""
    rows = [_flat(contents, has_tracks=name != "yolo") for contents in (before, after)]
    assert [row[:3] for row in rows[0]] == [row[:3] for row in rows[1]]
    boxes_before, boxes_after = (np.array([row[3] for row in part]) for part in rows)
    assert np.abs(boxes_before - boxes_after).max() < 0.0101


def _flat(contents: Any, has_tracks: bool) -> list[tuple[str, int, int, list[float]]]:
    return [
        (split, frame, track_id * has_tracks, box)
        for split, frames in contents
        for frame, boxes_of_frame in enumerate(frames)
        for track_id, box in boxes_of_frame
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_importing_twice_imports_once(name: str, published: Path, tmp_path: Path) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    export.export(published, out, name)
    first = bring(home, out, name)
    before = accepted.tree(home, _CATALOG)
    second = bring(home, out, name)
    assert (second.result.done, second.images) == ([], 0)
    assert sorted(second.result.skipped) == sorted(first.result.done)
    assert accepted.tree(home, _CATALOG) == before


_CATALOG = ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm", "generation.json")


@pytest.mark.parametrize("name", ["coco", "cvat"])
def test_a_clip_that_came_in_is_whole_and_its_pictures_are_untouched(
    name: str, published: Path, tmp_path: Path
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    export.export(published, out, name)
    bring(home, out, name)
    workspace, sources = Workspace(home), {}
    for path in out.rglob("*.jpg"):
        sources[files.sha256(path)] = path
    with Catalog.open(home) as catalog:
        assert verify.verify(catalog, deep=True) == []
        for row in catalog.clips():
            clip = row.clip
            assert video.probe(workspace.clip_file(clip.id)).frames == len(clip.span) == 3
            pictures = sorted(workspace.frames_dir(clip.id).iterdir())
            assert [path.name for path in pictures] == [f"{k:06d}.jpg" for k in range(3)]
            assert name != "coco" or {files.sha256(path) for path in pictures} <= set(sources)
            assert (clip.camera, clip.chosen_by, clip.fps) == (
                "other_cam", ChosenBy.IMPORTED, toy.FPS,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "stage", "kind", "origins"),
    [
        ({}, ClipStage.LABELLED, "auto", "h"),
        ({"auto": True}, ClipStage.LABELLED, "auto", "d"),
        ({"accept": True}, ClipStage.ACCEPTED, "human", "h"),
        ({"accept": True, "auto": True}, ClipStage.ACCEPTED, "auto", "d"),
    ],
    ids=lambda value: " ".join(value) or "plain" if isinstance(value, dict) else None,
)
def test_a_rebuilt_catalog_has_the_same_clips_at_the_same_stages(
    options: dict[str, Any], stage: ClipStage, kind: str, origins: str, published: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    out, home = tmp_path / "out", tmp_path / "home"
    export.export(published, out, "mot")
    came = bring(home, out, "mot", **options)
    before = _state(home)
    assert rebuild.rebuild(home).problems == []
    assert _state(home) == before
    assert sorted(accepted.standing(home, stage)) == sorted(came.result.done)
    label_set = labels.latest(Workspace(home), came.result.done[0])
    assert label_set
    assert (label_set.kind, label_set.made_by) == (kind, "import:mot")
    assert set(label_set.counts()) == {origins}


def _state(home: Path) -> Any:
    with Catalog.open(home) as catalog:
        assert verify.verify(catalog, deep=True) == []
        clips = sorted((row.clip.id, row.stage, row.revision) for row in catalog.clips())
        return catalog.videos(), clips, catalog.counts(), catalog.verdicts()


def test_labelled_clips_go_through_review_as_usual(published: Path, tmp_path: Path) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    export.export(published, out, "coco")
    clip_ids = bring(home, out, "coco").result.done
    assert sorted(review.send(home, clip_ids).done) == sorted(clip_ids)
    review.give_verdict(home, clip_ids, "accept", "ann")
    review.collect(home)
    assert sorted(accepted.standing(home, ClipStage.ACCEPTED)) == sorted(clip_ids)
    assert publish.publish(home, clip_ids, "", CLASSES).clips == 3


def test_clips_that_came_in_before_can_be_accepted_later_but_no_verdict_is_overruled(
    published: Path, tmp_path: Path
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    export.export(published, out, "coco")
    first, *others = bring(home, out, "coco").result.done
    review.send(home, [first])
    review.give_verdict(home, [first], "reject", "ann", "blurred")
    bring(home, out, "coco", accept=True)
    review.collect(home)
    assert accepted.standing(home, ClipStage.REJECTED) == [first]
    assert sorted(accepted.standing(home, ClipStage.ACCEPTED)) == sorted(others)
    with Catalog.open(home) as catalog:
        assert {v.by for v in catalog.verdicts()} == {"ann", accept_import.IMPORT_POLICY}


def test_an_import_accepts_no_clip_that_people_work_on(published: Path, tmp_path: Path) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    export.export(published, out, "coco")
    edited_id, leased_id, free_id = bring(home, out, "coco").result.done
    review.send(home, [edited_id, leased_id, free_id])
    server = Server.start(home)
    fence = server.leases.take(edited_id, "anna").fence
    server.edit(edited_id, "a", 0, fence, move(0, 0))
    server.leases.release(edited_id, "anna", fence)
    server.leases.take(leased_id, "ben")
    again = bring(home, out, "coco", accept=True).result
    assert accepted.standing(home, ClipStage.ACCEPTED) == [free_id]
    assert server.queue.is_edited(edited_id)
    assert server.queue.is_open(leased_id)
    assert again.failed == {}
    assert sorted(again.notes) == sorted(
        [
            f"clip {edited_id} is being corrected: it stays in review",
            f"clip {leased_id} is being reviewed: it stays in review",
        ]
    )
    fence = server.leases.take(edited_id, "anna").fence
    assert server.edit(edited_id, "b", 1, fence, move(0, 1)).rev == 2


def test_an_import_accepts_no_clip_that_was_reopened(published: Path, tmp_path: Path) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    export.export(published, out, "coco", split="test")
    (clip_id,) = bring(home, out, "coco", accept=True).result.done
    reopen.reopen(home, clip_id, "lea", "boxes are wrong")
    again = bring(home, out, "coco", accept=True).result
    assert accepted.standing(home, ClipStage.IN_REVIEW) == [clip_id]
    assert again.notes == [f"clip {clip_id} was reopened: it stays in review"]


def test_the_same_pictures_with_other_labels_are_refused(published: Path, tmp_path: Path) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    export.export(published, out, "mot")
    bring(home, out, "mot")
    path = next(out.rglob("gt.txt"))
    path.write_text(path.read_text().replace(",1,1,1\n", ",1,1,0\n") + "3,77,1,1,9,9,1,1,1\n")
    came = bring(home, out, "mot")
    ((name, reason),) = came.result.failed.items()
    assert name == path.parent.parent.name
    assert "same pictures and other labels" in reason
    assert len(came.result.skipped) == 2


def other_camera(home: Path, path: Path, name: str, is_test: bool) -> import_.ImportResult:
    options = ImportOptions(camera="Lobby", test=is_test)
    return import_.import_(home, path, name, CLASSES, options)


@pytest.mark.parametrize("is_known", [True, False], ids=["with a list", "of an earlier version"])
@pytest.mark.parametrize("name", ["coco", "cvat"])
def test_no_picture_comes_in_on_both_sides(
    name: str, is_known: bool, published: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export.export(published, out, name, split="train")
    for is_test in (False, True):
        home, side = tmp_path / f"home-{is_test}", "test" if is_test else "train"
        clip_ids = bring(home, out, name, test=is_test).result.done
        if not is_known:
            for path in home.glob("clips/*/*/pictures.txt"):
                path.unlink()
        second = other_camera(home, out, name, not is_test).result
        assert second.done == []
        (reason,) = second.failed.values()
        assert "3 of its 3 pictures are in clip other_cam-" in reason
        assert f"which is for {side} and not for" in reason
        with Catalog.open(home) as catalog:
            assert sorted(row.clip.id for row in catalog.clips()) == sorted(clip_ids)
        assert other_camera(home, out, name, is_test).result.failed == {}


def test_a_clip_that_shares_one_picture_with_the_other_side_stays_out(tmp_path: Path) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    for split, numbers in (("train", (0, 1, 2)), ("val", (3, 2))):
        (data / "images" / split).mkdir(parents=True)
        for place, number in enumerate(numbers):
            picture = data / "images" / split / f"{split}-{place}.png"
            cv2.imwrite(str(picture), samples.picture(number))
            label = data / "labels" / split / f"{split}-{place}.txt"
            files.write_atomic(label, "0 .5 .5 .2 .2\n")
    (data / "data.yaml").write_text("names: [person]\ntrain: images/train\nval: images/val\n")
    came = bring(home, data, "yolo").result
    assert len(came.done) == 1
    ((name, reason),) = came.failed.items()
    assert (name, reason.partition(" are in")[0]) == (
        "images/val/val-0.png", "1 of its 2 pictures",
    )  # fmt: skip
    (data / "images/val/val-1.png").unlink()
    assert bring(home, data, "yolo").result.failed == {}


def test_pictures_of_a_clip_that_was_rejected_may_change_sides(
    published: Path, tmp_path: Path
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    export.export(published, out, "coco", split="train")
    clip_ids = bring(home, out, "coco").result.done
    review.send(home, clip_ids)
    review.give_verdict(home, clip_ids, "reject", "ann", "wrong side")
    review.collect(home)
    assert other_camera(home, out, "coco", is_test=True).result.failed == {}


def _foreign(folder: Path, name: str = "person", suffix: str = ".png") -> Path:
    """Two sequences of CVAT's COCO export; the first has a picture of another size."""
    (folder / "images").mkdir(parents=True)
    images, rows = [], []
    for k in range(4):
        image = samples.picture(k, 64 - 2 * (k == 1))
        cv2.imwrite(str(folder / f"images/{k}{suffix}"), image)
        images.append(
            {"id": k, "file_name": f"{k}{suffix}", "width": 64, "height": 48,
             "video_id": k // 2, "frame_id": k % 2}
        )  # fmt: skip
        rows.append({"id": k, "image_id": k, "category_id": 1, "bbox": [1, 2, 100, 20]})
    path = folder / "instances.json"
    path.write_text(
        json.dumps({"images": images, "annotations": rows, "categories": [{"id": 1, "name": name}]})
    )
    return path


def test_a_broken_sequence_fails_alone_and_changes_are_counted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    came = bring(home, _foreign(tmp_path), "coco", fps=5.0, test=True)
    (reason,) = came.result.failed.values()
    assert "1.png has 62x48 px, not 64x48" in reason
    (clip_id,) = came.result.done
    assert came.summary.notes["boxes clipped to the picture"] == 2
    with Catalog.open(home) as catalog:
        assert [(row.clip.fps, row.clip.split) for row in catalog.clips()] == [(5.0, "test")]
        assert len(catalog.videos()) == 1
    assert [path.name for path in (home / "clips/other_cam").iterdir()] == [clip_id]
    frame = imread(Workspace(home).frame_file(clip_id, 1))
    assert np.abs(frame.astype(int) - samples.picture(3)).mean() < 12


def test_unknown_classes_are_listed_and_nothing_is_imported(tmp_path: Path) -> None:
    path = _foreign(tmp_path / "data", "dog")
    with pytest.raises(UsageError, match=r"classes.*dog; set classes = \['person', 'dog'\]"):
        bring(tmp_path / "home", path, "coco")
    assert not (tmp_path / "home").exists()


def test_the_name_of_a_person_is_in_no_path_and_no_file_but_one(tmp_path: Path) -> None:
    home, path = tmp_path / "home", _foreign(tmp_path / "Anna Schmidt")
    options = import_.ImportOptions(camera="Anna Schmidt", auto=True)
    assert len(import_.import_(home, path, "coco", ("person",), options).result.done) == 1
    assert [path for path in home.rglob("*") if "chmidt" in str(path).lower()] == []
    named = [p.name for p in home.rglob("*") if p.is_file() and b"chmidt" in p.read_bytes().lower()]
    assert named == ["cameras.json"]


class Killed(BaseException):
    """The process is gone."""


ACTS: list[tuple[Any, str]] = [
    (files, "write_atomic"), (Catalog, "add_video"), (Catalog, "add_clip"),
    (Catalog, "add_revision"), (Catalog, "move"), (Catalog, "add_verdict"),
]  # fmt: skip


@pytest.mark.parametrize("is_rebuilt", [False, True])
def test_killed_before_any_act_and_run_again_it_ends_the_same(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_rebuilt: bool
) -> None:
    out = tmp_path / "out"
    export.export(published, out, "mot", split="test")
    bring(tmp_path / "whole", out, "mot", accept=True)
    expected = _state(tmp_path / "whole")[1]
    death = 0
    while _dies(tmp_path / str(death), out, death, monkeypatch):
        home = tmp_path / str(death)
        if is_rebuilt:
            rebuild.rebuild(home)
        bring(home, out, "mot", accept=True)
        assert _state(home)[1] == expected
        assert rebuild.rebuild(home).problems == []
        assert _state(home)[1] == expected
        death += 1
    assert death > 8


def _dies(home: Path, out: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Import, dying before act number `at`; False if there are fewer."""
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
            bring(home, out, "mot", accept=True)
        except Killed:
            return True
    return False
