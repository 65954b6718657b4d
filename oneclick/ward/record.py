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
from oneclick.ward import render, room, scripts, truth
from oneclick.ward.paint import Frame
from oneclick.ward.render import Seen, Studio
from oneclick.ward.truth import Truth

FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY_HOUR, NIGHT_HOUR = 8, 22


@dataclass(frozen=True)
class Shift:
    """What a camera of the ward records; equal shifts are equal to the last byte.

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
    """Seen by infra-red light."""
    width: int = 480
    height: int = 288

    def __post_init__(self) -> None:
        if self.frames < 1 or self.seed < 0:
            raise ValueError(f"a shift needs at least one frame and a seed from 0, got {self}")

    @property
    def frames(self) -> int:
        """How many frames are recorded."""
        return round(self.seconds * self.fps)

    @property
    def name(self) -> str:
        """The camera's name."""
        return self.camera if isinstance(self.camera, str) else f"ward_{_letters(self.camera)}"

    @property
    def started_at(self) -> datetime:
        """Day number `seed` of the ward, at 08:00 or, by night, at 22:00 UTC."""
        hour = NIGHT_HOUR if self.night else DAY_HOUR
        return FIRST_DAY + timedelta(days=self.seed, hours=hour)

    def path(self, folder: Path) -> Path:
        """`<folder>/ward_a/ward_a_20260105T080000Z.mp4`: `fetch` reads camera and time from it."""
        return folder / self.name / f"{self.name}_{self.started_at:%Y%m%dT%H%M%SZ}.mp4"


def frames(shift: Shift) -> Iterator[tuple[Frame, list[Seen]]]:
    """The pictures, (height, width, 3) uint8 RGB, and who is in each of them."""
    return studio_of(shift).frames(shift.frames)


def studio_of(shift: Shift, falls: bool = True) -> Studio:
    """Where the shift is drawn; without `falls` nobody ever falls in it."""
    place = room.of_camera(shift.name, shift.width, shift.height)
    rng = np.random.default_rng([shift.seed, zlib.crc32(shift.name.encode()), shift.night])
    visits = scripts.cast(place, shift.seconds, rng, falls)
    light = render.Light.draw(rng, shift.night)
    return Studio(place, visits, light, shift.fps, rng)


def record(shift: Shift, path: Path) -> Truth:
    """Write the shift as H.264 to `path` and its truth beside it; frame k is frame k of both.

    The truth is written last, so a video with a truth is complete.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    seen: list[list[Seen]] = []

    def pictures() -> Iterator[Frame]:
        shots = progress.track(f"record {shift.name}", frames(shift), shift.frames)
        for picture, people_seen in shots:
            seen.append(people_seen)
            yield picture

    video.write(path, pictures(), shift.fps)
    made = truth.gather(seen, shift.fps, shift.width, shift.height)
    truth.save(path, made, shift.started_at)
    return made


def _letters(number: int) -> str:
    """0 is a, 25 is z, 26 is aa."""
    text = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        text = string.ascii_lowercase[digit] + text
    return text
