"""People laid down: the box of the copy frames the copy, and nobody else is hidden."""

from __future__ import annotations

import numpy as np
import pytest

from oneclick.training import data, laid_down
from oneclick.training.sample import ImageSample
from tests.training import toy

HEIGHT, WIDTH = 180, 320
MAN = (150.0, 60.0, 180.0, 140.0)


def room(*people: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A grey picture with bright people, brighter at the feet, and their boxes."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for x1, y1, x2, y2 in people:
        shades = np.linspace(150, 255, int(y2) - int(y1)).astype(np.uint8)
        image[int(y1) : int(y2), int(x1) : int(x2)] = shades[:, None, None]
    return image, np.array(people, np.float32).reshape(-1, 4)


@pytest.mark.parametrize("seed", range(30))
def test_the_box_of_the_copy_frames_the_copy(seed: int) -> None:
    image, boxes = room(MAN)
    laid, box, row = laid_down.lay_down(image, boxes, np.random.default_rng(seed))
    if row < 0:
        assert laid is image
        return
    x1, y1, x2, y2 = box[0].astype(int)
    assert (x2 - x1, y2 - y1) == (80, 30)
    assert 0 <= x1 < x2 <= WIDTH
    assert 0 <= y1 < y2 <= HEIGHT
    changed = (laid != image).any(2)
    assert not np.delete(np.delete(changed, np.s_[y1:y2], 0), np.s_[x1:x2], 1).any()
    rows, columns = np.nonzero(changed)
    assert {int(rows.min()) - y1, y2 - 1 - int(rows.max())} <= {0, 1, 2}
    assert {int(columns.min()) - x1, x2 - 1 - int(columns.max())} <= {0, 1, 2}
    middle = laid[(y1 + y2) // 2, x1 + 10 : x2 - 10, 0].astype(int)
    assert middle.min() >= 150
    assert np.ptp(middle) > 60


def test_most_people_who_stand_free_are_laid_down_and_equal_seeds_do_the_same() -> None:
    image, boxes = room(MAN)
    outcomes = [laid_down.lay_down(image, boxes, np.random.default_rng(k)) for k in range(40)]
    assert sum(row == 0 for _, _, row in outcomes) > 30
    again = laid_down.lay_down(image, boxes, np.random.default_rng(7))
    np.testing.assert_array_equal(again[0], outcomes[7][0])
    np.testing.assert_array_equal(again[1], outcomes[7][1])


@pytest.mark.parametrize("seed", range(20))
def test_a_copy_hides_nobody(seed: int) -> None:
    people = [MAN, (20.0, 60.0, 50.0, 140.0), (240.0, 60.0, 270.0, 140.0)]
    image, boxes = room(*people)
    _, box, row = laid_down.lay_down(image, boxes, np.random.default_rng(seed))
    if row >= 0:
        assert laid_down.shared(boxes, box).max() <= laid_down.MAX_SHARED


@pytest.mark.parametrize(
    "people",
    [
        pytest.param([], id="nobody"),
        pytest.param([(100.0, 60.0, 180.0, 90.0)], id="somebody who lies"),
        pytest.param([(0.0, 60.0, 30.0, 140.0)], id="at the border"),
        pytest.param([(100.0, 60.0, 103.0, 70.0)], id="too small to show anything"),
        pytest.param([MAN, (155.0, 70.0, 185.0, 150.0)], id="two who hide each other"),
        pytest.param([(10.0, 1.0, 130.0, 179.0)], id="lying, too long for the picture's height"),
    ],
)
def test_whoever_does_not_stand_free_is_not_copied(people: list[tuple[float, ...]]) -> None:
    image, boxes = room(*people)
    for seed in range(5):
        laid, box, row = laid_down.lay_down(image, boxes, np.random.default_rng(seed))
        if row >= 0:  # there was room after all
            assert len(people) == 1
            assert people[0][2] - people[0][0] == 120
            continue
        assert laid is image
        assert box.shape == (0, 4)


def test_images_of_a_training_have_labels_for_copies(tmp_path) -> None:
    toy.server(tmp_path, {"a": "train"}, frames=4)
    version = next((tmp_path / "datasets").iterdir()).name
    counts = {}
    for laid in (0.0, 1.0):
        options = data.ImageOptions("fcos-tiny", ("person",), laid=laid)
        images = data.ClipImages(tmp_path, version, "train", options)
        samples = [ImageSample(0, frame, seed) for frame in range(4) for seed in range(6)]
        items = [images[sample] for sample in samples]
        assert all(len(item.boxes) == len(item.labels) for item in items)
        assert {int(label) for item in items for label in item.labels} <= {1}
        counts[laid] = sum(len(item.boxes) for item in items)
    assert counts[1.0] > counts[0.0]
