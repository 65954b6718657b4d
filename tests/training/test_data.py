from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from oneclick.core.datasets import Split
from oneclick.core.errors import BadInput
from oneclick.training import augment, data, sample
from tests.training import ranks, toy

SIDES: dict[str, Split] = {"a": "train", "b": "train", "c": "test"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("server")
    toy.server(root, SIDES, frames=5)
    return root


def images(root: Path, split: str = "train", stride: int = 2) -> data.ClipImages:
    version = next((root / "datasets").iterdir()).name
    view = data.ImageOptions("fcos-tiny", ("person",), stride)
    return data.ClipImages(root, version, split, view)  # type: ignore[arg-type]


def batches(images: data.ClipImages, steps: int, batch: int, workers: int = 0) -> list[data.Batch]:
    plan = sample.SamplingPlan(steps=steps, batch=batch, seed=1)
    return list(data.training_batches(images, images.visits({}), plan, workers))


def test_every_stride_th_frame_of_each_clip_of_the_split_is_an_image(root: Path) -> None:
    keys = [item.key for item in (images(root)[k] for k in range(6))]
    assert keys == [("a", 0), ("a", 2), ("a", 4), ("b", 0), ("b", 2), ("b", 4)]
    assert len(images(root)) == 6
    assert len(images(root, "test", stride=1)) == 5
    with pytest.raises(IndexError):
        images(root)[6]


def test_boxes_shrink_with_their_image(root: Path) -> None:
    item = images(root)[0]
    _, tracks = toy.scene(0, 5)
    assert item.image.shape == (3, 180, 320)
    assert item.image.dtype == torch.uint8
    np.testing.assert_allclose(item.boxes, tracks.boxes[tracks.frames == 0], atol=0.01)
    assert item.labels.tolist() == [1] * len(item.boxes)


def test_the_dataset_pickles_small_and_without_its_caches(root: Path) -> None:
    full = images(root)
    plain = pickle.dumps(full)
    assert len(plain) < 5000
    _ = [full[k] for k in range(6)]
    assert pickle.dumps(full) == plain
    torch.testing.assert_close(pickle.loads(plain)[5].image, full[5].image)


def test_images_without_boxes_stay(tmp_path: Path) -> None:
    toy.server(tmp_path, {"a": "train"}, frames=3, people=0)
    item = images(tmp_path)[0]
    assert item.boxes.shape == (0, 4)
    assert item.labels.shape == (0,)


def test_a_box_is_clipped_to_its_picture_and_one_outside_is_none() -> None:
    boxes = np.array([[-60, 20, 40, 90], [300, -5, 340, 400], [-50, 0, -10, 40]], np.float32)
    item = data.LabelledImage.from_arrays(
        np.zeros((180, 320, 3), np.uint8), boxes, np.array([1, 2, 3]), ("a", 0)
    )
    assert item.boxes.tolist() == [[0, 20, 40, 90], [300, 0, 320, 180]]
    assert item.labels.tolist() == [1, 2]


def test_few_images_of_many_frames_are_kept_and_many_of_long_strides_are_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stride is longer than the clips: an image of each, not none."""
    version = next((root / "datasets").iterdir()).name
    options = data.ImageOptions("fcos-tiny", ("person",), 1000)
    one = 192 * 320 * 3
    for limit, keeps in ((one * 100, True), (one, False)):
        monkeypatch.setattr(data, "CACHED_IMAGE_BYTES", limit)
        view = data.ClipImages(root, version, "train", options)
        assert len(view) > 1
        assert view._caches_images is keeps


BREAK = {
    "missing image": ("clips/a/frames/000000.jpg", None, "000000.jpg"),
    "broken image": ("clips/a/frames/000000.jpg", b"no", "000000.jpg"),
    "missing labels": ("clips/a/labels-0001.json", None, "labels-0001.json"),
    "broken labels": ("clips/a/labels-0001.json", b"{", "labels-0001.json"),
}


@pytest.mark.parametrize("case", BREAK)
def test_a_broken_file_is_named(tmp_path: Path, case: str) -> None:
    toy.server(tmp_path, {"a": "train"}, frames=1)
    name, content, text = BREAK[case]
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=text):
        images(tmp_path)[0]


def test_a_class_the_model_does_not_know_is_named(root: Path) -> None:
    version = next((root / "datasets").iterdir()).name
    other = data.ClipImages(root, version, "train", data.ImageOptions("fcos-tiny", ("chair",)))
    with pytest.raises(BadInput, match="'person' is unknown"):
        other[0]


def test_an_augmented_box_still_frames_what_it_framed() -> None:
    for seed in range(30):
        picture = np.zeros((180, 320, 3), np.uint8)
        picture[60:120, 100:160] = 255
        box = np.array([[100, 60, 160, 120]], np.float32)
        augmented, boxes, _ = augment.augment(picture, box, np.random.default_rng(seed))
        if not len(boxes):
            continue
        x1, y1, x2, y2 = boxes[0].round().astype(int)
        inner = augmented[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].mean()
        ring = augmented[max(y1 - 3, 0) : y2 + 3, max(x1 - 3, 0) : x2 + 3].mean()
        assert inner > 180
        assert ring < inner
        outside = augmented.copy()
        outside[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2] = 0
        assert outside.max() < 180


@pytest.mark.parametrize("seed", range(40))
def test_a_turned_box_frames_what_it_framed_to_the_pixel(seed: int) -> None:
    """Without zoom, shift and light a quarter turn moves pixels and box alike."""
    rng = np.random.default_rng(seed)
    size = rng.integers(20, 60, 2)
    x1, y1 = (int(rng.integers(2, side - 9)) for side in size)
    x2, y2 = x1 + int(rng.integers(2, 8)), y1 + int(rng.integers(2, 8))
    image = np.zeros((int(size[1]), int(size[0]), 3), np.uint8)
    image[y1:y2, x1:x2] = 255
    linear, centre = augment.QUARTERS[seed % 2], size / 2
    offset = centre - linear @ centre
    moved = augment.move(image, linear, offset)
    corners = np.array([[x1, y1], [x2, y2]]) @ linear.T + offset
    low, high = corners.min(0), corners.max(0)
    rows, columns = np.nonzero(moved[..., 0] == 255)
    # The centres of two sizes differ by half a pixel where one is odd and the other even.
    inside = np.maximum(low, 0), np.minimum(high, size)
    if (inside[1] - inside[0] < 2).any():
        return
    np.testing.assert_allclose([columns.min(), rows.min()], inside[0], atol=0.51)
    np.testing.assert_allclose([columns.max() + 1, rows.max() + 1], inside[1], atol=0.51)


def test_turned_images_are_that_share_and_the_others_stay_as_they_were() -> None:
    picture = np.zeros((180, 320, 3), np.uint8)
    box = np.array([[150, 60, 170, 120]], np.float32)
    shapes = []
    for seed in range(200):
        _, boxes, visible = augment.augment(picture, box, np.random.default_rng(seed), 0.3)
        _, plain, _ = augment.augment(picture, box, np.random.default_rng(seed))
        assert visible.all()
        is_wide = np.ptp(boxes[0, ::2]) > np.ptp(boxes[0, 1::2])
        shapes.append(is_wide)
        if not is_wide:
            np.testing.assert_array_equal(boxes, plain)
    assert 0.2 < np.mean(shapes) < 0.4


def test_an_augmented_box_still_frames_what_it_framed_where_it_is_turned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(augment, "change_light", lambda image, rng: image)
    for seed in range(60):
        picture = np.zeros((180, 320, 3), np.uint8)
        picture[40:140, 145:175] = 255
        box = np.array([[145, 40, 175, 140]], np.float32)
        augmented, boxes, _ = augment.augment(picture, box, np.random.default_rng(seed), 1.0)
        x1, y1, x2, y2 = boxes[0].round().astype(int)
        assert x2 - x1 > y2 - y1 or x1 == 0 or x2 == 320
        bright = augmented.max(2) > 150
        assert bright[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].all()
        bright[max(y1 - 1, 0) : y2 + 1, max(x1 - 1, 0) : x2 + 1] = False
        assert not bright.any()


def compare_with_workers(root: Path) -> None:
    """Fail unless a worker gives what none gives."""
    alone = batches(images(root), 2, 2)
    helped = batches(images(root), 2, 2, workers=1)
    assert len(alone) == len(helped) == 2
    for a, b in zip(alone, helped, strict=True):
        assert a.keys == b.keys
        torch.testing.assert_close(a.images, b.images)


def test_workers_give_the_same_batches_as_none(root: Path) -> None:
    # In a process of its own: what other tests left in this one is no business of the workers.
    assert ranks.exit_codes([ranks.start(compare_with_workers, root)]) == [0]
