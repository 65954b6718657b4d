from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oneclick.io import datasets, labels
from oneclick.training import data, doubt
from tests.training import toy


def test_what_is_left_out_is_grey_and_what_is_believed_stays_whole() -> None:
    image = np.full((40, 60, 3), 200, np.uint8)
    boxes = np.array([[5, 5, 25, 25], [15, 15, 35, 35], [-4, 30, 4, 90]], np.float32)
    made = doubt.greyed(image, boxes, np.array([True, False, True]))
    assert (made[6:15, 6:15] == doubt.GREY).all()
    assert (made[15:25, 15:25] == 200).all()
    assert (made[30:40, 0:4] == doubt.GREY).all()
    assert (image == 200).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_filled_boxes_count_as_often_as_they_should_and_others_always(share: float) -> None:
    filled = np.arange(4000) % 2 == 0
    out = doubt.left_out(filled, share, np.random.default_rng(0))
    assert not out[~filled].any()
    assert out[filled].mean() == pytest.approx(1 - share, abs=0.04)


def server(root: Path, origins: str) -> str:
    """A clip of one person, whose boxes have these origins by turns; the version."""
    version = toy.server(root, {"a": "train"}, frames=4, people=1)
    path = root / "clips" / "a" / datasets.labels_name(1)
    found = labels.load(path)
    letters = (origins * 4)[:4]
    tracks = tuple(replace(track, origins=letters) for track in found.tracks)
    path.write_bytes(labels.encode(replace(found, tracks=tracks)))
    return version.name


def drawn(root: Path, version: str, filled: float) -> list[int]:
    """Boxes in each augmented image of the clip, over several draws."""
    images = data.ClipImages(root, version, "train", "fcos-tiny", ("person",), 1, filled)
    return [len(images[data.Draw(k, seed)].boxes) for seed in range(10) for k in range(4)]


def test_training_leaves_filled_boxes_out_and_testing_does_not(tmp_path: Path) -> None:
    version = server(tmp_path, "di")
    everything, seen = drawn(tmp_path, version, 1.0), drawn(tmp_path, version, 0.0)
    assert sum(everything) > 30
    assert seen[1::2] == [0] * 20
    assert seen[0::2] == everything[0::2]
    some = sum(drawn(tmp_path, version, 0.5)[1::2])
    assert 0 < some < sum(everything[1::2])
    images = data.ClipImages(tmp_path, version, "train", "fcos-tiny", ("person",), 1, 0.0)
    assert [len(images[k].boxes) for k in range(4)] == [1, 1, 1, 1]


def test_boxes_that_a_person_moved_are_believed(tmp_path: Path) -> None:
    version = server(tmp_path, "h")
    assert drawn(tmp_path, version, 0.0) == drawn(tmp_path, version, 1.0)
