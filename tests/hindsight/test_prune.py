"""Which tracks are too short to be people: that depends on the clip's length and its rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oneclick import hindsight
from oneclick.core.detections import Detections
from oneclick.core.spans import Span
from oneclick.hindsight import HindsightOptions, prune
from tests.fakes import scenes

OPTIONS = HindsightOptions()


@pytest.mark.parametrize(
    ("length", "fps", "expected"),
    [
        pytest.param(300, 30.0, (5, 0.4), id="usual, 30 fps"),
        pytest.param(70, 7.0, (5, 0.4), id="usual, 7 fps"),
        pytest.param(20, 25.0, (5, 0.4), id="just long enough"),
        pytest.param(6, 25.0, (3, 0.12), id="six frames"),
        pytest.param(5, 25.0, (3, 0.1), id="five frames"),
        pytest.param(2, 25.0, (1, 0.04), id="two frames"),
        pytest.param(1, 25.0, (1, 0.02), id="one frame"),
        pytest.param(300, 3.5, (3, 0.4), id="3.5 fps"),
        pytest.param(300, 1.0, (1, 0.4), id="1 fps"),
        pytest.param(300, 0.1, (1, 0.4), id="a picture in ten seconds"),
    ],
)
def test_a_track_need_not_be_longer_than_half_the_clip_nor_seconds_at_a_low_rate(
    length: int, fps: float, expected: tuple[int, float]
) -> None:
    boxes, seconds = prune.shortest_track(Detections.empty(length, fps), OPTIONS)
    assert boxes == expected[0]
    assert seconds == pytest.approx(expected[1])


PEOPLE = [scenes.walk((150 * k, 100), (4, 0), 40) for k in range(3)]


@pytest.mark.parametrize("length", [1, 2, 6, 10])
def test_everybody_in_a_short_clip_is_labelled(length: int) -> None:
    clip = scenes.seen(PEOPLE, noise=1).cut(Span(3, 3 + length))
    tracks = hindsight.label([clip], [0.5])
    assert len(tracks) == len(clip) == 3 * length


def test_who_is_seen_in_few_pictures_a_second_apart_is_labelled() -> None:
    clip = scenes.seen(PEOPLE[:2], {0: range(3, 40)})
    tracks = hindsight.label([replace(clip, fps=1.0)], [0.5])
    assert np.unique(tracks.tracks, return_counts=True)[1].tolist() == [3, 40]


def test_a_flash_in_a_clip_of_usual_length_is_no_label() -> None:
    clip = scenes.seen(PEOPLE)
    rows = (clip.boxes[:, 0] < 280) | np.isin(clip.frames, [30, 31])
    tracks = hindsight.label([clip.where(rows)], [0.5])
    assert sorted(np.unique(tracks.tracks).tolist()) == [0, 1]
