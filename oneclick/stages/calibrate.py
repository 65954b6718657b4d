"""Calibrate: reviews → the reliability and budget of triggers, and the skills of labellers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from oneclick import hindsight, triggers
from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy
from oneclick.core.errors import BadInput
from oneclick.feedback import (
    labeller_examples,
    labeller_skills,
    reviewed_clips,
    trigger_calibration,
)
from oneclick.feedback.labeller_skills import LabellerSkills
from oneclick.feedback.reviewed_clips import EvaluatedClip
from oneclick.feedback.trigger_calibration import TriggerCalibration
from oneclick.hindsight import learn
from oneclick.storage import files
from oneclick.storage.workspace import Workspace
from oneclick.triggers.calibrate import merge_tallies
from oneclick.triggers.selection import budget_shares
from oneclick.triggers.selection.budget_shares import ReviewYield

Week = tuple[int, int]
"""ISO year and week."""


def calibrate(home: Path) -> TriggerCalibration:
    """Learn anew from all clips that people reviewed, and save it for the next selection.

    The same reviews give the same result, however often it is called. A broken file of stored
    evaluations is put aside as `.broken`, and clips are evaluated again where that is possible.

    Raises:
        NoSpace, Unavailable: if the disk or the catalog refuses.
    """
    workspace = Workspace(home)
    try:
        reviewed_clips.load_evaluations(workspace)
    except BadInput:
        path = workspace.hit_evaluations
        with files.guard(path):
            path.replace(path.with_suffix(".broken"))
    with Catalog.open(home) as catalog:
        evaluated_clips = reviewed_clips.evaluate_clips(workspace, catalog).evaluated
        examples = labeller_examples.collect_examples(workspace, catalog)
    skills = LabellerSkills(
        {team: learn.learn(clips, hindsight.DEFAULT) for team, clips in examples.items()},
        {team: len(clips) for team, clips in examples.items()},
    )
    tallies_by_pair = defaultdict(list)
    for evaluated in evaluated_clips:
        tallies_by_pair[evaluated.pair].append(evaluated.evaluation.tallies)
    calibration = TriggerCalibration(
        {pair: merge_tallies(tallies) for pair, tallies in tallies_by_pair.items()},
        learn_budget_shares(evaluated_clips),
    )
    reviewed_clips.save_evaluations(workspace, evaluated_clips)
    trigger_calibration.save(workspace, calibration)
    labeller_skills.save(workspace, skills)
    return calibration


def learn_budget_shares(clips: Sequence[EvaluatedClip]) -> dict[str, float]:
    """Return the budget share of each trigger, learned week by week from the clips it paid for.

    Before the first such clip there are no shares. Triggers of novelty are paid from another part
    of the budget and get none.
    """
    weeks: dict[Week, dict[str, ReviewYield]] = defaultdict(dict)
    for evaluated in clips:
        trigger = evaluated.clip.led_by
        if evaluated.clip.chosen_by is ChosenBy.TRIGGER and trigger:
            yields = weeks[evaluated.verdict.at.isocalendar()[:2]]
            before = yields.get(trigger, ReviewYield())
            yields[trigger] = before + ReviewYield(evaluated.evaluation.errors, evaluated.seconds)
    if not weeks:
        return {}
    payable = [name for name, kind in triggers.registry().items() if not triggers.novel(kind)]
    return budget_shares.shares_after_weeks(payable, [weeks[week] for week in sorted(weeks)])
