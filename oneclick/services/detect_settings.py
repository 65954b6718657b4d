"""The settings of detectors: which models predict and label, and how they look."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator

from oneclick.core.turned_mode import TurnedMode


class DetectSettings(BaseModel):
    """Models that predict and label."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    predictor: str = "auto"
    """Deployed model; `auto` is the champion; before there is one, the first labeller that is an
    onnx:, model: or labeller:, or else opencv:hog."""
    rival: str = "auto"
    """Second opinion for conflict triggers: opencv:motion (auto), a model, or empty for none."""
    labellers: tuple[str, ...] = ()
    """Models that label clips, best first; empty means trained labellers, predictor and rival."""
    prompts: dict[str, str] = {}
    """Text that a `prompt:` detector looks for, by class; by default the name of the class."""
    closer: bool = True
    """Labellers that shrink frames run again at full size, on windows around the first labels."""
    turned: TurnedMode = "signs"
    """Look at the picture turned by 90°, too, for people who lie: at signs, always, or off."""
    device: str = "auto"
    """Device of networks, as torch names it; `auto` is the GPU if there is one, else the CPU.
    `onnx:` graphs run on the CPU where it is mps."""

    @model_validator(mode="after")
    def _check_rival(self) -> DetectSettings:
        if self.rival not in ("", "auto") and self.rival == self.predictor:
            raise ValueError(
                f"rival and predictor are both {self.rival!r}: a model never disagrees with itself"
            )
        return self
