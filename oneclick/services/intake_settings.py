"""The settings of the intake: what edge cameras may send, and what they are asked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class IntakeSettings(BaseModel):
    """Predictions of cameras that run their model themselves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window_minutes: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Predictions become a video of the catalog, and triggers search them, each time that so many
    minutes of the clock are over."""
    idle_minutes: Annotated[float, Field(gt=0)] = 2.0
    """Also when a camera has sent nothing for so long."""
    requests_per_minute: int = Field(240, ge=1)
    """Batches that one camera may send in a minute."""
    max_boxes: int = Field(300, ge=1)
    """Boxes in one picture."""
    max_skew_s: Annotated[float, Field(gt=0)] = 60.0
    """Seconds by which the clock of a device may differ."""
    max_age_hours: Annotated[float, Field(gt=0)] = 168.0
    """Older pictures are not taken: a device sends what waited after it was cut off."""
    spans_from: tuple[str, ...] = ()
    """Cameras whose raw video may be asked for where a trigger found something. The device has to
    allow it, too."""
    spans_per_day: int = Field(24, ge=0)
    """Spans of raw video that one camera is asked for in a day, at most."""
    span_seconds: Annotated[float, Field(ge=1, le=300)] = 10.0
    """Length of such a span."""
    max_span_mb: Annotated[float, Field(gt=0)] = 200.0
    """Most MB (10⁶ bytes) of one span that a device may send."""
    pull_from: tuple[str, ...] = ()
    """Folders, as paths or URLs, from which a span may be fetched when a device names its place in
    place of sending it."""
