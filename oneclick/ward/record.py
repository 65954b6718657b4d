"""Recording a shift: a real video file, and beside it the truth about every frame of it."""

from __future__ import annotations

import string
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from oneclick import video
from oneclick.core import progress
from oneclick.ward import room, scripts, truth
from oneclick.ward.imaging import ImagingConditions
from oneclick.ward.paint import Frame
from oneclick.ward.render import FrameRenderer, VisiblePerson
from oneclick.ward.truth import GroundTruth

FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY_HOUR, NIGHT_HOUR = 8, 22


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One recording by a camera of the ward; equal shifts are equal to the last byte.

    Raises:
        ValueError: for a shift without a frame.
    """

    camera: int | str
    """Number (0 is ward_a) or name; each has its own room, view and colours."""
    seed: int = 0
    """Another seed, another day: other people doing other things."""
    seconds: float = 60.0
    fps: float = 10.0
    night: bool = False
    """Recorded by infra-red light."""
    width: int = 480
    height: int = 288

    def __post_init__(self) -> None:
        if self.frames < 1 or self.seed < 0:
            raise ValueError(f"a shift needs at least one frame and a seed from 0, got {self}")

    @property
    def frames(self) -> int:
        """Return the number of frames."""
        return round(self.seconds * self.fps)

    @property
    def name(self) -> str:
        """Return the camera's name: ward_a, …, ward_z, ward_aa, … for a number."""
        if isinstance(self.camera, str):
            return self.camera
        letters, number = "", self.camera + 1
        while number:
            number, digit = divmod(number - 1, 26)
            letters = string.ascii_lowercase[digit] + letters
        return f"ward_{letters}"

    @property
    def started_at(self) -> datetime:
        """Return the start: day number `seed` of the ward, 08:00 or, by night, 22:00 UTC."""
        hour = NIGHT_HOUR if self.night else DAY_HOUR
        return FIRST_DAY + timedelta(days=self.seed, hours=hour)

    def path(self, folder: Path) -> Path:
        """Return `<folder>/ward_a/ward_a_20260105T080000Z.mp4`, which `fetch` can parse."""
        return folder / self.name / f"{self.name}_{self.started_at:%Y%m%dT%H%M%SZ}.mp4"


def frames(shift: Shift) -> Iterator[tuple[Frame, list[VisiblePerson]]]:
    """Yield the pictures, (height, width, 3) uint8 RGB, and the people visible in each."""
    return make_renderer(shift).frames(shift.frames)


def make_renderer(shift: Shift, falls: bool = True) -> FrameRenderer:
    """Return the renderer of a shift; without `falls` nobody ever falls in it."""
    ward_room = room.of_camera(shift.name, shift.width, shift.height)
    rng = np.random.default_rng([shift.seed, zlib.crc32(shift.name.encode()), shift.night])
    visits = scripts.write_visits(ward_room, shift.seconds, rng, falls)
    conditions = ImagingConditions.draw(rng, shift.night)
    return FrameRenderer(ward_room, visits, conditions, shift.fps, rng)


def record(shift: Shift, path: Path) -> GroundTruth:
    """Write the shift as H.264 to `path` and its truth beside it; frame k is frame k of both.

    The truth is written last, so a video with a truth is complete.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    people_by_frame: list[list[VisiblePerson]] = []

    def pictures() -> Iterator[Frame]:
        shots = progress.track(f"record {shift.name}", frames(shift), shift.frames)
        for picture, people in shots:
            people_by_frame.append(people)
            yield picture

    video.write(path, pictures(), shift.fps)
    ground_truth = truth.from_frames(people_by_frame, shift.fps, shift.width, shift.height)
    truth.save(path, ground_truth, shift.started_at)
    return ground_truth
