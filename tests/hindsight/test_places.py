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
