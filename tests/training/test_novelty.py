"""Novelty of one camera: real small trainings, the same every time, and states that survive."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import torch

from oneclick.core.errors import BadInput, UnknownName, UsageError
from oneclick.detectors import novelty as detector
from oneclick.detectors.novelty import KINDS, NoveltyModel
from oneclick.training import novelty
from tests.training import toy

SHORT = novelty.NoveltyTrainingConfig(steps=30, batch=8)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return toy.scene(5, 80)[0]


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest, pictures: list[np.ndarray]) -> NoveltyModel:
    return novelty.fit(request.param, novelty.sample(pictures), SHORT)


def covered(picture: np.ndarray) -> np.ndarray:
    """A hand over most of the lens."""
    dark = picture.copy()
    dark[:, : int(0.8 * picture.shape[1])] = (120, 80, 60)
    return dark


def test_a_covered_camera_is_stranger_than_every_ordinary_frame(
    model: NoveltyModel, pictures: list[np.ndarray]
) -> None:
    ordinary = model.score(pictures)
    strange = model.score([covered(picture) for picture in pictures[::10]])
    assert ordinary.dtype == np.float32
    assert ordinary.shape == (80,)
    assert strange.min() > ordinary.max()
    assert strange.min() > 1


def test_the_level_is_that_of_the_strangest_frame_held_out(
    model: NoveltyModel, pictures: list[np.ndarray]
) -> None:
    assert model.score(pictures[64:]).max() == pytest.approx(1, abs=0.05)


def test_a_score_depends_on_its_frame_alone(
    model: NoveltyModel, pictures: list[np.ndarray]
) -> None:
    together = model.score(pictures[:20])
    alone = np.concatenate([model.score([picture]) for picture in pictures[:20]])
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-4)
    assert model.score([]).shape == (0,)


def test_a_state_comes_back_from_a_file_of_weights_only(
    model: NoveltyModel, pictures: list[np.ndarray]
) -> None:
    file = io.BytesIO()
    torch.save(model.state(), file)
    file.seek(0)
    again = NoveltyModel.from_state(torch.load(file, weights_only=True))
    assert again.kind == model.kind
    np.testing.assert_array_equal(again.score(pictures[:5]), model.score(pictures[:5]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_training_twice_gives_the_same_scores(
    kind: detector.NoveltyKind, pictures: list[np.ndarray]
) -> None:
    few = dataclasses.replace(SHORT, steps=4)
    first, again = (novelty.fit(kind, novelty.sample(pictures), few) for _ in range(2))
    other = novelty.fit(kind, novelty.sample(pictures), dataclasses.replace(few, seed=1))
    assert np.array_equal(first.score(pictures[:9]), again.score(pictures[:9]))
    assert not np.array_equal(first.score(pictures[:9]), other.score(pictures[:9]))


def test_frames_are_sampled_and_shrunk(pictures: list[np.ndarray]) -> None:
    small = novelty.sample(pictures, stride=30)
    assert small.shape == (3, detector.HEIGHT, detector.WIDTH, 3)
    assert np.array_equal(small[1], detector.shrink(pictures[30]))
    large = np.kron(pictures[0], np.ones((6, 6, 1), np.uint8))
    close = np.abs(detector.shrink(large).astype(int) - small[0])
    assert close.mean() < 4
    assert len(novelty.sample([])) == 0


def test_too_few_frames_or_other_sizes_are_refused(pictures: list[np.ndarray]) -> None:
    small = novelty.sample(pictures)
    with pytest.raises((BadInput, UsageError), match="10 frames are too few"):
        novelty.fit("novelty-gan", small[:10])
    with pytest.raises(UsageError, match="shrink them"):
        novelty.fit("novelty-gan", np.stack(pictures))
    with pytest.raises(UnknownName, match="novelty-autoencoder, novelty-gan"):
        novelty.fit("novelty-oracle", small)  # type: ignore[arg-type]


def test_what_is_no_state_is_refused(model: NoveltyModel) -> None:
    with pytest.raises(BadInput, match="no model of novelty"):
        NoveltyModel.from_state({"kind": model.kind})
    with pytest.raises(BadInput, match="no model of novelty"):
        NoveltyModel.from_state({**model.state(), "weights": {}})
