"""What strange predictions mean to triggers: a clear error, or nothing found."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from oneclick import triggers
from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.core.hits import Hit
from oneclick.feedback import replay
from oneclick.storage import predictions
from oneclick.triggers.streaming import PredictionChunk
from tests.triggers.scenes import boxes, person, scene_of


def found(lead: Detections, other: Detections | None = None) -> list[Hit]:
    parts = [lead] if other is None else [lead, other]
    scene = replay.build_scene(PredictionChunk(tuple(parts)), [0.5] * len(parts), 640, 480)
    return triggers.scan(scene, triggers.make())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": [[np.nan, 0, 10, 10]]}, "expected finite numbers"),
        ({"boxes": [[10, 0, 5, 10]]}, "turned inside out"),
        ({"scores": [np.inf]}, "expected finite numbers"),
        ({"frames": [40]}, "frames: expected 0 … 39, got 40"),
        ({"frames": [-1]}, "frames: expected 0 … 39, got -1"),
        ({"classes": [1]}, "classes: expected indices"),
        ({"fps": 0}, "fps: expected a positive number, got 0"),
        ({"fps": np.nan}, "fps: expected a positive number"),
        ({"scores": [0.9, 0.8]}, "scores: expected shape"),
    ],
    ids=["NaN", "inverted", "infinite", "late", "early", "class", "fps 0", "fps NaN", "ragged"],
)
def test_values_that_mean_nothing_are_refused(change: dict[str, object], message: str) -> None:
    detections = boxes(person([5]))
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(detections, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("other", [None, Detections.empty(40, 10.0)], ids=["alone", "with rival"])
def test_empty_predictions_are_no_hits(other: Detections | None) -> None:
    assert found(Detections.empty(40, 10.0), other) == []
    assert found(Detections.empty(0, 10.0)) == []


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = person([k for k in range(40) if k not in (10, 30)]) + person([20], x=400)
    shuffled = [rows[k] for k in np.random.default_rng(0).permutation(len(rows))]
    assert found(boxes(shuffled)) == found(boxes(rows))


def test_a_gap_in_time_ends_every_track() -> None:
    hits = found(boxes(person([*range(15), *range(25, 40)])))
    assert not {hit.trigger for hit in hits} & {"flicker", "jump", "area", "blip"}


def test_a_rival_of_another_video_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 40 frames, got 41"):
        scene_of(boxes([]), rival_detections=boxes([], length=41))


def test_a_rival_that_knows_other_classes_says_nothing(tmp_path: Path) -> None:
    lead = boxes(person([k for k in range(40) if k != 10]))
    cats = dataclasses.replace(boxes(person(range(40))), names=("cat",))
    assert "conflict_miss" not in {hit.trigger for hit in found(lead, cats)}


def test_predictions_that_are_no_file_of_ours_are_named(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    path.write_bytes(b"text")
    with pytest.raises(BadInput, match=r"own\.parquet: no predictions file"):
        predictions.load(path)
