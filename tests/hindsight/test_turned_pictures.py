"""People who lie are longer than they are high: labels do not depend on how the picture is held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oneclick import hindsight
from oneclick.core.detections import Detections
from tests.fakes import arrays

LENGTH = 60


def walkers(seed: int) -> Detections:
    """Three people who walk to and fro on their own, with jitter, holes and uncertain scores."""
    rng = np.random.default_rng(seed)
    frames = np.tile(np.arange(LENGTH), 3)
    person = np.repeat(np.arange(3), LENGTH)
    across = 80 + 250 * person + 60 * np.sin(frames / 9 + 2 * person)
    down = 200 + 5 * np.sin(frames / (5 + 2 * person))
    low = np.stack([across, down], 1) + rng.normal(0, 2, (len(frames), 2))
    boxes = np.concatenate([low, low + np.array([40, 120])], 1)
    detections = arrays.detections(
        frames=frames,
        boxes=boxes,
        scores=rng.beta(8, 2, len(frames)),
        classes=np.zeros(len(frames)),
        length=LENGTH,
        fps=10.0,
    )
    return detections.where(rng.random(len(frames)) > 0.25)


def turned(detections: Detections) -> Detections:
    """The same boxes in a picture that is turned by 90° and mirrored: x is y."""
    return replace(detections, boxes=detections.boxes[:, [1, 0, 3, 2]])


@pytest.mark.parametrize("seed", range(4))
def test_labels_of_a_turned_picture_are_turned_labels(seed: int) -> None:
    labels = hindsight.label([walkers(seed)], [0.6])
    turned_labels = hindsight.label([turned(walkers(seed))], [0.6])
    assert len(labels) > 2 * LENGTH
    np.testing.assert_array_equal(turned_labels.frames, labels.frames)
    np.testing.assert_array_equal(turned_labels.tracks, labels.tracks)
    np.testing.assert_allclose(turned_labels.boxes, labels.boxes[:, [1, 0, 3, 2]], atol=1e-3)
    np.testing.assert_allclose(turned_labels.scores, labels.scores, atol=1e-6)
