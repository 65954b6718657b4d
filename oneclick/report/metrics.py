"""The numbers of insight and of edge cameras in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from oneclick.core.statistics import RatioEstimate
from oneclick.report.edge import EdgeCameraRow
from oneclick.report.insight import Insight, InsightRow
from oneclick.report.scores import TrainingReport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, str], float]

_MODEL_GAUGES: tuple[tuple[str, str, Callable[[InsightRow], float | None]], ...] = (
    ("hours", "Hours that the model has looked at.", lambda row: row.hours),
    ("uptime_ratio", "Share of the period that it has looked at.", lambda row: row.uptime),
    ("people_in_view", "Mean number of boxes in view.", lambda row: row.people_in_view),
    ("appearances_per_hour", "New boxes that stay.", lambda row: row.appearances_per_hour),
    ("detections_per_minute", "Boxes.", lambda row: row.detections_per_minute),
    ("flickers_per_minute", "Boxes that come or go briefly.", lambda row: row.flickers_per_minute),
    ("unseen_ratio", "Share of frames with a sign and no box.", lambda row: row.unseen_share),
)
_EDGE_COUNTERS: tuple[tuple[str, str, Callable[[EdgeCameraRow], float]], ...] = (
    ("stored_total", "Pictures whose predictions were taken.", lambda row: row.stored),
    ("lost_total", "Pictures that the device had to drop.", lambda row: row.lost),
    ("quarantined_total", "Pictures not used.", lambda row: sum(row.quarantined.values())),
    ("refused_total", "Requests refused.", lambda row: sum(row.refused.values())),
)


def metrics_text(
    insight: Insight, edge: Sequence[EdgeCameraRow], training: TrainingReport | None = None
) -> str:
    """Return all numbers as Prometheus reads them, without estimates that there are none of.

    Args:
        insight: of the models on the cameras.
        edge: of the cameras that run their model themselves.
        training: the newest decision of the gate, with what the candidate did in shadow.
    """
    lines: list[str] = []
    for name, text, value in _MODEL_GAUGES:
        gauges = ((row, value(row)) for row in insight.rows)
        samples = [(_labels(row), gauge) for row, gauge in gauges if gauge is not None]
        lines += _metric(f"oneclick_model_{name}", "gauge", text, samples)
    agreements = [
        ({**_labels(row), "rival": part.rival}, part.share)
        for row in insight.rows
        for part in row.agreements
    ]
    lines += _metric("oneclick_model_agreement_ratio", "gauge", "F1 of two models.", agreements)
    drifts = [(_labels(row), row.drift.value) for row in insight.rows if row.drift]
    text = "Population stability index of confidences against the period before."
    lines += _metric("oneclick_model_drift", "gauge", text, drifts)
    noises = [(_labels(row), row.drift.noise) for row in insight.rows if row.drift]
    text = "95th percentile of that index by chance."
    lines += _metric("oneclick_model_drift_noise", "gauge", text, noises)
    for name in ("precision", "recall"):
        estimates: list[tuple[InsightRow, RatioEstimate]] = [
            (row, estimate) for row in insight.rows if (estimate := getattr(row, name))
        ]
        samples = [
            ({**_labels(row), "bound": bound}, getattr(estimate, bound))
            for row, estimate in estimates
            for bound in ("value", "low", "high")
        ]
        text = "Estimated from reviewed control clips, with its 95% interval."
        lines += _metric(f"oneclick_model_{name}_ratio", "gauge", text, samples)
    lines += _shadow_metrics(training) if training and training.shadow else []
    for name, text, number in _EDGE_COUNTERS:
        counts = [({"camera": row.camera}, number(row)) for row in edge]
        lines += _metric(f"oneclick_edge_{name}", "counter", text, counts)
    return "\n".join(lines) + "\n"


def _shadow_metrics(training: TrainingReport) -> list[str]:
    """Return what the newest candidate did in shadow beside its champion."""
    seen, candidate = training.shadow, training.model
    assert seen is not None
    pair = {"candidate": candidate, "champion": seen.champion}
    lines = _metric(
        "oneclick_shadow_hours", "gauge", "Hours that both looked at.", [(pair, seen.hours)]
    )
    rates = [
        ({**pair, "camera": row.camera, "measure": row.measure, "side": side}, rate)
        for row in seen.rows
        for side, rate in (("champion", row.champion), ("candidate", row.candidate))
        if rate is not None
    ]
    text = "Rates of candidate and champion on the same video; less is better."
    lines += _metric("oneclick_shadow_rate", "gauge", text, rates)
    bounds = [
        ({**pair, "camera": row.camera, "measure": row.measure, "bound": bound}, value)
        for row in seen.rows
        for bound, value in (("value", row.gain), ("low", row.low), ("high", row.high))
        if value is not None
    ]
    text = "Rate of the champion less that of the candidate, with its interval."
    return lines + _metric("oneclick_shadow_gain", "gauge", text, bounds)


def _labels(row: InsightRow) -> dict[str, str]:
    return {"camera": row.camera, "model": row.model}


def _metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> list[str]:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        pairs = ",".join(f'{key}="{_escape(label)}"' for key, label in labels.items())
        lines.append(f"{name}{{{pairs}}} {value:.6g}")
    return lines if len(lines) > 2 else []


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
