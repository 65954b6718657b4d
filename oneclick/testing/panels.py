"""What every panel must do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from oneclick.core.clips import ClipStage
from oneclick.report.numbers import KeptVideo
from oneclick.report.snapshot import (
    ActionItem,
    FlowRunRow,
    Goals,
    HeatmapRow,
    HitHeatmap,
    ModelStatus,
    Reviewer,
    ReviewProgress,
    Snapshot,
    StageRow,
    Zoom,
)
from oneclick.tui import panel_plugins
from oneclick.tui.panel_plugins import PanelPlugin

WIDTHS = (116, 38, 1)
HEIGHT = panel_plugins.HEIGHT - 2
"""Rows inside the border."""
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class PanelContract:
    """Tests of a panel; set `panel` to its class."""

    panel: ClassVar[type[PanelPlugin]]

    def test_its_class_is_a_panel(self) -> None:
        """Check name, screen, texts and methods, as they are checked when a plug-in is loaded."""
        assert panel_plugins.validate(self.panel.name, self.panel) is self.panel

    @pytest.mark.parametrize("busy", [False, True], ids=["a new workspace", "a busy one"])
    def test_any_snapshot_gives_rows_that_fit(self, busy: bool) -> None:
        """Check that rows are texts with colours, and no more than there is room for."""
        panel = self.panel()
        for width in WIDTHS:
            rows = panel.draw(panel.select(snapshot(busy)), width, HEIGHT)
            assert len(panel_plugins.check_rows(rows)) <= HEIGHT

    def test_equal_snapshots_give_equal_content(self) -> None:
        """Check that what is selected compares by content: else it is drawn again and again."""
        assert self.panel().select(snapshot(True)) == self.panel().select(snapshot(True))


def snapshot(busy: bool) -> Snapshot:
    """Return the snapshot of a workspace: one with a little of everything, or a new one."""
    zoom, counts = Zoom.HOUR, ((7, 0, 3) if busy else (0, 0, 0))
    cells = tuple(None if column % 9 == 0 else column % 4 for column in range(zoom.columns))
    cameras = (HeatmapRow("hall", cells, sum(hits or 0 for hits in cells)),)
    return Snapshot(
        at=NOON,
        past=False,
        home=Path("workspace"),
        zoom=zoom,
        videos=counts[0],
        stages=tuple(
            StageRow(stage.value, counts[k % 3], 0, NOON if counts[k % 3] else None)
            for k, stage in enumerate(ClipStage)
        ),
        heat=HitHeatmap(
            start=NOON - zoom.length,
            stop=NOON,
            bucket_seconds=zoom.bucket,
            cameras=cameras if busy else (),
            triggers=(("flicker", 60), ("jump", 18)) if busy else (),
            undated=counts[2],
            behind=False,
        ),
        kept=KeptVideo(
            videos=counts[0],
            frames=9000 * counts[0],
            seconds=600.0 * counts[0],
            clips=counts[2],
            clip_frames=300 * counts[2],
            control=1 if busy else 0,
            share=1 / 70 if busy else 0.0,
        ),
        goals=Goals(),
        reviewing=ReviewProgress(
            people=(Reviewer("annotator-1", (0,) * 11 + (810,), 6315),) if busy else (),
            today=6315 if busy else 0,
            pace=810 if busy else 0,
            reached=None,
            goal=Goals().images,
            at=NOON,
        ),
        serving=ModelStatus(
            champion="fcos-tiny-v0002" if busy else None,
            history=((NOON - timedelta(days=7), "fcos-tiny-v0002", 0.41),) if busy else (),
            candidate="fcos-tiny-v0003" if busy else None,
            verdict="not enough evidence" if busy else "",
            reasons=("0 test images, at least 20 are needed",) if busy else (),
            dataset="v0003-1f2e3d4c" if busy else None,
            images=1080 if busy else 0,
        ),
        runs=(_run("Running", None, 0.6), _run("Failed", NOON, None)) if busy else (),
        needs=(ActionItem("review", "3 clips wait", "review", ("review", "list")),) * busy,
    )


def _run(state: str, ended: datetime | None, progress: float | None) -> FlowRunRow:
    return FlowRunRow(
        id=state.lower(),
        flow="label",
        state=state,
        started=NOON - timedelta(minutes=5),
        ended=ended,
        detail="autolabel: 3 of 5",
        progress=progress,
    )
