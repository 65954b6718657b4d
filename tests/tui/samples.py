"""Made-up Snapshots, a workspace with something on every screen, and the app over them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from textual.pilot import Pilot

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.review import Verdict
from oneclick.report import snapshot_reader
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
from oneclick.storage import files, model_registry
from oneclick.storage.model_cards import ModelCard, TrainingDataset
from oneclick.storage.workspace import Workspace
from oneclick.tui import frame, grid
from oneclick.tui.app import Oneclick
from oneclick.tui.commands import CommandResult
from oneclick.tui.snapshot_app import SnapshotSource
from tests.catalog import samples as samples

NOW = datetime(2026, 3, 2, 14, 2, 11, tzinfo=UTC)
HOME = Path("ward-set")
GOLDEN = Path(__file__).parents[1] / "golden" / "tui"
HOUR = timedelta(hours=1)


def snapshot(zoom: Zoom = Zoom.DAY, at: datetime = NOW) -> Snapshot:
    """A busy afternoon."""
    clips = (387, 41, 2140, 4012, 0, 160_311, 23, 11)
    changes = (-4, 0, 31, 120, 0, 2200, 1, 3)
    ages = (2, 0, 21, 190, 0, 0, 0, 1500)
    stages = tuple(
        StageRow(stage.value, n, change, at - timedelta(minutes=age) if age else None)
        for stage, n, change, age in zip(ClipStage, clips, changes, ages, strict=True)
    )
    cameras = tuple(
        HeatmapRow(f"cam-{k:02d}", cells := _cells(k, zoom.columns), sum(c or 0 for c in cells))
        for k in range(9)
    )
    stop = at.replace(minute=15, second=0)
    heat = HitHeatmap(
        start=stop - zoom.length,
        stop=stop,
        bucket_seconds=zoom.bucket,
        cameras=cameras,
        triggers=(("flicker", 402), ("jump", 220), ("conflict_miss", 181), ("low_confidence", 120)),
        undated=7,
        behind=False,
    )
    people = (
        Reviewer("anna", (0, 0, 0, 120, 310, 402, 433, 120, 410, 431, 402, 412), 3210),
        Reviewer("bo", (0, 0, 0, 0, 210, 381, 400, 90, 380, 402, 391, 398), 3105),
    )
    return Snapshot(
        at=at,
        past=False,
        home=HOME,
        zoom=zoom,
        videos=2160,
        stages=stages,
        heat=heat,
        kept=KeptVideo(
            videos=2160,
            frames=77_760_000,
            seconds=7_776_000.0,
            clips=160_925,
            clip_frames=82_000,
            control=16_000,
            share=82_000 / 77_760_000,
        ),
        goals=Goals(),
        reviewing=ReviewProgress(
            people=people, today=6315, pace=810, reached=None, goal=(6000, 8000), at=at
        ),
        serving=ModelStatus(
            champion="fcos-resnet50-v0046",
            history=tuple(
                (at - k * 168 * HOUR, f"m{k}", value)
                for k, value in zip((4, 3, 2, 1), (0.41, 0.5, 0.55, 0.612), strict=True)
            ),
            candidate="fcos-resnet50-v0047",
            verdict="not enough evidence",
            reasons=(
                "mAP 0.612 → 0.618 "
                "(+0.006, 90% of 1000 draws over 130 test clips: -0.004 … +0.017)",
            ),
            dataset="v0047-1f2e3d4c",
            images=1_700_412,
        ),
        runs=(
            FlowRunRow(
                id="r4",
                flow="label",
                state="Running",
                started=at - HOUR / 2,
                ended=None,
                detail="autolabel: 130 of 203",
                progress=0.64,
            ),
            FlowRunRow(
                id="r3",
                flow="publish",
                state="Failed",
                started=at - HOUR,
                ended=at - HOUR / 2,
                detail="no space on /mnt/training",
            ),
            FlowRunRow(
                id="r2",
                flow="collect",
                state="Completed",
                started=at - 2 * HOUR,
                ended=at - 1.9 * HOUR,
                detail="",
            ),
            FlowRunRow(
                id="r1",
                flow="train",
                state="Completed",
                started=at - 30 * HOUR,
                ended=at - 26 * HOUR,
                detail="",
            ),
        ),
        needs=(
            ActionItem("review", "4,012 clips wait for review", "review", ("review", "list")),
            ActionItem(
                "quarantined",
                "11 clips are set aside: the video ends early",
                "clips",
                ("clips", "retry", "--all"),
            ),
            ActionItem(
                "flow",
                "publish failed: no space on /mnt/training",
                "flows",
                ("flows", "logs", "r3"),
            ),
        ),
    )


def _cells(camera: int, columns: int) -> tuple[int | None, ...]:
    """Quiet nights, busy mornings, one camera that fell silent, one burst."""
    cells = [((k * 7 + camera * 5) % 11) * (k % 9 < 6) // (2 + camera % 3) for k in range(columns)]
    cells[columns // 3 + camera] += 20 * (camera % 4)
    silent = columns // 2 if camera == 5 else columns
    return tuple(value if k < silent else None for k, value in enumerate(cells))


def empty() -> Snapshot:
    """Before the first video."""
    full = snapshot()
    return replace(
        full,
        videos=0,
        stages=tuple(StageRow(stage.value, 0, 0, None) for stage in ClipStage),
        heat=replace(full.heat, cameras=(), triggers=(), undated=0),
        kept=KeptVideo(
            videos=0, frames=0, seconds=0.0, clips=0, clip_frames=0, control=0, share=0.0
        ),
        reviewing=ReviewProgress(
            people=(), today=0, pace=0, reached=None, goal=(6000, 8000), at=NOW
        ),
        serving=ModelStatus(
            champion=None,
            history=(),
            candidate=None,
            verdict="",
            reasons=(),
            dataset=None,
            images=0,
        ),
        runs=(),
        needs=(
            ActionItem(
                "start", "no video yet: begin with one of yours", "pipeline", ("run", "VIDEO")
            ),
        ),
    )


class Source:
    """Answers with what it is given, one after the other; an exception is raised."""

    def __init__(self, *answers: Snapshot | Exception | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Zoom, datetime | None]] = []

    def read(self, zoom: Zoom, at: datetime | None) -> Snapshot | None:
        self.asked.append((zoom, at))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            return None
        return replace(answer, zoom=zoom, at=at or answer.at, past=at is not None)

    def changed(self, zoom: Zoom, at: datetime | None) -> bool:
        return True

    def close(self) -> None:
        pass


def app(source: SnapshotSource, home: Path = HOME, **options: Any) -> Oneclick:
    """The app at a time that stands still."""
    return Oneclick(
        source, home, clock=lambda: NOW, zone=UTC, every=3600, timer=lambda: 0.0, **options
    )


def drive(
    app: Oneclick,
    act: Callable[[Pilot[None]], Awaitable[None]],
    size: tuple[int, int] = (120, 40),
) -> list[str]:
    """Run the app, let `act` press keys, and give back the text of its screen."""

    async def run() -> list[str]:
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await act(pilot)
            await settled(pilot)
            return grid.text(app)

    return asyncio.run(run())


async def settled(pilot: Pilot[None]) -> None:
    """Nothing is on its way any more."""
    assert isinstance(pilot.app, Oneclick)
    await frame.wait_until_idle(pilot.app, pilot)


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Keys one by one, each answered before the next."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def look(pilot: Pilot[None]) -> None:
    """Only look."""


def golden(name: str, lines: Sequence[str]) -> None:
    """The same as last time; ONECLICK_GOLDEN=write takes these lines as right."""
    path, text = GOLDEN / f"{name}.txt", "\n".join(lines) + "\n"
    if os.environ.get("ONECLICK_GOLDEN") == "write":
        files.write_atomic(path, text)
    assert path.read_text("utf-8") == text


class Commands:
    """Notes what would be run, and says it went well."""

    def __init__(self, out: str = "", code: int = 0) -> None:
        self.run: list[tuple[str, ...]] = []
        self._out, self._code = out, code

    def __call__(self, words: Sequence[str]) -> CommandResult:
        self.run.append(tuple(words))
        return CommandResult(tuple(words), self._code, self._out, "1 done")


def card(name: str, at: datetime, value: float, verdict: str) -> ModelCard:
    """A model that testifies."""
    metrics = {"map": value, "ap50": value + 0.2}
    slices = [
        {"name": "all", "word": "better", "clips": 40, "images": 1200, "boxes": 3000},
        {"name": "light=night", "word": "worse", "clips": 12, "images": 360, "boxes": 700},
    ]
    slice_rows = [
        {**row, "champion": value - 0.02, "candidate": value, "gain": 0.02 - 0.05 * k}
        | {"low": -0.06 + 0.05 * (1 - k), "high": 0.04}
        for k, row in enumerate(slices)
    ]
    decision = {
        "verdict": verdict,
        "reasons": [f"mAP {value - 0.02:.3f} → {value:.3f}"],
        "rows": [],
        "slices": slice_rows,
    }
    source = TrainingDataset("v0001", "0" * 64)
    return ModelCard(
        id=name, arch="fcos-tiny", classes=("person",), size=(192, 320), threshold=0.3,
        dataset=source, parent=None, config={}, code="0.1.0", made_at=at, seconds=60.0,
        weights="", metrics=metrics, decision=decision,
    )  # fmt: skip


def workspace(home: Path) -> snapshot_reader.SnapshotReader:
    """A workspace with clips at every stage, verdicts, models and runs, and a reader of it."""
    samples.furnish(home)
    place, clock = Workspace(home), samples.Clock(NOW)
    for k, (name, verdict) in enumerate((("m1", "promote"), ("m2", "promote"), ("m3", "refuse"))):
        model_card = card(name, NOW - (3 - k) * 100 * HOUR, 0.4 + 0.05 * k, verdict)
        files.write_atomic(place.model_dir(name) / "card.json", msgspec.json.encode(model_card))
        lines = [f'{{"step": {s}, "loss": {3 / (s + 1) + k}}}' for s in range(40)]
        files.write_atomic(place.model_dir(name) / "metrics.jsonl", "\n".join(lines) + "\n")
        os.utime(place.model_dir(name) / "metrics.jsonl", (1000 + k, 1000 + k))
    for name in ("m1", "m2"):
        model_registry.promote(place, name, "better")
    _terms(place)
    with Catalog.open(home, clock=clock) as catalog:
        for row in catalog.clips(stage=ClipStage.PUBLISHED):
            review_row = Verdict(
                clip=row.clip.id,
                decision="accept",
                by="anna",
                at=NOW - HOUR,
                tracks=None,
                seconds=40.0,
                edits=2,
                reason="",
            )
            catalog.add_verdict(review_row, 75)
        catalog.add_run("run-1", "label", "Running", NOW - HOUR, None, "")
        catalog.advance_run("run-1", 0.5, "autolabel: 4 of 8")
        catalog.add_run("run-2", "train", "Failed", NOW - 3 * HOUR, NOW - 2 * HOUR, "no space")
    _still(home)
    return snapshot_reader.SnapshotReader(home, Goals(), clock, UTC)


def _terms(place: Workspace) -> None:
    """Promotions at times that stand still."""
    champion_record = model_registry.read(place)
    assert champion_record is not None
    terms = tuple(
        model_registry.ServicePeriod(term.model, NOW - (2 - k) * 90 * HOUR, term.reason)
        for k, term in enumerate(champion_record.history)
    )
    registry = model_registry.ModelRegistry("m2", terms[-1].since, terms)
    files.write_json(place.champion_file, registry)


def _still(home: Path) -> None:
    """Every time that the real clock wrote, an hour before NOW."""
    import sqlalchemy as sa

    from oneclick.catalog import recount, schema

    hour_ago = NOW - HOUR
    with Catalog.open(home) as catalog, catalog.transaction() as connection:
        connection.execute(sa.update(schema.clips).values(created_at=hour_ago, moved_at=hour_ago))
        connection.execute(sa.update(schema.clip_events).values(at=hour_ago))
        connection.execute(sa.update(schema.videos).values(added_at=hour_ago))
        recount.refill(connection)
