"""Train: the newest DatasetVersion → a Candidate, and the Champion if the gate lets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from flows import policy
from oneclick import report, settings
from oneclick.core.results import BatchResult
from oneclick.stages import calibrate, mirror, novelty
from oneclick.stages import train as stage


@task(name="train", tags=["gpu"], timeout_seconds=24 * policy.HOUR, **policy.TASK)
def train_candidate(home: Path, version: str | None, options: stage.TrainOptions) -> stage.Outcome:
    """A model trained, measured against the champion, promoted or refused."""
    return stage.train(home, version, options)


@task(name="calibrate", tags=["compute"], timeout_seconds=policy.HOUR, **policy.TASK)
def calibrate_triggers(home: Path) -> int:
    """Learn from reviews how far triggers and labellers are believed; pairs of models reviewed."""
    return len(calibrate.calibrate(home).pairs)


@task(name="train-novelty", tags=["gpu"], timeout_seconds=24 * policy.HOUR, **policy.TASK)
def train_novelty(home: Path, kind: str) -> novelty.Outcome:
    """A model of what is new for each camera, from its raw video."""
    return novelty.train(home, kind)


@task(name="sync-wandb", tags=["io"], timeout_seconds=policy.HOUR)
def sync_wandb(home: Path) -> dict[str, str]:
    """Logs of trainings sent to Weights & Biases, if there is a key; what failed waits."""
    return mirror.mirror(home).failed


@flow(name="train", **policy.FLOW)
def train(
    home: Path | None = None, version: str | None = None, steps: int | None = None
) -> dict[str, Any]:
    """Train on a version, by default the newest; what was trained before is not trained again."""
    conf = settings.load(home=home, train=steps and {"steps": steps})
    calibrate_triggers(conf.home)
    found = report.ledger(conf.home)
    policy.table("triggers", report.columns(found), "\n\n".join(report.sentences(found)))
    made_by = report.labelling(conf.home)
    policy.table("labels", report.cost_columns(made_by), "What labels cost, by who made them.")
    policy.table("labellers", report.skill_columns(made_by), "What reviews say of labellers.")
    failed: dict[str, str] = {}
    for kind in conf.train.novelty:
        failed |= train_novelty(conf.home, kind).failed
    made = train_candidate(conf.home, version, stage.options(conf))
    policy.markdown("training", _page(report.training(conf.home, made.model), made))
    unsent = sync_wandb(conf.home)
    fresh = [made.model] if made.trained and made.model else []
    return policy.outcome(
        BatchResult(done=fresh, failed=failed),
        model=made.model,
        decision=made.decision,
        reasons=made.reasons,
        unsent=unsent,
    )


def _page(judged: report.Training | None, made: stage.Outcome) -> str:
    """Candidate against champion, and why."""
    if judged is None or made.model is None:
        return " ".join(made.reasons)
    lines = [f"## {judged.model}: {judged.verdict}", f"Trained on {judged.dataset}.", ""]
    lines += ["| model | mAP | AP50 | recall | test images |", "|---|---|---|---|---|"]
    for row in judged.rows:
        lines.append(
            f"| {row.name} | {row.map:.3f} | {row.ap50:.3f} | {row.recall:.3f} | {row.images} |"
        )
    return "\n".join([*lines, "", *(f"- {reason}" for reason in judged.reasons)])
