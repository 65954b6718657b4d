from __future__ import annotations

import numpy as np
import pytest

from oneclick.core.datasets import DatasetClip
from oneclick.training.evaluation import average_precision, slices
from oneclick.training.evaluation.matching import ImageDetections, ImageTruth
from oneclick.training.evaluation.slices import ImageMetadata

TALL, LOW = (0, 0, 20, 60), (50, 0, 70, 10)  # large and small in a picture 100 px high
ELSEWHERE = (80, 50, 99, 99)


def found(*rows: tuple[float, ...]) -> ImageDetections:
    """Boxes of one class, each with the score 0.9."""
    table = np.array(rows, np.float32).reshape(-1, 4)
    return table, np.full(len(table), 0.9), np.zeros(len(table), np.int64)


def true(*rows: tuple[float, ...]) -> ImageTruth:
    table = np.array(rows, np.float32).reshape(-1, 4)
    return table, np.zeros(len(table), np.int64)


def line(clip: str, camera: str, led_by: str, chosen_by: str = "trigger") -> DatasetClip:
    return DatasetClip(
        clip=clip,
        camera=camera,
        revision=1,
        label_digest="",
        clip_digest=clip,
        split="test",
        frames=2,
        width=100,
        height=100,
        fps=10.0,
        origins={},
        chosen_by=chosen_by,
        led_by=led_by,
    )


TRUTHS = [true(TALL), true(TALL, LOW), true(), true(LOW)]
TRAITS = (("posture=lying",), (), ("posture=lying", "fall=yes"), ())
FACTS = ImageMetadata(
    ("a", "a", "b", "b"), np.array([False, False, True, True]), np.full(4, 100.0), TRAITS
)
LINES = (line("a", "lounge", "flicker"), line("b", "hall", "", "control"))


def cut(
    predictions: list[ImageDetections], lines: tuple[DatasetClip, ...] = LINES
) -> dict[str, slices.EvaluationSlice]:
    matches = average_precision.match(predictions, TRUTHS, np.array([0, 0, 1, 1]))
    return {row.score.name: row for row in slices.cut(matches, FACTS, 0.5, lines)}


PERFECT = [found(*boxes.tolist()) for boxes, _ in TRUTHS]
SIZES = {
    "camera=lounge": (2, 1, 3),
    "camera=hall": (2, 1, 1),
    "light=day": (2, 1, 3),
    "light=night": (2, 1, 1),
    "people=0": (1, 1, 0),
    "people=1": (2, 2, 2),
    "people=2": (1, 1, 2),
    "trigger=flicker": (2, 1, 3),
    "trigger=control": (2, 1, 1),
    "size=small": (2, 2, 2),
    "size=large": (2, 1, 2),
    "shape=wide": (2, 2, 2),
    "shape=high": (2, 1, 2),
    "posture=lying": (2, 1, 2),
    "fall=yes": (1, 1, 1),
}


def test_every_image_and_box_belongs_to_its_slices() -> None:
    rows = cut(PERFECT)
    assert {n: (s.score.images, s.score.clips, s.score.boxes) for n, s in rows.items()} == SIZES
    for row in rows.values():
        assert row.score.map == pytest.approx(1) or row.score.boxes == 0
        assert row.score.alarms == 0
    assert rows["people=0"].score.map is None


def test_without_a_manifest_there_is_no_camera_and_no_trigger() -> None:
    assert {name.partition("=")[0] for name in cut(PERFECT, ())} == {
        "light", "people", "size", "shape", "posture", "fall"
    }  # fmt: skip


def test_a_slice_that_is_the_whole_is_left_out() -> None:
    assert "light=day" not in {
        row.score.name
        for row in slices.cut(
            average_precision.match([found(TALL)], [true(TALL)]),
            ImageMetadata(("a",), np.array([False]), np.array([100.0]), ((),)),
            0.5,
        )
    }


def test_boxes_of_another_size_count_neither_way() -> None:
    # A large true box found, a small false box: the slice of large boxes is flawless.
    rows = cut([found(TALL), found(TALL, (50, 30, 70, 40)), found(), found()])
    large, small = rows["size=large"].score, rows["size=small"].score
    assert (large.map, large.recall, large.alarms) == pytest.approx((1, 1, 0))
    assert (small.map, small.recall, small.alarms) == (0, 0, 0.5)


def test_a_model_that_misses_who_lies_fails_in_the_slice_of_wide_boxes() -> None:
    rows = cut([found(TALL), found(TALL), found(), found(ELSEWHERE)])
    wide, high = rows["shape=wide"].score, rows["shape=high"].score
    assert (wide.map, wide.recall, wide.alarms) == (0, 0, 0)
    assert (high.map, high.recall) == pytest.approx((1, 1))
    falsely_wide = cut([found(TALL), found(TALL, (50, 30, 70, 40)), found(), found()])
    assert falsely_wide["shape=wide"].score.alarms == 0.5
    assert falsely_wide["shape=high"].score.alarms == 0


def test_each_class_of_several_is_a_slice_of_its_own() -> None:
    """Two people and a wheelchair: a model finds one, the other, and a chair too many."""
    boxes = np.array([TALL, LOW, (60, 20, 80, 70)], np.float32)
    truths = [(boxes, np.array([0, 0, 1]))] * 2
    answers = [(boxes[[0, 2, 1]], np.array([0.9, 0.8, 0.7]), np.array([0, 1, 1]))] * 2
    facts = ImageMetadata(("a", "b"), np.zeros(2, bool), np.full(2, 100.0), ((), (), ()) * 2)
    matches = average_precision.match(answers, truths, classes=2)
    rows = {
        row.score.name: row.score
        for row in slices.cut(matches, facts, 0.5, classes=("person", "wheelchair"))
    }
    person, wheelchair = rows["class=person"], rows["class=wheelchair"]
    assert (person.boxes, person.recall, person.alarms) == (4, 0.5, 0)
    assert (wheelchair.boxes, wheelchair.recall, wheelchair.alarms) == (2, 1, 1)
    assert person.map == pytest.approx(average_precision.average(matches)[0, 0].mean())
    alone = average_precision.match([found(TALL)], [true(TALL)], classes=2)
    assert not [
        row
        for row in slices.cut(alone, facts, 0.5, classes=("person", "wheelchair"))
        if row.score.name.startswith("class=")
    ]


def test_false_boxes_count_in_images_that_show_the_attribute() -> None:
    beside = cut([found(TALL, ELSEWHERE), found(TALL, LOW), found(), found(LOW)])
    apart = cut([found(TALL), found(TALL, LOW), found(ELSEWHERE), found(LOW, ELSEWHERE)])
    assert beside["posture=lying"].score.alarms == 0.5
    assert apart["posture=lying"].score.alarms == 0
    # The box that does not lie was found; that is no mistake about those who do.
    assert apart["fall=yes"].score.map == pytest.approx(1)


def test_an_image_slice_is_what_its_images_alone_would_give() -> None:
    predictions = [found(ELSEWHERE), found(LOW), found(TALL), found(LOW)]
    alone = average_precision.match(predictions[:2], TRUTHS[:2])
    expected = average_precision.mean(average_precision.average(alone))[0]
    assert cut(predictions)["camera=lounge"].score.map == pytest.approx(expected)


LIGHTS = {
    "coloured": ((120, 90, 60), False),
    "dark": ((40, 30, 20), True),
    "infrared": ((150, 150, 150), True),
    "almost colourless": ((150, 148, 147), True),
}


@pytest.mark.parametrize("case", LIGHTS)
def test_light_is_seen_in_the_picture(case: str) -> None:
    colour, night = LIGHTS[case]
    picture = np.tile(np.array(colour, np.uint8)[:, None, None], (1, 40, 60))
    assert slices.is_night(picture) is night
