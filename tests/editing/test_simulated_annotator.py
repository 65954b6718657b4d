"""The annotator of the benchmarks pays for what the review page asks of a person."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from oneclick.editing import apply
from oneclick.editing.operations import Box
from oneclick.editing.state import EditState
from tests.bench import loop_table
from tests.bench.simulated_annotator import COSTS, SimulatedAnnotator, Work
from tests.fakes import clips

LOOK = COSTS["frame"]
TRUE = np.array([20.0, 5.0, 30.0, 35.0])


class Desk:
    """Labels of ten frames in which one person stands still."""

    def __init__(self, frames: Sequence[int]) -> None:
        label_set = clips.auto_labels(clips.clip())
        keep = list(frames)
        (track,) = label_set.tracks[:1]
        shown = replace(
            track,
            frames=track.frames[keep],
            boxes=np.tile(TRUE, (len(keep), 1)).astype(np.float32),
            scores=track.scores[keep],
            origins="d" * len(keep),
            keyframes=(),
        )
        tracks = (shown,) if keep else ()
        self.state = EditState.from_labels(replace(label_set, tracks=tracks), 10.0, {})

    def edit(self, operation: Any) -> None:
        self.state = apply.apply(self.state, operation)

    def review(self, *looks: Any) -> Work:
        truth = {frame: {1: TRUE} for frame in range(10)}
        rng = np.random.default_rng(0)
        return SimulatedAnnotator(lambda: self.state, self.edit, truth, rng).review(*looks)


def shifted(by: float) -> Box:
    x1, y1, x2, y2 = (TRUE + np.array([by, 0, by, 0])).tolist()
    return x1, y1, x2, y2


@pytest.mark.parametrize(
    ("place", "price"),
    [
        (shifted(0.5), 2 * COSTS["key"]),
        (shifted(5), COSTS["key"] + COSTS["move"]),
        (shifted(30), COSTS["draw"]),
        (None, COSTS["draw"]),
    ],
    ids=["fits", "is near", "is elsewhere", "nothing is shown"],
)
def test_a_person_at_a_place_that_the_page_shows_costs_keys(
    place: Box | None, price: float
) -> None:
    work = Desk([]).review([5], {} if place is None else {5: [place]})
    assert work.seconds == pytest.approx(LOOK + price)


def test_a_person_who_stands_still_beyond_an_end_costs_two_keys() -> None:
    desk = Desk(range(5))
    work = desk.review([9])
    assert work.seconds == pytest.approx(LOOK + 2 * COSTS["key"])
    assert desk.state.tracks[0].frames.tolist() == list(range(10))


def test_more_of_a_question_is_looked_at_where_something_is_wrong() -> None:
    right, wrong = Desk(range(10)), Desk([])
    assert right.review([2], {}, {2: [4, 6]}).looks == 1
    assert wrong.review([2], {}, {2: [4, 6]}).looks >= 3


def test_hours_are_compared_between_runs_of_different_length() -> None:
    manual = [{"map": 0.1 * week, "spent": 300.0 * week} for week in (1, 2, 3, 4)]
    default = [{"map": 0.2, "spent": 300.0}, {"map": 0.4, "spent": 500.0}]
    assert loop_table.speed_up(manual, default) == pytest.approx(1200 / 500)
    assert loop_table.speed_up(manual, default[:1]) is None
