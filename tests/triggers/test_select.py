import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core.clips import ChosenBy
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.splits import Part
from oneclick.triggers import calibrate, expect, priors, select
from oneclick.triggers.select import Candidate, Choice, Options


def hit(trigger: str, start: int, frames: int = 1, x: float = 0.0) -> Hit:
    boxes = tuple((start + k, x, 0.0, x + 40.0, 100.0) for k in range(frames))
    return Hit(trigger, Span(start, start + frames), 0.5, boxes, "why")


def video(
    name: str = "a",
    length: int = 1000,
    hits: tuple[Hit, ...] = (),
    cut: int | None = None,
    taken: tuple[Span, ...] = (),
) -> Candidate:
    parts = (Part(Span(0, length), "train"),)
    if cut is not None:
        parts = (Part(Span(0, cut - 30), "train"), Part(Span(cut, length), "test"))
    return Candidate(name, length, 10.0, hits, parts, taken)


def by(chosen: list[Choice]) -> Counter[str]:
    return Counter(choice.chosen_by.value for choice in chosen)


P = priors.BELIEFS


def wrong(*fired: str) -> float:
    return P.wrong(frozenset(fired))


def test_what_fired_on_one_object_is_believed_together() -> None:
    scores = expect.errors([hit("flicker", 3), hit("conflict_miss", 3, 2, x=5)], 10)
    both, miss = wrong("flicker", "conflict_miss"), wrong("conflict_miss")
    assert scores[[3, 4, 5]].tolist() == pytest.approx([both, miss, 0])
    assert both > max(wrong("flicker"), miss)


def test_expected_errors_per_box_prefer_the_small_scene() -> None:
    shares = expect.per_box(np.array([2.0, 1.0, 0.5]), np.array([7, 1, 0]))
    assert shares.tolist() == [0.25, 0.5, 0.5]


def test_a_crowd_wins_per_frame_and_a_lone_person_per_box() -> None:
    boxes = np.ones(1000, np.int32)
    boxes[100:200] = 20
    hits = (hit("blip", 150), hit("blip", 150, x=100), hit("blip", 500))
    one = Candidate("a", 1000, 10.0, hits, (Part(Span(0, 1000), "train"),), (), boxes)
    for per, frame in (("frame", 150), ("box", 500)):
        (choice,) = select.select([one], Options(min_clips=1, control=0, per=per))  # type: ignore[arg-type]
        assert frame in choice.span


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        ([], 0.0),
        ([hit("blip", 3)], wrong("blip")),
        ([hit("blip", 3), hit("blip", 3, x=10)], wrong("blip")),
        ([hit("blip", 3), hit("blip", 3, x=300)], 2 * wrong("blip")),
        ([hit("somebody_elses", 3)], calibrate.UNKNOWN),
        ([Hit("novelty", Span(2, 5), 0.5, (), "")], calibrate.UNKNOWN),
    ],
    ids=["nothing", "one", "same object twice", "two objects", "unknown trigger", "no boxes"],
)
def test_objects_add_up(hits: list[Hit], expected: float) -> None:
    assert expect.errors(hits, 10)[3] == pytest.approx(expected)


def test_the_best_window_holds_the_trouble_in_its_middle() -> None:
    options = Options(min_clips=1, control=0)
    (choice,) = select.select([video(hits=(hit("flicker", 500, 4),))], options)
    assert choice.span == Span(487, 517)
    assert choice.chosen_by is ChosenBy.TRIGGER
    assert [h.trigger for h in choice.hits] == ["flicker"]


@pytest.mark.parametrize(
    ("length", "options", "clips"),
    [
        (1000, Options(min_clips=0), 0),
        (1000, Options(min_clips=4), 4),
        (1000, Options(min_clips=0, budget=0.3), 10),
        (1000, Options(min_clips=100), 20),
        (30, Options(), 1),
        (29, Options(), 1),
        (1, Options(), 1),
        (1, Options(min_clips=0), 0),
    ],
    ids=["none", "floor", "budget", "limited by room", "one clip", "short", "one frame", "no"],
)
def test_how_many_clips(length: int, options: Options, clips: int) -> None:
    hits = tuple(hit("flicker", k) for k in range(0, length, 7))
    found = select.select([video(length=length, hits=hits)], options)
    # 1,000 frames hold 25 clips of 3 s with 1 s between them; greedy choice leaves odd corners.
    assert len(found) == clips or (clips == 20 and 17 <= len(found) <= 25)


def test_a_short_video_is_one_span() -> None:
    (choice,) = select.select([video(length=7)], Options())
    assert choice.span == Span(0, 7)


def test_when_hits_run_out_random_clips_fill_the_floor_and_not_the_budget() -> None:
    one = (hit("flicker", 500),)
    floor = select.select([video(hits=one)], Options(min_clips=6))
    assert by(floor) == {"control": 5, "trigger": 1}
    budget = select.select([video(hits=one)], Options(min_clips=0, budget=0.3))
    assert by(budget) == {"control": 1, "trigger": 1}


def test_control_does_not_look_at_the_hits() -> None:
    many = tuple(hit("flicker", k, 5) for k in range(100, 900, 50))
    options = Options(min_clips=8, control=0.25)
    control = [
        [c.span for c in select.select([video(hits=hits)], options) if c.chosen_by == "control"]
        for hits in (many, many[::2])
    ]
    assert len(control[0]) == 2
    assert control[0] == control[1]


def test_control_is_uniform_over_the_time() -> None:
    options = [Options(min_clips=1, control=1, seed=seed) for seed in range(400)]
    starts = [select.select([video()], o)[0].span.start for o in options]
    quarters = np.histogram(starts, 4, (0, 971))[0]
    assert (np.abs(quarters - 100) < 35).all()


def test_at_least_one_of_five_clips_is_control() -> None:
    many = tuple(hit("flicker", k) for k in range(0, 1000, 50))
    for count, control in ((4, 0), (5, 1), (20, 2)):
        found = select.select([video(hits=many, length=2000)], Options(min_clips=count))
        assert by(found)["control"] >= control


def test_both_sides_of_the_split_get_their_share_of_the_clips() -> None:
    hits = tuple(hit("flicker", k) for k in range(10, 790, 40))
    found = select.select([video(length=800, hits=hits, cut=600)], Options(min_clips=8))
    assert Counter(c.split for c in found) == {"train": 6, "test": 2}
    assert all(c.span.stop <= 570 or c.span.start >= 600 for c in found)


def test_nothing_is_selected_near_a_clip_that_exists() -> None:
    hits = (hit("flicker", 500),)
    taken = (Span(480, 510),)
    found = select.select([video(hits=hits, taken=taken)], Options(min_clips=30))
    assert found
    assert all(choice.span.gap(taken[0]) >= 10 for choice in found)


def test_the_budget_goes_to_the_worst_video() -> None:
    good = video("good", hits=(hit("low_confidence", 500),))
    bad = video("bad", hits=tuple(hit("flicker", k) for k in range(0, 1000, 45)))
    found = select.select([good, bad], Options(min_clips=6, control=0))
    assert {choice.video for choice in found} == {"bad"}


CANDIDATES = st.lists(
    st.tuples(st.integers(1, 400), st.lists(st.integers(0, 399), max_size=20), st.booleans()),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(CANDIDATES, st.integers(0, 20), st.floats(0, 1), st.floats(0, 1))
def test_a_selection_is_in_its_video_apart_and_independent_of_order(
    drawn: list[tuple[int, list[int], bool]], least: int, budget: float, control: float
) -> None:
    options = Options(min_clips=least, budget=budget, control=control)
    videos = []
    for k, (length, frames, cut) in enumerate(drawn):
        hits = tuple(hit("flicker", f) for f in frames if f < length)
        videos.append(video(f"v{k}", length, hits, 200 if cut and length > 240 else None))
    found = select.select(videos, options)
    assert found == select.select(videos[::-1], options)
    for one in videos:
        mine = [choice for choice in found if choice.video == one.video]
        assert all(b.span.start - a.span.stop >= 10 for a, b in pairwise(mine))
        for choice in mine:
            sides = [p for p in one.parts if p.split == choice.split]
            assert any(p.span.start <= choice.span.start for p in sides)
            assert any(choice.span.stop <= p.span.stop for p in sides)
            assert all(h.span.overlaps(choice.span) for h in choice.hits)


def test_nothing_to_select_from_selects_nothing() -> None:
    assert select.select([], Options()) == []


def test_the_best_frames_stand_a_second_apart() -> None:
    scores = np.zeros(1000)
    scores[[50, 53, 54, 200]] = 0.5, 0.9, 0.8, 0.6
    assert select.frames(scores, 10.0, 0.01) == [(53, 0.9), (200, 0.6)]
    assert select.frames(scores, 10.0, 0.001) == [(53, 0.9)]
    assert select.frames(np.zeros(1000), 10.0, 0.5) == []


def test_ten_hours_are_selected_from_within_a_second() -> None:
    r = np.random.default_rng(0)
    hits = tuple(hit("flicker", int(k), 10) for k in np.sort(r.integers(0, 359_000, 4000)))
    start = time.process_time()
    found = select.select([video(length=360_000, hits=hits, cut=270_000)], Options(budget=0.05))
    assert time.process_time() - start < 1.0
    assert len(found) == 600
