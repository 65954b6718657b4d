"""The state of the whole workspace at one time: what the main screen and `oneclick status` show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from oneclick.report.numbers import KeptVideo


class Zoom(Enum):
    """How far back a timeline reaches: (seconds of one column, columns)."""

    HOUR = (60, 60)
    SIX_HOURS = (300, 72)
    DAY = (900, 96)
    MONTH = (21_600, 120)

    @property
    def bucket(self) -> int:
        """Return the length of one column in seconds."""
        return self.value[0]

    @property
    def columns(self) -> int:
        """Return the number of columns."""
        return self.value[1]

    @property
    def length(self) -> timedelta:
        """Return the length of all columns together."""
        return timedelta(seconds=self.bucket * self.columns)


@dataclass(frozen=True)
class Goals:
    """Targets of the team (settings)."""

    images: tuple[int, int] = (6000, 8000)
    """Images that all annotators together review in a day: lower and upper target."""
    kept: float = 0.001
    """Share of raw video worth annotating."""


@dataclass(frozen=True)
class StageRow:
    """Clips at one stage of the pipeline."""

    stage: str
    """A ClipStage."""
    clips: int
    change: int
    """Increase of the number of clips since the beginning of the zoom."""
    oldest: datetime | None
    """When the clip that has been at this stage longest arrived; None where nothing waits."""


@dataclass(frozen=True)
class HeatmapRow:
    """Hits of one camera over time."""

    camera: str
    cells: tuple[int | None, ...]
    """Hits by column, oldest first; None where there is no video."""
    hits: int
    """Sum of the cells."""


@dataclass(frozen=True, kw_only=True)
class HitHeatmap:
    """Trigger hits of every camera by recording time."""

    start: datetime
    """Begin of the first column, UTC."""
    stop: datetime
    """End of the last column."""
    bucket_seconds: int
    cameras: tuple[HeatmapRow, ...]
    """By name."""
    triggers: tuple[tuple[str, int], ...]
    """Hits by trigger in the window, most first."""
    undated: int
    """Hits in videos of unknown start; they are in no column."""
    behind: bool
    """True if nothing was recorded in the window that ends now: this one ends with the last
    recording."""


@dataclass(frozen=True)
class Reviewer:
    """Work of one annotator; `policy:…` (clips accepted unseen) is not an annotator."""

    name: str
    hours: tuple[int, ...]
    """Images reviewed in each of the last 12 hours; the last one is not over yet."""
    today: int
    """Images since local midnight."""


@dataclass(frozen=True, kw_only=True)
class ReviewProgress:
    """Work of the annotators against the daily target."""

    people: tuple[Reviewer, ...]
    """Annotators who reviewed in the last 12 hours or today, by name."""
    today: int
    """Images of all people since local midnight."""
    pace: int
    """Images in the last 60 minutes."""
    reached: datetime | None
    """When the lower target will be reached at this pace; None at pace 0, or once it is reached."""
    goal: tuple[int, int]
    at: datetime
    """Time of the snapshot, UTC."""


@dataclass(frozen=True, kw_only=True)
class ModelStatus:
    """The model in service, and the last decision about a candidate."""

    champion: str | None
    history: tuple[tuple[datetime, str, float], ...]
    """(since, model, mAP) of every champion, oldest first."""
    candidate: str | None
    """The newest model that the gate judged."""
    verdict: str
    """promote, refuse or not enough evidence; empty before the first decision."""
    reasons: tuple[str, ...]
    dataset: str | None
    images: int
    """In the newest dataset version."""


@dataclass(frozen=True, kw_only=True)
class FlowRunRow:
    """One run of a Prefect flow."""

    id: str
    flow: str
    state: str
    """Prefect's name: Running, Completed, Failed, Crashed, Cancelled, …"""
    started: datetime | None
    ended: datetime | None
    detail: str
    progress: float | None = None
    """Completed share of a running flow, 0 to 1; None if it has not been reported."""


@dataclass(frozen=True)
class ActionItem:
    """Something that needs a person."""

    kind: str
    """start, review, quarantined, flow, gate, broken, platform, camera, insight, space: in order of
    urgency."""
    text: str
    screen: str
    """Screen for the task: pipeline, triggers, clips, review, flows, train, system."""
    command: tuple[str, ...]
    """Arguments of the `oneclick` command that does it or shows it."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything on the main screen, read in one transaction of the catalog."""

    at: datetime
    """Time that it describes, UTC."""
    past: bool
    """True if it describes an earlier time, not the present."""
    home: Path
    """Folder of the workspace."""
    zoom: Zoom
    """How far back `heat` and the changes of `stages` reach."""
    videos: int
    """Raw videos in the catalog."""
    stages: tuple[StageRow, ...]
    """In pipeline order."""
    heat: HitHeatmap
    """Hits by camera and time."""
    kept: KeptVideo
    """How much of the raw video became clips."""
    goals: Goals
    reviewing: ReviewProgress
    """What the annotators did today."""
    serving: ModelStatus
    """The model in service, and the last candidate."""
    runs: tuple[FlowRunRow, ...]
    """Newest first."""
    needs: tuple[ActionItem, ...]
    """Most urgent first."""
