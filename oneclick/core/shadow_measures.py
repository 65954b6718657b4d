"""What is measured of two models on the same video without labels: shared by gate and screens."""

from __future__ import annotations

from dataclasses import dataclass

WAITS_IN_SHADOW = "waits in shadow"
"""First words of the reason for which a candidate is judged again."""


@dataclass(frozen=True, kw_only=True)
class ShadowMeasure:
    """One measure, a rate of which less is better."""

    title: str
    """Heading of its row, with the unit."""
    least: float
    """Rates of the champion below this count as this where the margin is applied: a share of
    almost nothing would be no margin."""
    judged: bool = True
    """Whether the gate demands that the candidate is no worse; else it is shown alone."""


MEASURES = {
    "flickers": ShadowMeasure(title="flickers an hour", least=60.0),
    "gaps": ShadowMeasure(title="gaps in tracks an hour", least=60.0),
    "unseen": ShadowMeasure(title="frames with signs and no box", least=0.05),
    "decided": ShadowMeasure(title="s an hour decided against it", least=60.0),
    "review": ShadowMeasure(title="errors a reviewed box", least=0.1),
    "people": ShadowMeasure(title="new people an hour", least=1.0, judged=False),
}
"""By name, in the order of the screens."""
