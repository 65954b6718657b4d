"""One moment of the whole engine: what the main screen shows, and `oneclick status` beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from oneclick.report.numbers import Kept


class Zoom(Enum):
    """How far back a timeline reaches: (seconds of one column, columns)."""

    HOUR = (60, 60)
    SIX_HOURS = (300, 72)
    DAY = (900, 96)
    MONTH = (21_600, 120)

    @property
    def bucket(self) -> int:
        """Seconds of one column."""
        return self.value[0]

    @property
    def columns(self) -> int:
        return self.value[1]

    @property
    def length(self) -> timedelta:
        return timedelta(seconds=self.bucket * self.columns)


@dataclass(frozen=True)
class Goals:
    """What the team wants to reach (settings)."""

    images: tuple[int, int] = (6000, 8000)
    """Reviewed a day by all annotators together: enough, and more than enough."""
    kept: float = 0.001
    """Share of raw video worth annotating."""


@dataclass(frozen=True)
class StageNow:
    """Clips at one stage of the street."""

    stage: str
    """A ClipStage."""
    clips: int
    change: int
    """Clips more than at the beginning of the zoom."""
    oldest: datetime | None
    """Since when the clip that stands there longest has stood there; None where nothing waits."""


@dataclass(frozen=True)
class HeatRow:
    """One camera through time."""

    camera: str
    cells: tuple[int | None, ...]
    """Hits by column, oldest first; None where there is no video."""
    hits: int
    """Sum of the cells."""


@dataclass(frozen=True)
class Heat:
    """Trigger hits of every camera; a hit counts when it was recorded, not when it was found."""

    start: datetime
    """UTC begin of the first column."""
    stop: datetime
    """End of the last column."""
    bucket_seconds: int
    cameras: tuple[HeatRow, ...]
    """By name."""
    triggers: tuple[tuple[str, int], ...]
    """Hits by trigger in the window, most first."""
    undated: int
    """Hits in videos whose start nobody knows; they are in no column."""
    behind: bool
    """Nothing was recorded in the window that ends now: this one ends with the last recording."""


@dataclass(frozen=True)
class Reviewer:
    """What one annotator did; `policy:…` (clips accepted unseen) is no annotator."""

    name: str
    hours: tuple[int, ...]
    """Images reviewed in each of the last 12 hours, the last one running."""
    today: int
    """Images since local midnight."""


@dataclass(frozen=True)
class Reviewing:
    """Annotators against the goal of the day."""

    people: tuple[Reviewer, ...]
    """Who reviewed in the last 12 hours or today, by name."""
    today: int
    """Images of all people since local midnight."""
    pace: int
    """Images in the last 60 minutes."""
    reached: datetime | None
    """When the lower goal is reached at this pace; None at no pace, or once it is reached."""
    goal: tuple[int, int]
    at: datetime
    """The moment of the snapshot, UTC."""


@dataclass(frozen=True)
class Serving:
    """The model in service, and the last decision about a candidate."""

    champion: str | None
    history: tuple[tuple[datetime, str, float], ...]
    """(since, model, mAP) of every champion, oldest first."""
    candidate: str | None
    """The newest model the gate judged."""
    verdict: str
    """promote, refuse or not enough evidence; empty before the first."""
    reasons: tuple[str, ...]
    dataset: str | None
    images: int
    """In the newest dataset version."""


@dataclass(frozen=True)
class RunNow:
    """One flow run."""

    id: str
    flow: str
    state: str
    """Prefect's name: Running, Completed, Failed, Crashed, Cancelled, …"""
    started: datetime | None
    ended: datetime | None
    detail: str
    progress: float | None = None
    """0 to 1, of a run that works on clips now; None where nobody knows."""


@dataclass(frozen=True)
class Need:
    """Something that only a person can do."""

    kind: str
    """start, review, quarantined, flow, gate, broken, platform, space: in order of urgency."""
    text: str
    screen: str
    """Where it is done: pipeline, triggers, clips, review, flows, train, system."""
    command: tuple[str, ...]
    """The words after `oneclick` that do it or show it."""


@dataclass(frozen=True)
class Snapshot:
    """All of the main screen, from one view of the catalog."""

    at: datetime
    """The moment it describes, UTC."""
    past: bool
    """It describes a moment of before."""
    home: Path
    zoom: Zoom
    videos: int
    stages: tuple[StageNow, ...]
    """In the order of the street."""
    heat: Heat
    kept: Kept
    goals: Goals
    reviewing: Reviewing
    serving: Serving
    runs: tuple[RunNow, ...]
    """Newest first."""
    needs: tuple[Need, ...]
    """Most urgent first."""
