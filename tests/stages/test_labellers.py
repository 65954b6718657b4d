"""What reviewed clips teach about labellers, and what becomes of it."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from oneclick import report
from oneclick.catalog import Catalog
from oneclick.cli.main import app
from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip
from oneclick.core.detections import Detections
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.detectors import Detector
from oneclick.feedback import labeller_skills
from oneclick.stages import autolabel, calibrate
from oneclick.storage import files, labels, model_cards, predictions
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.fakes.standing import StandingDetector
from tests.tui import samples

GOOD, BAD = "good-model", "bad-model"
TEAM = (BAD, GOOD)


def seen(ghost: bool) -> Detections:
    """A person who walks as the truth says; some models believe in a ghost as well."""
    n = clips.VIDEO.frames
    at = np.arange(n)
    lefts = (at % 100).astype(np.float32)
    person = np.stack([lefts, lefts * 0 + 5, lefts + 10, lefts * 0 + 35], 1)
    other = np.tile(np.array([40, 8, 52, 40], np.float32), (n, 1))
    rows = [person, other] if ghost else [person]
    frames = np.concatenate([at] * len(rows))
    scores = np.full(len(frames), 0.7)
    return Detections(
        frames=frames,
        boxes=np.concatenate(rows),
        scores=scores,
        classes=scores * 0,
        length=n,
        fps=10.0,
    )


def furnish(
    home: Path, by: str = "nurse", threshold: float | None = 0.5, leaves_out: bool = False
) -> list[Clip]:
    """Four clips labelled by two models and accepted; a person took the ghost away.

    Where a policy has accepted them before, it left a region out of training.
    """
    workspace, items = Workspace(home), clips.labelled(home, 4)
    for model, ghost in ((GOOD, False), (BAD, True)):
        path = workspace.predictions(clips.VIDEO.id, model)
        predictions.save(path, seen(ghost), model, threshold)
    with Catalog.open(home) as catalog:
        for clip in items:
            _review(workspace, catalog, clip, by, leaves_out)
    return items


def _review(workspace: Workspace, catalog: Catalog, clip: Clip, by: str, leaves_out: bool) -> None:
    verdict = Verdict(clip=clip.id, decision="accept", by=by, at=clips.NOON, seconds=20.0, edits=3)
    auto = clips.auto_labels(clip)
    if leaves_out:
        auto = replace(auto, revision=2, parent=1, made_by="policy:accept-auto")
        catalog.add_revision(auto, files.sha256(labels.save(workspace, auto)))
    if not by.startswith("policy:"):
        revision, parent = auto.revision + 1, auto.revision
        human = replace(auto, revision=revision, kind="human", parent=parent, made_by=by)
        catalog.add_revision(human, files.sha256(labels.save(workspace, human)))
    catalog.add_verdict(verdict, len(clip.span))


@pytest.fixture
def made_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips that two models have labelled."""
    plain = clips.auto_labels

    def named(item: Clip) -> LabelSet:
        return replace(plain(item), made_by=core_labels.hindsight_author([GOOD, BAD], "abc123"))

    monkeypatch.setattr(clips, "auto_labels", named)


pytestmark = pytest.mark.usefixtures("made_by")


def test_made_by_names_the_models_and_what_was_known_of_them() -> None:
    text = core_labels.hindsight_author(["a", "b"], "f00")
    assert text == "hindsight:a+b#f00"
    assert core_labels.parse_labellers(text) == ("a", "b")
    assert core_labels.parse_labellers(core_labels.hindsight_author(["a"])) == ("a",)
    assert core_labels.parse_labellers("nurse") == ()


def test_reviews_teach_which_labeller_is_worth_more(tmp_path: Path) -> None:
    furnish(tmp_path)
    calibrate.calibrate(tmp_path)
    lessons = labeller_skills.load(Workspace(tmp_path))
    assert dict(lessons.clips) == {TEAM: 4}
    good, bad = lessons.skills_of([GOOD, BAD]).each  # type: ignore[union-attr]
    assert good.offset > bad.offset
    assert good.weight > bad.weight
    assert lessons.skills_of([GOOD]) is None
    # In whatever order they are asked for.
    swapped = lessons.skills_of([BAD, GOOD])
    assert swapped
    assert swapped.each == (bad, good)


def test_a_policy_that_left_regions_out_made_no_labels(tmp_path: Path) -> None:
    furnish(tmp_path, leaves_out=True)
    calibrate.calibrate(tmp_path)
    assert dict(labeller_skills.load(Workspace(tmp_path)).clips) == {TEAM: 4}
    (cost,) = report.labelling_report(tmp_path).costs
    assert core_labels.parse_labellers(cost.made_by) == (GOOD, BAD)
    assert cost.effort.clips == 4


def test_learning_again_gives_the_same_bytes(tmp_path: Path) -> None:
    furnish(tmp_path)
    calibrate.calibrate(tmp_path)
    before = Workspace(tmp_path).labeller_skills.read_bytes()
    calibrate.calibrate(tmp_path)
    assert Workspace(tmp_path).labeller_skills.read_bytes() == before


@pytest.mark.parametrize("case", ["a policy", "no threshold", "predictions are gone"])
def test_what_cannot_testify_teaches_nothing(tmp_path: Path, case: str) -> None:
    furnish(
        tmp_path,
        "policy:accept-auto" if case == "a policy" else "nurse",
        None if case == "no threshold" else 0.5,
    )
    if case == "predictions are gone":
        Workspace(tmp_path).predictions(clips.VIDEO.id, BAD).unlink()
    calibrate.calibrate(tmp_path)
    assert labeller_skills.load(Workspace(tmp_path)).teams == {}


def test_skills_change_their_digest_when_something_else_is_learned(tmp_path: Path) -> None:
    furnish(tmp_path)
    calibrate.calibrate(tmp_path)
    skills = labeller_skills.load(Workspace(tmp_path)).skills_of(TEAM)
    assert skills
    assert labeller_skills.digest(skills) != labeller_skills.digest(
        replace(skills, bias=skills.bias + 0.1)
    )
    assert labeller_skills.digest(None) == ""


def test_the_report_tells_cost_by_week_and_maker_and_the_skills(tmp_path: Path) -> None:
    furnish(tmp_path)
    assert report.labelling_report(tmp_path).skills == []
    calibrate.calibrate(tmp_path)
    cost_report = report.labelling_report(tmp_path)
    (row,) = cost_report.costs
    assert (row.week, row.made_by) == ("2026-W02", f"hindsight:{GOOD}+{BAD}#abc123")
    assert (row.effort.clips, row.effort.images, row.effort.edits) == (4, 40, 12)
    assert row.effort.edits_per_100_boxes == pytest.approx(30)
    assert row.effort.seconds_per_image == pytest.approx(2)
    good = next(skill for skill in cost_report.skills if skill.model == GOOD)
    assert good.weight > 0.5
    assert (good.clips, good.team) == (4, f"{BAD}+{GOOD}")


def test_the_command_says_the_same(tmp_path: Path) -> None:
    run = CliRunner().invoke
    empty = run(app, ["label", "report", "--home", str(tmp_path)])
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "no clip has been reviewed yet" in empty.stderr
    furnish(tmp_path)
    calibrate.calibrate(tmp_path)
    result = run(app, ["label", "report", "--home", str(tmp_path)])
    assert "30.0" in result.stdout
    assert GOOD in result.stdout
    listed = json.loads(run(app, ["label", "report", "--home", str(tmp_path), "--json"]).stdout)
    assert listed["costs"][0]["effort"]["edits_per_100_boxes"] == 30.0
    assert {row["model"] for row in listed["skills"]} == {GOOD, BAD}


@pytest.mark.parametrize(("precision", "leader"), [(0.3, GOOD), (1.0, "model-new")])
def test_a_new_champion_leads_only_over_labellers_that_are_measured_worse(
    tmp_path: Path, precision: float, leader: str
) -> None:
    workspace = Workspace(tmp_path)
    furnish(tmp_path)
    calibrate.calibrate(tmp_path)
    known = labeller_skills.load(workspace)
    good, bad = known.f1_of(GOOD), known.f1_of(BAD)
    assert good is not None
    assert bad is not None
    assert 0.9 < good <= 1 > bad
    metrics = {"precision": precision, "recall": 1.0, "boxes": 40.0}
    card = msgspec.structs.replace(samples.card("new", clips.NOON, 0.3, "promote"), metrics=metrics)
    model_cards.write(workspace.model_dir("new"), card)
    team = ("model-new", BAD, GOOD, "never-reviewed")
    order = labeller_skills.best_first(workspace, team, known)
    assert team[order[0]] == leader
    assert order.index(1) > order.index(2)
    assert order[3] == 3


def test_a_team_labels_in_the_order_of_what_was_measured(tmp_path: Path) -> None:
    furnish(tmp_path)
    calibrate.calibrate(tmp_path)
    failed: dict[str, str] = {}
    models: list[Detector] = []
    for name in ("weak", BAD, GOOD):
        model = StandingDetector()
        model.model_id = name
        models.append(model)
    ensemble = autolabel.LabellerEnsemble.team(
        Workspace(tmp_path), models, ("person",), autolabel.UPRIGHT, failed
    )
    assert [model.model_id for model in ensemble.models] == ["weak", GOOD, BAD]
    assert (ensemble.skills, failed) == (None, {})
