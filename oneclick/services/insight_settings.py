"""The settings of insight: who may read the numbers as metrics."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator


class InsightSettings(BaseModel):
    """Numbers about models and cameras for other programs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metrics: Literal["off", "loopback", "token"] = "off"
    """`/metrics` on the server of the review pages, for Prometheus: nobody, programs of this
    machine, or whoever has the token. Names of cameras and models stand in it."""
    metrics_token_file: str = ""
    """File of that token, which only its owner may read."""

    @model_validator(mode="after")
    def _check_token(self) -> InsightSettings:
        if (self.metrics == "token") != bool(self.metrics_token_file):
            raise ValueError("metrics = token and metrics_token_file belong together")
        return self
