"""Labels from the field go in exactly, or one line says why not."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from oneclick.catalog import Catalog
from oneclick.core.assumptions import Assumptions
from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelSet
from oneclick.stages import import_
from oneclick.stages.import_ import ImportOptions, ImportResult
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace
from tests.corpus import labels_coco as labels_coco
from tests.corpus import labels_cvat as labels_cvat
from tests.corpus import labels_kit
from tests.corpus import labels_mot as labels_mot
from tests.corpus import labels_yolo as labels_yolo
from tests.corpus.labels_kit import CASES, CLASSES, Right

NEAR = 0.85
"""Intersection over union of a box and its object, whose edges JPEG blurs."""


def bring(home: Path, path: Path, format_name: str, right: Right) -> ImportResult:
    """Import a case; an error of the whole dataset becomes a refusal."""
    options = ImportOptions(camera="ward", answers=Assumptions.parse(right.answers))
    try:
        return import_.import_(home, path / right.path, format_name, CLASSES, options)
    except BadInput as error:
        outcome = ImportResult()
        outcome.result.failed["all"] = str(error)
        return outcome


def misplaced(home: Path, label_set: LabelSet) -> tuple[int, int]:
    """Return how many boxes have no object of their class, and how many objects have no box."""
    astray = bare = 0
    for frame in range(label_set.frames):
        path = Workspace(home).frame_file(label_set.clip, frame)
        image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        assert image is not None
        seen = labels_kit.objects(image.astype(np.uint8))
        boxes = [
            (track.cls, track.boxes[row].tolist())
            for track in label_set.tracks
            for row in np.flatnonzero(track.frames == frame)
        ]
        pairs = [
            (b, o)
            for b, (name, sides) in enumerate(boxes)
            for o, (other, place) in enumerate(seen)
            if name == other and labels_kit.overlap(sides, place) > NEAR
        ]
        astray += len(boxes) - len({b for b, _ in pairs})
        bare += len(seen) - len({o for _, o in pairs})
    return astray, bare


@pytest.mark.parametrize("name", CASES)
def test_labels_from_the_field_are_right_or_refused(name: str, tmp_path: Path) -> None:
    format_name, build = CASES[name]
    right = build(tmp_path / "data", np.random.default_rng(zlib.crc32(name.encode())))
    home = tmp_path / "home"
    outcome = bring(home, tmp_path / "data", format_name, right)
    reasons = list(outcome.result.failed.values())
    assert len(reasons) == len(right.refused), reasons
    for part, reason in zip(right.refused, reasons, strict=True):
        assert part in reason
        assert "\n" not in reason
    with Catalog.open(home) as catalog:
        clips = [row.clip for row in catalog.clips()]
    label_sets = [labels.load(labels.revisions(Workspace(home), clip.id)[0]) for clip in clips]
    assert sum(label_set.boxes() for label_set in label_sets) == right.boxes
    counts = [misplaced(home, label_set) for label_set in label_sets]
    assert (sum(astray for astray, _ in counts), sum(bare for _, bare in counts)) == (0, right.bare)
    if right.tracks is not None:
        assert sum(len(label_set.tracks) for label_set in label_sets) == right.tracks
    if right.pictures is not None:
        assert sum(label_set.frames for label_set in label_sets) == right.pictures
    if right.fps is not None:
        assert {clip.fps for clip in clips} == {right.fps}
    if right.splits is not None:
        sides = [clip.split for clip in clips]
        assert {s: sum(len(c.span) for c in clips if c.split == s) for s in sides} == right.splits
    for note in right.notes:
        assert any(note in line for line in outcome.summary.notes), outcome.summary.notes
