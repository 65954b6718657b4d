"""The panels of the main screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from oneclick.report.numbers import KeptVideo
from oneclick.report.snapshot import (
    ActionItem,
    FlowRunRow,
    Goals,
    HitHeatmap,
    ModelStatus,
    ReviewProgress,
    StageRow,
    Zoom,
)
from oneclick.tui.panel import ListPanel, Panel, SnapshotView
from oneclick.tui.panels import (
    action_items,
    flow_runs,
    funnel,
    heatmap,
    model_status,
    review_progress,
)
from oneclick.tui.rows import StyledRow


class FunnelPanel(Panel):
    """Clips per stage."""

    HEADING = "Pipeline · clips per stage"
    HELP = (
        "Where every clip stands, from cut to published. Beside the number how many more there are "
        "than at the beginning of the timeline below; under it how long the oldest has stood there "
        "(▲ more than an hour). Bars grow by the square root."
    )
    _content: tuple[tuple[StageRow, ...], datetime] | None

    def select(self, view: SnapshotView) -> object:
        """Return the stages, and the time to which their ages refer."""
        return view.snapshot.stages, view.at

    def draw(self, width: int, height: int) -> list[StyledRow]:
        """Return the rows of `funnel.draw`."""
        assert self._content
        return funnel.draw(*self._content, width, self.ink)


class HeatmapPanel(ListPanel):
    """Trigger hits through time; one row a camera."""

    HEADING = "Trigger hits"
    HELP = (
        "A row for each camera, a column for each stretch of time, brighter by the square root of "
        "the hits recorded in it; blank where there is no video. z changes the time that is shown, "
        "[ and ] go through it. Below: the triggers' shares, and how much video was kept."
    )
    KEYS = ("zoom", "back", "forward", "now")
    COMMAND = ("triggers", "timeline")
    _content: tuple[HitHeatmap, KeptVideo, Goals, Zoom, tzinfo | None] | None

    def select(self, view: SnapshotView) -> object:
        """Return hits and kept video; the title names the zoom."""
        snapshot = view.snapshot
        self.set_titles(f"{self.HEADING} · {heatmap.ZOOM_NAMES[snapshot.zoom]}")
        return snapshot.heat, snapshot.kept, snapshot.goals, snapshot.zoom, view.zone

    def keys(self) -> Sequence[Any]:
        """Return the names of the cameras."""
        return [row.camera for row in self._content[0].cameras] if self._content else []

    def draw(self, width: int, height: int) -> list[StyledRow]:
        """Return the rows of `heatmap.draw`, scrolled to the cursor."""
        assert self._content
        hits, video, goals, _, zone = self._content
        count = heatmap.camera_rows(height, len(hits.cameras))
        self.cursor = max(min(self.cursor, len(hits.cameras) - 1), 0)
        self.top = max(min(self.top, self.cursor), self.cursor - count + 1, 0)
        return heatmap.draw(
            hits,
            video,
            goals,
            width,
            height,
            ink=self.ink,
            zone=zone,
            cursor=self.cursor if self.has_focus else None,
            top=self.top,
        )


class ReviewProgressPanel(Panel):
    """Annotators against the goal of the day."""

    HEADING = "Review · images"
    HELP = (
        "Images that people reviewed: each hour of the last twelve as a bar, the running hour, and "
        "today. The bar below is the day against the goal (┃ is enough); then the pace of the last "
        "hour, and when the goal is reached at it. Clips accepted unseen do not count."
    )
    COMMAND = ("review", "stats")
    _content: tuple[ReviewProgress, tzinfo | None] | None

    def select(self, view: SnapshotView) -> object:
        """Return the annotators' progress and the time zone of its forecast."""
        return view.snapshot.reviewing, view.zone

    def draw(self, width: int, height: int) -> list[StyledRow]:
        """Return the rows of `review_progress.draw`."""
        assert self._content
        progress, zone = self._content
        return review_progress.draw(progress, width, height, self.ink, zone)


class ModelStatusPanel(Panel):
    """The champion and the newest candidate."""

    HEADING = "Model in service"
    HELP = (
        "The champion, its mAP on the test clips it was judged on, and since when it serves. Below "
        "what the gate said of the newest candidate, compared on the same clips, and the mAP of "
        "every champion so far, each on the test clips of its day."
    )
    COMMAND = ("models", "history")
    _content: tuple[ModelStatus, datetime] | None

    def select(self, view: SnapshotView) -> object:
        """Return the champion's status, and the time to which its age refers."""
        return view.snapshot.serving, view.at

    def draw(self, width: int, height: int) -> list[StyledRow]:
        """Return the rows of `model_status.draw`."""
        assert self._content
        return model_status.draw(*self._content, width, height, self.ink)


class FlowRunList(ListPanel):
    """Flow runs."""

    HEADING = "Flow runs"
    HELP = (
        "Prefect's runs, newest first: state, age, how long it took or how far it is, and its "
        "message."
    )
    COMMAND = ("flows", "list")
    _content: tuple[tuple[FlowRunRow, ...], datetime] | None

    def select(self, view: SnapshotView) -> object:
        """Return the runs, and the time to which their ages refer."""
        return view.snapshot.runs, view.at

    def keys(self) -> Sequence[Any]:
        """Return the run ids."""
        return [run.id for run in self._content[0]] if self._content else []

    def row(self, number: int, width: int) -> StyledRow:
        """Return the row of `flow_runs.draw`."""
        assert self._content
        return flow_runs.draw(self._content[0][number], self._content[1], width, self.ink)

    def empty_row(self) -> StyledRow:
        """Return what to do before the first run."""
        return [
            ("no run yet: oneclick run VIDEO, or oneclick up for the schedules", self.ink["quiet"])
        ]


class ActionItemList(ListPanel):
    """What a person must do."""

    HEADING = "Needs you"
    HELP = "What only a person can do, most urgent first. Enter does it, or goes where it is done."
    _content: tuple[ActionItem, ...] | None

    def select(self, view: SnapshotView) -> object:
        """Return the action items."""
        return view.snapshot.needs

    def keys(self) -> Sequence[Any]:
        """Return the action items themselves."""
        return self._content or ()

    def row(self, number: int, width: int) -> StyledRow:
        """Return the row of `action_items.draw`."""
        assert self._content
        return action_items.draw(self._content[number], width, self.ink)

    def empty_row(self) -> StyledRow:
        """Return the row that says that there is nothing to do."""
        return action_items.draw_none(self.ink)
