"""Train: the newest DatasetVersion → a Candidate, and the Champion if the gate lets it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow, task

from flows import alerts, policy
from oneclick import report, settings
from oneclick.core.results import BatchResult
from oneclick.report import scores
from oneclick.stages import calibrate, novelty, sync_wandb
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
def send_training_logs(home: Path) -> dict[str, str]:
    """Logs of trainings sent to Weights & Biases, if there is a key; what failed waits."""
    return sync_wandb.mirror(home).failed


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
    for arch in conf.train.labellers:
        chosen = stage.options(conf, model=arch, labeller=True)
        label = train_candidate(conf.home, version, chosen)
        key = f"labeller-{arch}".replace("_", "-")
        policy.markdown(key, _page(report.training(conf.home, label.model), label))
    made = train_candidate(conf.home, version, stage.options(conf))
    judged = report.training(conf.home, made.model) if made.model else None
    policy.markdown("training", _page(judged, made))
    untold = alerts.tell(judged if made.trained else None, conf.train.webhook)
    unsent = send_training_logs(conf.home)
    fresh = [made.model] if made.trained and made.model else []
    return policy.outcome(
        BatchResult(done=fresh, failed=failed),
        model=made.model,
        decision=made.decision,
        reasons=made.reasons,
        unsent=unsent,
        untold=untold,
    )


def _page(judged: report.Training | None, made: stage.Outcome) -> str:
    """Candidate against champion, and why."""
    if judged is None or made.model is None:
        return " ".join(made.reasons)
    lines = [f"## {judged.model}: {judged.verdict}", f"Trained on {judged.dataset}.", ""]
    lines += _table(
        ("model", "mAP", "AP50", "recall", "recall at 0.1", "at 1 false an image", "images"),
        [
            (r.name, r.map, r.ap50, r.recall, r.recall_at_01, r.recall_at_1, r.images)
            for r in judged.rows
        ],
    )
    lines += ["", *(f"- {reason}" for reason in judged.reasons)]
    if slices := scores.slice_columns(judged.slices):
        lines += ["", "### Slices, worst first", ""]
        lines += _table(list(slices[0]), [tuple(row.values()) for row in slices])
    if judged.worst:
        lines += ["", "### Worst test clips", ""]
        lines += _table(
            ("clip", "worst frame", "F1", "missed", "false"),
            [(w.clip, w.frame, w.f1, w.missed, w.alarms) for w in judged.worst],
        )
    return "\n".join(lines)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of Markdown."""
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return lines + [f"| {' | '.join(map(_cell, row))} |" for row in rows]


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
