from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oneclick.core.labels import IGNORE
from oneclick.storage import datasets, labels
from oneclick.training import data, label_masking
from oneclick.training.sample import ImageSample
from tests.training import toy


def test_what_is_left_out_is_grey_and_what_is_believed_stays_whole() -> None:
    image = np.full((40, 60, 3), 200, np.uint8)
    boxes = np.array([[5, 5, 25, 25], [15, 15, 35, 35], [-4, 30, 4, 90]], np.float32)
    masked = label_masking.grey_out(image, boxes[[0, 2]], boxes[[1]])
    assert (masked[6:15, 6:15] == label_masking.GREY).all()
    assert (masked[15:25, 15:25] == 200).all()
    assert (masked[30:40, 0:4] == label_masking.GREY).all()
    assert (image == 200).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_filled_boxes_count_as_often_as_they_should_and_others_always(share: float) -> None:
    out = label_masking.sample_masked("id" * 2000, {"i": share}, np.random.default_rng(0))
    assert not out[1::2].any()
    assert out[0::2].mean() == pytest.approx(1 - share, abs=0.04)


def test_a_region_to_ignore_is_grey_in_training_and_named_in_testing(tmp_path: Path) -> None:
    toy.server(tmp_path, {"a": "train"}, frames=2, people=1)
    label_set = labels.load(tmp_path / "clips" / "a" / datasets.labels_name(1))
    region = replace(label_set.tracks[0], id=9, cls=IGNORE)
    version = toy.publish(
        tmp_path, [toy.freeze(tmp_path, replace(label_set, tracks=(region,)), "train")]
    )
    images = clip(tmp_path, version.name, 1.0)
    plain, masked_sample = images[0], images[ImageSample(0, 0, 1)]
    assert (len(plain.boxes), len(plain.ignored)) == (0, 1)
    assert len(masked_sample.boxes) == 0
    x1, y1, x2, y2 = plain.ignored[0].round().int().tolist()
    assert plain.image[:, y1:y2, x1:x2].float().std() > 10
    grey = label_masking.grey_out(
        np.asarray(plain.image.permute(1, 2, 0)), plain.ignored.numpy(), NONE
    )
    assert (grey[y1:y2, x1:x2] == label_masking.GREY).all()


NONE = np.zeros((0, 4), np.float32)


def server(root: Path, origins: str) -> str:
    """A clip of one person, whose boxes have these origins by turns; the version."""
    toy.server(root, {"a": "train"}, frames=4, people=1)
    label_set = labels.load(root / "clips" / "a" / datasets.labels_name(1))
    letters = (origins * 4)[:4]
    tracks = tuple(replace(track, origins=letters) for track in label_set.tracks)
    line = toy.freeze(root, replace(label_set, tracks=tracks), "train")
    return toy.publish(root, [line]).name


def drawn(root: Path, version: str, filled: float) -> list[int]:
    """Boxes in each augmented image of the clip, over several draws."""
    images = clip(root, version, filled)
    return [len(images[ImageSample(0, k, seed)].boxes) for seed in range(10) for k in range(4)]


def clip(root: Path, version: str, filled: float) -> data.ClipImages:
    view = data.ImageOptions("fcos-tiny", ("person",), 1, {"i": filled, "r": filled})
    return data.ClipImages(root, version, "train", view)


def test_training_leaves_filled_boxes_out_and_testing_does_not(tmp_path: Path) -> None:
    version = server(tmp_path, "di")
    everything, doubtful = drawn(tmp_path, version, 1.0), drawn(tmp_path, version, 0.0)
    assert sum(everything) > 30
    assert doubtful[1::2] == [0] * 20
    assert doubtful[0::2] == everything[0::2]
    some = sum(drawn(tmp_path, version, 0.5)[1::2])
    assert 0 < some < sum(everything[1::2])
    images = clip(tmp_path, version, 0.0)
    assert [len(images[k].boxes) for k in range(4)] == [1, 1, 1, 1]


def test_boxes_that_a_person_moved_are_believed(tmp_path: Path) -> None:
    version = server(tmp_path, "h")
    assert drawn(tmp_path, version, 0.0) == drawn(tmp_path, version, 1.0)
