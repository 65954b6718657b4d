"""The settings of live cameras: where they are, which models look at them, what is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from oneclick.core import ids, stream_addresses
from oneclick.core.errors import UsageError


class LiveSettings(BaseModel):
    """Live cameras, which `oneclick up` runs and the page /live shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cameras: dict[str, str] = {}
    """Address by name of the camera: {hall = "rtsp://10.0.0.7/stream1"}; rtsp:// is RTSP over TCP,
    rtsp+udp:// over UDP; http://, webcam:0, a file or a folder, too. Without name and password."""
    credentials: str = ""
    """TOML file, readable by its owner alone, with user and password by camera or host:
    [hall], then user = "…" and password = "…"."""
    certificates: str = ""
    """PEM file of the authorities that sign the certificates of rtsps:// and https:// cameras, or
    of the cameras themselves; empty: those that the system knows. `any` trusts every certificate,
    and lets whoever stands between read the password."""
    fps: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Pictures a second that the models look at, at most."""
    models: Annotated[tuple[str, ...], Field(max_length=2)] = ("auto",)
    """Detectors that look at the pictures: the first lights the lamps, a second one is shown beside
    it; auto is the predictor of `detect`, empty looks with none."""
    record: bool = True
    """Record what the cameras send, without encoding it again, for `collect` to fetch."""
    segment_minutes: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Length of a recorded segment."""
    retain_hours: Annotated[float, Field(gt=0)] = 72.0
    """Hours that a recorded segment waits for `collect`; then it is removed."""
    ring_minutes: Annotated[float, Field(gt=0, le=1440)] = 10.0
    """Minutes of pictures with boxes that are kept to look back at."""
    ring_mb: Annotated[int, Field(ge=10)] = 1000
    """Most MB (10⁶ bytes) of these pictures for each camera."""
    ring_width: Annotated[int, Field(ge=64)] = 1280
    """Width that these pictures are reduced to, px."""

    @property
    def authorities(self) -> str:
        """Return `certificates` with the home folder in place of ~."""
        return str(Path(self.certificates).expanduser()) if self.certificates else ""

    @field_validator("cameras")
    @classmethod
    def _check_cameras(cls, cameras: dict[str, str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for name, address in cameras.items():
            try:
                stream_addresses.parse(address)
            except UsageError as error:
                raise ValueError(f"{name}: {error}") from None
            other = names.setdefault(ids.camera_name(name), name)
            if other != name:
                raise ValueError(f"{other} and {name} have the same name in ids: rename one")
        return cameras

    @field_validator("models", mode="before")
    @classmethod
    def _read_one_model(cls, value: Any) -> Any:
        return ((value,) if value else ()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_models(self) -> LiveSettings:
        if len(set(self.models)) < len(self.models):
            raise ValueError(f"models are both {self.models[0]!r}: name two different ones")
        return self
