"""Where somebody may be and no label is, a reviewer is asked; where nothing says so, nobody is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oneclick.core.detections import Detections
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks
from oneclick.hindsight import places, questions
from oneclick.hindsight.places import PlaceEvidence, PlaceOptions
from tests.fakes import arrays, scenes

WALKER = scenes.walk((200, 200), (6, 0), 60)
OTHER = scenes.walk((400, 50), (-5, 1), 60)
STILL = scenes.walk((300, 300), (0, 0), 60)


def source(
    *people: np.ndarray, score: float = 1.0, name: str = "a model", usual: Detections | None = None
) -> PlaceEvidence:
    boxes = np.concatenate(people)
    n = len(people[0])
    found = Detections(
        frames=np.tile(np.arange(n), len(people)).astype(np.int32),
        boxes=boxes.astype(np.float32),
        scores=np.full(len(boxes), score, np.float32),
        classes=np.zeros(len(boxes), np.int16),
        length=n,
        fps=scenes.FPS,
    )
    return PlaceEvidence(source=name, boxes=found, seconds_for_half=1.0, usual=usual)


def labels(*people: np.ndarray) -> Tracks:
    if not people:
        return Tracks.empty(60, scenes.FPS)
    n = len(people[0])
    return arrays.tracks(
        frames=np.tile(np.arange(n), len(people)),
        tracks=np.repeat(np.arange(len(people)), n),
        boxes=np.concatenate(people),
        scores=np.ones(n * len(people)),
        classes=np.zeros(n * len(people)),
        origins=np.full(n * len(people), "d"),
        length=n,
        fps=scenes.FPS,
    )


def test_who_has_no_label_is_asked_about_where_they_are_in_the_middle() -> None:
    (question,) = places.find_places([source(WALKER, OTHER)], labels(OTHER))
    assert (question.track, question.span) == (None, Span(0, 60))
    assert question.box == pytest.approx(WALKER[question.middle].tolist(), abs=0.01)
    assert 50 < question.expected <= 60
    assert question.why == "is anybody here? a model says so"


def test_who_is_labelled_is_not_asked_about_nor_a_part_of_them() -> None:
    half = WALKER.copy()
    half[:, 3] = (half[:, 1] + half[:, 3]) / 2
    for evidence in (source(WALKER), source(half), source(WALKER + 3)):
        assert places.find_places([evidence], labels(WALKER)) == []


def test_weak_scores_alone_ask_nothing_and_support_another_source() -> None:
    weak = source(WALKER, score=0.7)
    motion = replace(source(WALKER, name="motion"), seconds_for_half=9.0)
    assert places.find_places([weak], labels()) == []
    assert places.find_places([motion], labels()) == []
    (question,) = places.find_places([weak, motion], labels())
    assert question.why == "is anybody here? motion and a model says so"


def test_what_never_moves_needs_more_and_furniture_still_more() -> None:
    (moving,) = places.find_places([source(WALKER)], labels())
    still = replace(source(STILL), seconds_for_half=0.5)
    (question,) = places.find_places([still], labels())
    assert question.expected < moving.expected
    usual = places.sample_usual(still.boxes)
    assert usual.length == 60
    assert places.find_places([replace(still, usual=usual)], labels()) == []
    elsewhere = places.sample_usual(source(OTHER).boxes)
    assert places.find_places([replace(still, usual=elsewhere)], labels()) == [question]


def test_never_more_than_a_number_that_can_be_set() -> None:
    people = [scenes.walk((40 + 90 * k, 60 * k), (5, 0), 60) for k in range(5)]
    for most in (0, 1, 3, 9):
        asked = places.find_places([source(*people)], labels(), PlaceOptions(per_clip=most))
        assert len(asked) == min(most, 5)


def test_two_sources_that_say_the_same_are_one_question() -> None:
    both = [source(WALKER), source(WALKER + 2, name="motion")]
    (question,) = places.find_places(both, labels())
    assert "a model and motion" in question.why or "motion and a model" in question.why


def test_without_evidence_or_frames_nothing_is_asked() -> None:
    nothing = PlaceEvidence(
        source="a model", boxes=Detections.empty(60, scenes.FPS), seconds_for_half=1.0
    )
    assert places.find_places([nothing], labels(WALKER)) == []
    assert places.find_places([], labels()) == []
    assert places.sample_usual(Detections.empty(0, 10.0)).length in (0, 1)


def test_questions_have_names_that_differ_and_stay() -> None:
    asked = places.find_places([source(WALKER, OTHER)], labels())
    asked += questions.questions(labels(STILL), 640, 480)
    names = questions.names([*asked, *asked])
    assert len(set(names)) == len(names)
    assert names[: len(asked)] == questions.names(asked)
    assert questions.question_mask(labels(STILL), asked).sum() == 0


NAMES = ("person", "bed")
BED = STILL + np.array([-20, -20, 20, 20])


def of_class(name: str, evidence: PlaceEvidence) -> PlaceEvidence:
    """The same evidence of a model that tells people from beds."""
    found = evidence.boxes
    classes = np.full(len(found), NAMES.index(name), np.int16)
    return replace(evidence, boxes=replace(found, classes=classes, names=NAMES))


def bed_label() -> Tracks:
    bed = labels(BED)
    return replace(bed, classes=np.ones(len(bed), np.int16), names=NAMES)


def test_a_bed_does_not_explain_the_man_in_it() -> None:
    man = replace(of_class("person", source(STILL)), may_lie=True)
    (question,) = places.find_places([man], bed_label())
    assert (question.cls, question.why) == ("person", "is anybody here? a model says so")
    assert len(places.find_regions([man], bed_label())) == 1
    bed = replace(of_class("bed", source(BED)), may_lie=True)
    assert places.find_places([bed], bed_label()) == []
    assert places.find_regions([bed], bed_label()) == []


def test_what_tells_no_classes_is_explained_by_any_label() -> None:
    moving = replace(of_class("person", source(BED, name="motion")), seconds_for_half=0.1)
    motion = replace(moving, has_classes=False)
    assert places.find_places([motion], bed_label()) == []
    assert len(places.find_places([moving], bed_label())) == 1


def test_two_classes_at_one_place_are_two_questions_and_motion_supports_one() -> None:
    bed = of_class("bed", source(WALKER))
    man = of_class("person", source(WALKER))
    motion = replace(source(WALKER, name="motion"), has_classes=False)
    found = places.find_places([bed, man, motion], Tracks.empty(60, scenes.FPS, NAMES))
    assert sorted(question.cls for question in found) == ["bed", "person"]
    assert {question.why.partition("?")[0] for question in found} == {
        "is anybody here",
        "is any bed here",
    }
    assert sum("motion" in question.why for question in found) == 1
    (alone,) = places.find_places([motion], labels())
    assert (alone.cls, alone.why) == ("", "is anybody here? motion says so")


def test_what_a_model_usually_calls_a_bed_does_not_make_a_man_there_usual() -> None:
    man = replace(of_class("person", source(STILL)), seconds_for_half=0.5)
    beds = places.sample_usual(of_class("bed", source(STILL)).boxes)
    men = places.sample_usual(man.boxes)
    nobody = Tracks.empty(60, scenes.FPS, NAMES)
    assert len(places.find_places([replace(man, usual=beds)], nobody)) == 1
    assert places.find_places([replace(man, usual=men)], nobody) == []


def part(evidence: PlaceEvidence, *frames: int) -> PlaceEvidence:
    """Evidence in some frames only."""
    return replace(evidence, boxes=evidence.boxes.where(np.isin(evidence.boxes.frames, frames)))


def test_whoever_is_surely_seen_is_left_out_however_shortly() -> None:
    for frames in ([7], [7, 8], [7, 9, 40]):
        evidence = part(source(WALKER), *frames)
        assert places.find_places([evidence], labels(OTHER)) == []
        regions = places.find_regions([evidence], labels(OTHER))
        found = {int(f): box for at, corners in regions for f, box in zip(at, corners, strict=True)}
        assert sorted(found) == frames
        for frame, box in found.items():
            assert box == pytest.approx(WALKER[frame])


def test_of_weak_evidence_only_the_sure_boxes_are_left_out() -> None:
    weak = source(WALKER, score=0.3)
    assert places.find_regions([weak], labels()) == []
    scores = weak.boxes.scores.copy()
    scores[[20, 35]] = 1.0
    evidence = replace(weak, boxes=replace(weak.boxes, scores=scores))
    regions = places.find_regions([evidence], labels())
    assert [frames.tolist() for frames, _ in regions] == [[20], [35]]


def test_short_motion_and_whom_labels_or_regions_show_make_no_further_region() -> None:
    motion = replace(part(source(WALKER, name="motion"), 7, 8), has_classes=False)
    assert places.find_regions([motion], labels()) == []
    assert places.find_regions([part(source(WALKER + 2), 7, 8)], labels(WALKER)) == []
    twice = [source(WALKER), part(source(WALKER + 2, name="another"), 7, 8)]
    assert len(places.find_regions(twice, labels())) == 1
