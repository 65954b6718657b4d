"""How sure labels are, and what a person is asked about them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick import hindsight
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks
from oneclick.hindsight import confidence, questions
from tests.fakes import arrays, scenes

WIDTH, HEIGHT = 640.0, 480.0
MIDDLE = scenes.walk((200, 200), (2, 0), 60)
ALONG = scenes.walk((0, 50), (11, 0), 60)
OFTEN = (0.0, 1.0, -3.0, -2.0, 1.0, -1.0)


def tracks(*people: np.ndarray, score: float = 0.95, origins: str = "d") -> Tracks:
    """People in every frame, with one score and one origin."""
    n = len(people[0])
    frames = np.concatenate([np.arange(n)] * len(people))
    names = np.repeat(np.arange(len(people)), n)
    kinds = np.zeros(len(frames))
    letters = np.array(list(origins * len(frames)), np.str_)[: len(frames)]
    scores = np.full(len(frames), score)
    return arrays.tracks(
        frames=frames,
        tracks=names,
        boxes=np.concatenate(people),
        scores=scores,
        classes=kinds,
        origins=letters,
        length=n,
        fps=scenes.FPS,
    )


def named(track_set: Tracks) -> dict[str, np.ndarray]:
    return dict(zip(confidence.FEATURE_NAMES, confidence.features(track_set).T, strict=True))


def test_boxes_at_the_ends_of_a_track_are_suspicious() -> None:
    end = named(tracks(MIDDLE))["end"]
    assert end[0] == end[-1] == 1
    assert (np.diff(end[:30]) < 0).all()
    assert end[30] < 0.01


def test_boxes_far_from_the_nearest_seen_one_are_suspicious_up_to_a_limit() -> None:
    track_set = tracks(MIDDLE, origins="d" * 20 + "i" * 30 + "d" * 10)
    far = named(track_set)["far"]
    np.testing.assert_allclose(far[[0, 19, 20, 34, 49, 50]], [0, 0, 0.1, 1.5, 0.1, 0], atol=1e-9)
    assert (named(tracks(MIDDLE, origins="i"))["far"] == confidence.FAR_SECONDS).all()


def test_of_two_people_the_one_that_stands_nearer_covers_the_other() -> None:
    behind = scenes.walk((200, 180), (2, 0), 60)
    features = named(tracks(MIDDLE, behind))
    by_track = {key: value.reshape(60, 2) for key, value in features.items()}
    assert (by_track["crowd"] == by_track["crowd"][0]).all()
    assert by_track["behind"][0].tolist() == pytest.approx([0, 0.75])


def test_a_track_that_is_alone_has_neither_crowd_nor_anybody_before_it() -> None:
    features = named(tracks(MIDDLE))
    assert not features["crowd"].any()
    assert not features["behind"].any()


def test_scores_become_probabilities_and_nothing_else_changes() -> None:
    track_set = tracks(MIDDLE)
    probabilities = confidence.to_probabilities(track_set, OFTEN)
    assert probabilities.boxes is track_set.boxes or np.array_equal(
        probabilities.boxes, track_set.boxes
    )
    assert ((probabilities.scores > 0) & (probabilities.scores < 1)).all()
    assert probabilities.scores[0] < probabilities.scores[30]


def test_a_run_of_doubts_is_one_question_and_comes_before_a_smaller_one() -> None:
    track_set = tracks(ALONG, score=0.99)
    scores = track_set.scores.copy()
    scores[10:20], scores[23], scores[40] = 0.4, 0.5, 0.7
    asked_questions = questions.questions(replace(track_set, scores=scores), WIDTH, HEIGHT)
    assert [q.span for q in asked_questions] == [Span(10, 24), Span(40, 41)]
    assert asked_questions[0].expected == pytest.approx(6.5)
    assert asked_questions[0].why == "check this person"


def test_filled_boxes_are_asked_about_as_such() -> None:
    track_set = tracks(ALONG, origins="d" * 20 + "i" * 10 + "d" * 30)
    scores = np.where(track_set.origins == "i", 0.5, 0.99).astype(np.float32)
    asked_questions = questions.questions(replace(track_set, scores=scores), WIDTH, HEIGHT)
    assert asked_questions[0].span == Span(20, 30)
    assert "no model saw it clearly" in asked_questions[0].why


def test_where_a_track_ends_in_the_middle_of_the_picture_more_may_lie_behind() -> None:
    track_set = tracks(MIDDLE, score=0.99)
    inner = track_set.where((track_set.frames >= 20) & (track_set.frames < 40))
    asked_questions = questions.questions(inner, WIDTH, HEIGHT)
    assert sorted((q.span.start, q.span.stop) for q in asked_questions) == [(10, 20), (40, 50)]
    assert all(q.expected == pytest.approx(3.5) for q in asked_questions)


def test_who_leaves_the_picture_or_the_clip_is_not_missed() -> None:
    assert questions.questions(tracks(ALONG, score=0.99), WIDTH, HEIGHT) == []
    assert questions.questions(tracks(MIDDLE, score=0.99), WIDTH, HEIGHT) == []


def test_what_no_question_asks_about_is_accepted() -> None:
    track_set = tracks(MIDDLE, ALONG, score=0.99)
    scores = track_set.scores.copy()
    scores[(track_set.frames == 30) & (track_set.tracks == 1)] = 0.1
    track_set = replace(track_set, scores=scores)
    asked_questions = questions.questions(track_set, WIDTH, HEIGHT)
    assert questions.question_mask(track_set, asked_questions).sum() == 1


def test_nobody_is_asked_about_an_empty_clip() -> None:
    nothing = Tracks.empty(50, scenes.FPS)
    assert questions.questions(nothing, WIDTH, HEIGHT) == []
    assert confidence.features(nothing).shape == (0, 6)
    assert len(confidence.to_probabilities(nothing)) == 0


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), misses=st.floats(0, 0.6))
def test_every_box_in_doubt_lies_in_exactly_one_kind_of_answer(seed: int, misses: float) -> None:
    r = np.random.default_rng(seed)
    detections = scenes.seen([MIDDLE, ALONG], noise=2.0, seed=seed)
    track_set = hindsight.label([detections.where(r.random(len(detections)) >= misses)], [0.5])
    in_question = questions.question_mask(track_set, questions.questions(track_set, WIDTH, HEIGHT))
    assert in_question[track_set.scores < 1 - questions.ASK].all()
    assert ((track_set.scores >= 0) & (track_set.scores <= 1)).all()
