"""Options of a training that ends at once, and a gate whose word is given."""

from __future__ import annotations

import pytest

from oneclick import settings
from oneclick.training import gate

OPTIONS = settings.load(
    train={"steps": 1, "batch": 2, "stride": 2, "min_test_images": 1}
).train_options()


def ruled(monkeypatch: pytest.MonkeyPatch, verdict: gate.GateVerdict) -> None:
    """The gate's word is `verdict` from now on; what it is based on is tested beside it."""
    real = gate.decide

    def decide(*arguments: object) -> gate.GateDecision:
        decision = real(*arguments)  # type: ignore[arg-type]
        return gate.GateDecision(verdict, ("because",), decision.rows, decision.slices)

    monkeypatch.setattr(gate, "decide", decide)
