"""Several labellers whose skills reviewed clips have taught."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from oneclick import hindsight
from oneclick.core import boxes
from oneclick.core.detections import Detections, concat
from oneclick.hindsight import DEFAULT, TeamSkills, ensemble, fuse, learn, skills
from oneclick.hindsight.learn import LabellerExample
from oneclick.hindsight.skills import Skill
from tests.fakes import scenes

PEOPLE = [scenes.walk((0, 50), (4, 0), 60), scenes.walk((20, 300), (3, 0.5), 60)]
GHOST = scenes.walk((400, 100), (0, 0), 60)
TRUTH = scenes.seen(PEOPLE, score=1.0)


def model(
    seed: int, misses: float = 0.1, ghost: bool = False, noise: float = 1.0, score: float = 0.9
) -> Detections:
    """Sees the people, forgets a share of them; some models believe in a ghost."""
    r = np.random.default_rng(seed)
    detections = scenes.seen(PEOPLE, noise=noise, score=score, seed=seed)
    detections = detections.where(r.random(len(detections)) >= misses)
    if not ghost:
        return detections
    phantom = scenes.seen([GHOST], score=score, seed=seed + 1)
    return concat([detections, phantom])


def lesson(*parts: Detections) -> LabellerExample:
    return LabellerExample(parts, (0.5,) * len(parts), TRUTH)


GOOD, SOUND, HAUNTED = model(0), model(1), model(2, ghost=True)


def test_a_model_that_reviewers_had_to_correct_is_worth_less() -> None:
    team = learn.learn([lesson(GOOD, HAUNTED)], DEFAULT)
    good, haunted = team.each
    assert good.offset > haunted.offset
    assert good.probability(np.array([1.8], np.float32)) > haunted.probability(
        np.array([1.8], np.float32)
    )
    assert good.weight > haunted.weight
    assert team.boxes == len(TRUTH)


def test_what_only_a_model_of_bad_repute_sees_is_left_out() -> None:
    team = learn.learn([lesson(GOOD, SOUND, HAUNTED)] * 3, DEFAULT)
    tracks = hindsight.label([GOOD, SOUND, HAUNTED], [0.5] * 3, DEFAULT, team)
    assert len(tracks.rows_by_track()) == 2
    assert boxes.iou_pairs(tracks.boxes, TRUTH.boxes).min() > 0.8


def test_before_the_first_review_all_are_alike_and_two_of_three_make_an_object() -> None:
    team = skills.untrained_team(3)
    assert len({skill.weight for skill in team.each}) == 1
    two = hindsight.label([GOOD, HAUNTED, model(3, ghost=True)], [0.5] * 3, DEFAULT, team)
    two_votes = hindsight.label([GOOD, SOUND, HAUNTED], [0.5] * 3, DEFAULT, team)
    assert (len(two.rows_by_track()), len(two_votes.rows_by_track())) == (3, 2)


def test_the_order_of_the_labellers_does_not_matter() -> None:
    parts = (GOOD, SOUND, HAUNTED)
    label_sets = []
    for order in itertools.permutations(range(3)):
        ordered = [parts[k] for k in order]
        team = learn.learn([lesson(*ordered)], DEFAULT)
        label_sets.append(hindsight.label(ordered, [0.5] * 3, DEFAULT, team))
    for other in label_sets[1:]:
        np.testing.assert_allclose(other.boxes, label_sets[0].boxes, atol=1e-3)
        np.testing.assert_allclose(other.scores, label_sets[0].scores, atol=1e-4)
        assert other.tracks.tolist() == label_sets[0].tracks.tolist()


def test_a_silent_model_adds_nothing_and_one_that_speaks_never_takes_away() -> None:
    team = skills.untrained_team(2)
    prepared = [fuse.prepare_detections(part, 0.5, DEFAULT) for part in (GOOD, SOUND)]
    both = ensemble.pool_detections(prepared, team)
    assert both.features[:, 0].tolist() == [1.0] * len(both.objects)
    assert ((both.features[:, 1:] > 0).sum(1) >= both.model_counts).all()
    nobody = TRUTH.where(np.zeros(len(TRUTH), np.bool_))
    alone = ensemble.pool_detections([prepared[0], nobody], team)
    assert (alone.features[:, 2] == 0).all()
    assert len(alone.objects) == len(prepared[0])


def test_merged_boxes_follow_the_model_that_draws_closely() -> None:
    close, loose = model(4, misses=0, noise=0.5), model(5, misses=0, noise=4)
    team = learn.learn([lesson(close, loose)], DEFAULT)
    assert team.each[0].spread < team.each[1].spread
    prepared = [fuse.prepare_detections(part, 0.5, DEFAULT) for part in (close, loose)]
    merged = ensemble.pool_detections(prepared, team).objects
    error = np.abs(merged.boxes - TRUTH.boxes).mean()
    assert error < np.abs(loose.boxes - TRUTH.boxes).mean() / 2


@pytest.mark.parametrize("size", [1, 2])
def test_boxes_that_lean_are_straightened_the_more_clips_have_shown_it(size: int) -> None:
    complete = model(0, misses=0)
    wide = replace(complete, boxes=complete.boxes + np.array([-8, 0, 8, 0], np.float32))
    overlaps = []
    for clips in (1, 4):
        team = learn.learn([lesson(*[wide] * size)] * clips, DEFAULT)
        tracks = hindsight.label([wide] * size, [0.5] * size, DEFAULT, team)
        overlaps.append(float(boxes.iou_pairs(tracks.boxes, TRUTH.boxes).mean()))
    blind = hindsight.label([wide], [0.5])
    assert boxes.iou_pairs(blind.boxes, TRUTH.boxes).mean() < overlaps[0] < overlaps[1]


def test_straightened_boxes_are_never_turned_inside_out() -> None:
    skill = Skill(lean=(-0.5, 0.0, 0.5, 0.0))
    thin = np.array([[10, 10, 11, 110], [5, 5, 5, 5]], np.float32)
    straight = skill.remove_bias(thin)
    assert (straight[:, 2:] >= straight[:, :2]).all()
    assert straight.dtype == np.float32


def test_a_team_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="team: expected 2 skills, got 3"):
        hindsight.label([GOOD, SOUND], [0.5] * 2, DEFAULT, skills.untrained_team(3))
    with pytest.raises(ValueError, match="one team"):
        learn.learn([lesson(GOOD), lesson(GOOD, SOUND)], DEFAULT)


def test_lessons_without_a_box_teach_nothing() -> None:
    nobody = TRUTH.where(np.zeros(len(TRUTH), np.bool_))
    team = learn.learn([LabellerExample((nobody, nobody), (0.5, 0.5), nobody)], DEFAULT)
    assert team == replace(skills.untrained_team(2), boxes=0)
    assert isinstance(team, TeamSkills)
    assert len(hindsight.label([nobody, nobody], [0.5] * 2, DEFAULT, team)) == 0


def test_the_best_measured_lead_and_the_unmeasured_keep_their_places() -> None:
    assert skills.best_first([0.2, 0.7]) == [1, 0]
    assert skills.best_first([None, 0.2, None, 0.7]) == [0, 3, 2, 1]
    assert skills.best_first([0.5, 0.5, None]) == [0, 1, 2]


def test_a_team_is_not_clearly_worse_in_reviewed_clips_than_its_best_member() -> None:
    blind = model(7, misses=0.7, ghost=True, noise=6.0)
    for parts in ((blind, GOOD), (HAUNTED, blind, GOOD), (GOOD, SOUND)):
        examples = [lesson(*parts)] * 2
        team = learn.learn(examples, DEFAULT)

        def quality(team: TeamSkills | None, parts: tuple[Detections, ...]) -> float:
            tracks = hindsight.build_tracks(parts, [0.5] * len(parts), DEFAULT, team)
            return learn.f1_of(learn.count_matches(tracks.detections, TRUTH))

        assert quality(team, parts) >= max(quality(None, (part,)) for part in parts) - 0.02


def test_a_team_whose_weights_mislead_is_led_by_its_best_member(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weak = model(5, misses=0.6, noise=8.0)
    monkeypatch.setattr(learn, "fit_weights", lambda team, *_: replace(team, bias=-20.0))
    team = learn.learn([lesson(weak, GOOD)] * 2, DEFAULT)
    assert team.fusion != "weights"
    assert team.each[1].f1 > team.each[0].f1  # type: ignore[operator]
    tracks = hindsight.build_tracks([weak, GOOD], [0.5] * 2, DEFAULT, team)
    assert learn.f1_of(learn.count_matches(tracks.detections, TRUTH)) > 0.95
