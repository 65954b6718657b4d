"""Train: the newest DatasetVersion → a Candidate, and the Champion if the gate promotes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from prefect import flow, task

from oneclick import report, settings
from oneclick.core.results import BatchResult
from oneclick.flows import alerts, policy
from oneclick.report import scores
from oneclick.stages import calibrate, novelty, sync_wandb
from oneclick.stages import train as stage


@task(name="train", tags=["gpu"], timeout_seconds=24 * policy.HOUR, **policy.TASK)
def train_candidate(
    home: Path, version: str | None, options: stage.TrainOptions
) -> stage.TrainingResult:
    """Train a model, compare it with the champion, and promote or refuse it."""
    return stage.train(home, version, options)


@task(name="calibrate", tags=["compute"], timeout_seconds=policy.HOUR, **policy.TASK)
def calibrate_triggers(home: Path) -> int:
    """Calibrate triggers and labellers on reviews; return the number of model pairs reviewed."""
    return len(calibrate.calibrate(home).pairs)


@task(name="train-novelty", tags=["gpu"], timeout_seconds=24 * policy.HOUR, **policy.TASK)
def train_novelty(home: Path, kind: str) -> novelty.NoveltyTrainingResult:
    """Train a novelty model for each camera on its raw video."""
    return novelty.train(home, kind)


@task(name="sync-wandb", tags=["io"], timeout_seconds=policy.HOUR)
def send_training_logs(home: Path) -> dict[str, str]:
    """Send training logs to Weights & Biases, if there is a key; return those that failed."""
    return sync_wandb.mirror(home).failed


@flow(name="train", **policy.FLOW)
def train(
    home: Path | None = None, version: str | None = None, steps: int | None = None
) -> dict[str, Any]:
    """Train on a version, by default the newest; a model that exists is not trained again."""
    conf = settings.load(home=home, train=steps and {"steps": steps})
    calibrate_triggers(conf.home)
    triggers = report.measure_triggers(conf.home)
    control = "\n\n".join(report.control_summary(triggers))
    policy.add_table("triggers", report.trigger_columns(triggers), control)
    labelling = report.labelling_report(conf.home)
    policy.add_table(
        "labels", report.cost_columns(labelling), "What labels cost, by who made them."
    )
    policy.add_table("labellers", report.skill_columns(labelling), "What reviews say of labellers.")
    failed: dict[str, str] = {}
    for kind in conf.train.novelty:
        failed |= train_novelty(conf.home, kind).failed
    for arch in conf.train.labellers:
        options = conf.train_options(model=arch, labeller=True)
        labeller = train_candidate(conf.home, version, options)
        key = re.sub("[^a-z0-9]+", "-", f"labeller-{arch}".lower())
        labeller_report = report.training_report(conf.home, labeller.model)
        policy.add_markdown(key, training_page(labeller_report, labeller))
    training = train_candidate(conf.home, version, conf.train_options())
    training_report = report.training_report(conf.home, training.model) if training.model else None
    policy.add_markdown("training", training_page(training_report, training))
    webhook_error = alerts.send_alert(
        training_report if training.trained else None, conf.train.webhook
    )
    unsent = send_training_logs(conf.home)
    for picture in training.broken if training.trained else ():
        name, _, reason = picture.partition(": ")
        failed[name] = f"left out of the training: {reason}"
    new_models = [training.model] if training.trained and training.model else []
    return policy.flow_result(
        BatchResult(done=new_models, failed=failed),
        model=training.model,
        decision=training.decision,
        reasons=training.reasons,
        settled=training.settled,
        unsent=unsent,
        untold=webhook_error,
    )


def training_page(
    training_report: report.TrainingReport | None, training: stage.TrainingResult
) -> str:
    """Return a page of Markdown: candidate against champion, reasons, slices and worst clips."""
    if training_report is None or training.model is None:
        return " ".join(training.reasons)
    title = f"## {training_report.model}: {training_report.verdict}"
    lines = [title, f"Trained on {training_report.dataset}.", ""]
    lines += policy.markdown_table(
        ("model", "mAP", "AP50", "recall", "recall at 0.1", "at 1 false an image", "images"),
        [
            (r.name, r.map, r.ap50, r.recall, r.recall_at_01, r.recall_at_1, r.images)
            for r in training_report.rows
        ],
    )
    lines += ["", *(f"- {reason}" for reason in training_report.reasons)]
    if slices := scores.slice_columns(training_report.slices):
        lines += ["", "### Slices, worst first", ""]
        lines += policy.markdown_table(list(slices[0]), [tuple(row.values()) for row in slices])
    lines += policy.shadow_table(training_report)
    if training.settled:
        lines += ["", *(f"- {sentence}" for sentence in training.settled)]
    if training_report.worst:
        lines += ["", "### Worst test clips", ""]
        lines += policy.markdown_table(
            ("clip", "worst frame", "F1", "missed", "false"),
            [(w.clip, w.frame, w.f1, w.missed, w.alarms) for w in training_report.worst],
        )
    return "\n".join(lines)
