from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core.clips import ChosenBy
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.splits import SplitPart
from oneclick.triggers import calibrate, priors
from oneclick.triggers.selection import expected_errors, select
from oneclick.triggers.selection.select import (
    CandidateVideo,
    SelectedSpan,
    SelectionHistory,
    SelectionOptions,
)


def hit(trigger: str, start: int, frames: int = 1, x: float = 0.0) -> Hit:
    boxes = tuple((start + k, x, 0.0, x + 40.0, 100.0) for k in range(frames))
    return Hit(trigger=trigger, span=Span(start, start + frames), score=0.5, boxes=boxes, why="why")


def video(
    name: str = "a",
    length: int = 1000,
    hits: tuple[Hit, ...] = (),
    cut: int | None = None,
    existing: tuple[Span, ...] = (),
) -> CandidateVideo:
    parts: tuple[SplitPart, ...] = (SplitPart(Span(0, length), "train"),)
    if cut is not None:
        parts = (SplitPart(Span(0, cut - 30), "train"), SplitPart(Span(cut, length), "test"))
    return CandidateVideo(
        video=name, length=length, fps=10.0, hits=hits, parts=parts, existing_clips=existing
    )


def by(selection: list[SelectedSpan]) -> Counter[str]:
    return Counter(choice.chosen_by.value for choice in selection)


P = priors.BELIEFS


def wrong(*names: str) -> float:
    return P.error_probability(frozenset(names))


def test_what_fired_on_one_object_is_believed_together() -> None:
    scores = expected_errors.per_frame([hit("flicker", 3), hit("conflict_miss", 3, 2, x=5)], 10)
    both, miss = wrong("flicker", "conflict_miss"), wrong("conflict_miss")
    assert scores[[3, 4, 5]].tolist() == pytest.approx([both, miss, 0])
    assert both > max(wrong("flicker"), miss)


def test_expected_errors_per_box_prefer_the_small_scene() -> None:
    shares = expected_errors.per_box(np.array([2.0, 1.0, 0.5]), np.array([7, 1, 0]))
    assert shares.tolist() == [0.25, 0.5, 0.5]


@pytest.mark.parametrize("has_learned", [True, False])
def test_errors_of_a_predictor_that_learned_nothing_are_drawn_and_not_ranked(has_learned: bool):
    # Trouble in a crowd in ten places, one wrong box in ten others, nothing elsewhere.
    crowded, lone = range(0, 2000, 200), range(100, 2000, 200)
    hits = [hit("blip", frame, x=100.0 * person) for frame in crowded for person in range(5)]
    hits += [hit("blip", frame) for frame in lone]
    history = SelectionHistory(has_learned=has_learned)
    drawn: Counter[str] = Counter()
    for seed in range(20):
        options = SelectionOptions(min_clips=10, control=0, alike=1.1, seed=seed)
        chosen = select.select([video(length=5000, hits=tuple(hits))], options, history)
        assert by(chosen) == {"trigger": 10}
        for each in chosen:
            drawn["crowded" if len(each.hits) > 1 else "lone"] += 1
    if has_learned:
        assert drawn == {"crowded": 200}
    else:
        assert 60 <= drawn["crowded"] <= 140


def test_a_crowd_wins_per_frame_and_a_lone_person_per_box() -> None:
    boxes = np.ones(1000, np.int32)
    boxes[100:200] = 20
    hits = (hit("blip", 150), hit("blip", 150, x=100), hit("blip", 500))
    candidate = replace(video(hits=hits), boxes=boxes)
    for per, frame in (("frame", 150), ("box", 500)):
        (choice,) = select.select([candidate], SelectionOptions(min_clips=1, control=0, per=per))  # type: ignore[arg-type]
        assert frame in choice.span


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        ([], 0.0),
        ([hit("blip", 3)], wrong("blip")),
        ([hit("blip", 3), hit("blip", 3, x=10)], wrong("blip")),
        ([hit("blip", 3), hit("blip", 3, x=300)], 2 * wrong("blip")),
        ([hit("somebody_elses", 3)], calibrate.PRIOR_ERROR_RATE),
        (
            [Hit(trigger="novelty", span=Span(2, 5), score=0.5, boxes=(), why="")],
            calibrate.PRIOR_ERROR_RATE,
        ),
    ],
    ids=["nothing", "one", "same object twice", "two objects", "unknown trigger", "no boxes"],
)
def test_objects_add_up(hits: list[Hit], expected: float) -> None:
    assert expected_errors.per_frame(hits, 10)[3] == pytest.approx(expected)


def test_the_best_window_holds_the_trouble_in_its_middle() -> None:
    options = SelectionOptions(min_clips=1, control=0)
    (choice,) = select.select([video(hits=(hit("flicker", 500, 4),))], options)
    assert choice.span == Span(487, 517)
    assert choice.chosen_by is ChosenBy.TRIGGER
    assert [h.trigger for h in choice.hits] == ["flicker"]


@pytest.mark.parametrize(
    ("length", "options", "clips"),
    [
        (1000, SelectionOptions(min_clips=0), 0),
        (1000, SelectionOptions(min_clips=4), 4),
        (1000, SelectionOptions(min_clips=0, budget=0.3), 10),
        (1000, SelectionOptions(min_clips=100), 20),
        (30, SelectionOptions(), 1),
        (29, SelectionOptions(), 1),
        (1, SelectionOptions(), 1),
        (1, SelectionOptions(min_clips=0), 0),
    ],
    ids=["none", "floor", "budget", "limited by room", "one clip", "short", "one frame", "no"],
)
def test_how_many_clips(length: int, options: SelectionOptions, clips: int) -> None:
    hits = tuple(hit("flicker", k, x=k) for k in range(0, length, 7))
    selection = select.select([video(length=length, hits=hits)], options)
    # 1,000 frames hold 25 clips of 3 s with 1 s between them; greedy choice leaves odd corners.
    assert len(selection) == clips or (clips == 20 and 17 <= len(selection) <= 25)


def test_a_short_video_is_one_span() -> None:
    (choice,) = select.select([video(length=7)], SelectionOptions())
    assert choice.span == Span(0, 7)


def test_when_hits_run_out_random_clips_fill_the_floor_and_not_the_budget() -> None:
    single_hit = (hit("flicker", 500),)
    floor = select.select([video(hits=single_hit)], SelectionOptions(min_clips=6))
    assert by(floor) == {"control": 1, "floor": 4, "trigger": 1}
    budget = select.select([video(hits=single_hit)], SelectionOptions(min_clips=0, budget=0.3))
    assert by(budget) == {"control": 1, "trigger": 1}


def test_control_does_not_look_at_the_hits() -> None:
    many = tuple(hit("flicker", k, 5, x=k) for k in range(100, 900, 50))
    options = SelectionOptions(min_clips=8, control=0.25)
    control = [
        [c.span for c in select.select([video(hits=hits)], options) if c.chosen_by == "control"]
        for hits in (many, many[::2])
    ]
    assert len(control[0]) == 2
    assert control[0] == control[1]


def test_control_is_uniform_over_the_time() -> None:
    options = [SelectionOptions(min_clips=1, control=1, seed=seed) for seed in range(400)]
    starts = [select.select([video()], o)[0].span.start for o in options]
    quarters = np.histogram(starts, 4, (0, 971))[0]
    assert (np.abs(quarters - 100) < 35).all()


def test_at_least_one_of_five_clips_is_control() -> None:
    many = tuple(hit("flicker", k, x=k) for k in range(0, 1000, 50))
    for count, control in ((4, 0), (5, 1), (20, 2)):
        selection = select.select(
            [video(hits=many, length=2000)], SelectionOptions(min_clips=count)
        )
        assert by(selection)["control"] >= control


def test_both_sides_of_the_split_get_their_share_of_the_clips() -> None:
    hits = tuple(hit("flicker", k, x=k) for k in range(10, 790, 40))
    selection = select.select(
        [video(length=800, hits=hits, cut=600)], SelectionOptions(min_clips=8)
    )
    assert Counter(c.split for c in selection) == {"train": 6, "test": 2}
    assert all(c.span.stop <= 570 or c.span.start >= 600 for c in selection)


def test_nothing_is_selected_near_a_clip_that_exists() -> None:
    hits = (hit("flicker", 500),)
    existing = (Span(480, 510),)
    selection = select.select([video(hits=hits, existing=existing)], SelectionOptions(min_clips=30))
    assert selection
    assert all(choice.span.gap(existing[0]) >= 10 for choice in selection)


def test_the_budget_goes_to_the_worst_video() -> None:
    good = video("good", hits=(hit("low_confidence", 500),))
    bad = video("bad", hits=tuple(hit("flicker", k, x=k) for k in range(0, 1000, 45)))
    selection = select.select([good, bad], SelectionOptions(min_clips=6, control=0))
    assert {choice.video for choice in selection} == {"bad"}


CANDIDATES = st.lists(
    st.tuples(st.integers(1, 400), st.lists(st.integers(0, 399), max_size=20), st.booleans()),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(CANDIDATES, st.integers(0, 20), st.floats(0, 1), st.floats(0, 1))
def test_a_selection_is_in_its_video_apart_and_independent_of_order(
    specs: list[tuple[int, list[int], bool]], least: int, budget: float, control: float
) -> None:
    options = SelectionOptions(min_clips=least, budget=budget, control=control)
    videos = []
    for k, (length, frames, cut) in enumerate(specs):
        hits = tuple(hit("flicker", f, x=f) for f in frames if f < length)
        videos.append(video(f"v{k}", length, hits, 200 if cut and length > 240 else None))
    selection = select.select(videos, options)
    assert selection == select.select(videos[::-1], options)
    for candidate in videos:
        mine = [choice for choice in selection if choice.video == candidate.video]
        assert all(b.span.start - a.span.stop >= 10 for a, b in pairwise(mine))
        for choice in mine:
            sides = [p for p in candidate.parts if p.split == choice.split]
            assert any(p.span.start <= choice.span.start for p in sides)
            assert any(choice.span.stop <= p.span.stop for p in sides)
            assert all(h.span.overlaps(choice.span) for h in choice.hits)


def test_nothing_to_select_from_selects_nothing() -> None:
    assert select.select([], SelectionOptions()) == []


def test_the_best_frames_stand_a_second_apart() -> None:
    scores = np.zeros(1000)
    scores[[50, 53, 54, 200]] = 0.5, 0.9, 0.8, 0.6
    assert select.best_frames(scores, 10.0, 0.01) == [(53, 0.9), (200, 0.6)]
    assert select.best_frames(scores, 10.0, 0.001) == [(53, 0.9)]
    assert select.best_frames(np.zeros(1000), 10.0, 0.5) == []


def test_a_large_budget_of_ten_hours_is_used_up() -> None:
    r = np.random.default_rng(0)
    hits = tuple(hit("flicker", int(k), 10, x=k) for k in np.sort(r.integers(0, 359_000, 4000)))
    selection = select.select(
        [video(length=360_000, hits=hits, cut=270_000)], SelectionOptions(budget=0.05)
    )
    assert len(selection) == 600


def many(name: str = "flicker", every: int = 40, length: int = 2000) -> tuple[Hit, ...]:
    return tuple(hit(name, k, x=k) for k in range(5, length - 5, every))


def test_a_control_clip_stands_for_its_share_of_the_time() -> None:
    selection = select.select([video(length=2000, hits=many())], SelectionOptions(min_clips=20))
    control = [choice for choice in selection if choice.chosen_by == "control"]
    assert len(control) == 2
    assert [choice.stands_for for choice in control] == [100.0, 100.0]
    assert {c.stands_for for c in selection if c.chosen_by != "control"} == {0.0}


def test_control_is_drawn_only_where_nothing_was_cut_before() -> None:
    old = video("old", 2000, many(), existing=(Span(0, 30),))
    new = video("new", 500)
    options = SelectionOptions(min_clips=40, control=0.2)
    control = [c for c in select.select([old, new], options) if c.chosen_by == "control"]
    assert {choice.video for choice in control} == {"new"}
    assert sum(choice.stands_for for choice in control) == pytest.approx(50)
    assert "control" not in by(select.select([old], options))


def test_a_video_of_one_clip_comes_up_as_often_as_its_time() -> None:
    short, long = video("short", 30), video("long", 300)
    counts = Counter(
        select.select([short, long], SelectionOptions(min_clips=1, control=1, seed=seed))[0].video
        for seed in range(600)
    )
    assert counts["short"] / 600 == pytest.approx(30 / 330, abs=0.035)


def test_a_clip_is_charged_to_the_trigger_that_found_most_of_it() -> None:
    both = (hit("blip", 500, 6), hit("low_confidence", 502, 2, x=300))
    (choice,) = select.select([video(hits=both)], SelectionOptions(min_clips=1, control=0))
    assert choice.led_by == "blip"


def test_novelty_has_its_own_share_and_is_never_mixed_into_the_errors() -> None:
    new = tuple(
        Hit(trigger="novelty", span=Span(k, k + 10), score=1.0, boxes=(), why="new")
        for k in (300, 900, 1500)
    )
    history = SelectionHistory(novelty_triggers=frozenset({"novelty"}))
    selection = select.select(
        [video(length=2000, hits=(*many(), *new))], SelectionOptions(min_clips=20), history
    )
    assert by(selection) == {"control": 2, "novelty": 2, "trigger": 16}
    assert {c.led_by for c in selection if c.chosen_by == "novelty"} == {"novelty"}
    errors = [choice for choice in selection if choice.chosen_by == "trigger"]
    assert {choice.led_by for choice in errors} == {"flicker"}


def test_the_share_of_novelty_falls_to_the_errors_where_nothing_is_new() -> None:
    history = SelectionHistory(novelty_triggers=frozenset({"novelty"}))
    selection = select.select(
        [video(length=2000, hits=many())], SelectionOptions(min_clips=20), history
    )
    assert by(selection) == {"control": 2, "trigger": 18}


def test_triggers_that_were_tried_least_get_a_clip() -> None:
    rare = (hit("still", 777, x=9000), hit("appear", 779, x=9500))
    candidate = video(length=2000, hits=(*many(every=45), *rare))
    shares = {"flicker": 0.8, "still": 0.1, "appear": 0.1}
    history = SelectionHistory(
        shares=shares, min_share=0.04, clips_by_trigger={"flicker": 9, "appear": 3}
    )
    selection = select.select([candidate], SelectionOptions(min_clips=10, control=0), history)
    assert Counter(c.led_by for c in selection)["still"] == 1


def test_a_trigger_takes_twice_its_share_before_the_others_have_had_theirs() -> None:
    hits = (*many(every=90), *(hit("area", k, x=k + 5000) for k in range(50, 2000, 90)))
    shares = {"flicker": 0.2, "area": 0.8}
    selection = select.select(
        [video(length=2000, hits=hits)],
        SelectionOptions(min_clips=10, control=0),
        SelectionHistory(shares=shares),
    )
    assert Counter(choice.led_by for choice in selection) == {"flicker": 4, "area": 6}


def test_clips_of_each_day_replace_the_budget() -> None:
    days = [
        replace(video(f"v{day}{k}", 2000, many()), day=day, camera="a")
        for day in ("1", "2", "3")
        for k in range(2)
    ]
    options = SelectionOptions(per_day=6, control=0, max_day=0.5)
    selection = select.select(days, options, SelectionHistory(clips_by_day={"3": 4}))
    assert len(selection) == 6 + 6 + 2


def test_one_camera_or_day_does_not_take_all() -> None:
    loud = replace(video("loud", 2000, many()), camera="loud", day="1")
    quiet = replace(video("quiet", 2000, many("low_confidence", 300)), camera="quiet", day="2")
    for options in (
        SelectionOptions(min_clips=10, max_camera=0.6),
        SelectionOptions(min_clips=10, max_day=0.6),
    ):
        selection = select.select([loud, quiet], replace(options, control=0))
        assert Counter(choice.video for choice in selection) == {"loud": 6, "quiet": 4}


def test_the_same_trouble_is_cut_once() -> None:
    coat = tuple(hit("still", k, x=70) for k in range(50, 1950, 100))
    candidate = video(length=2000, hits=coat)
    selection = select.select([candidate], SelectionOptions(min_clips=5, control=0))
    assert by(selection) == {"trigger": 1, "floor": 4}
    earlier = (select.EarlierClip("train", "still", np.array([[70, 0, 110, 100]], np.float32)),)
    later = select.select(
        [replace(candidate, earlier_clips=earlier)], SelectionOptions(min_clips=5, control=0)
    )
    assert by(later) == {"floor": 5}
