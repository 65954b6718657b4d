"""The panels of the main screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from oneclick.report.numbers import Kept
from oneclick.report.snapshot import Goals, Heat, Need, Reviewing, RunNow, Serving, StageNow, Zoom
from tui.panel import Listing, Panel, View
from tui.panels import funnel, heat, needs, people, runs, serving
from tui.rows import Row


class Funnel(Panel):
    """Clips per stage."""

    HEADING = "Pipeline · clips per stage"
    SAYS = (
        "Where every clip stands, from cut to published. Beside the number how many more there are "
        "than at the beginning of the timeline below; under it how long the oldest has stood there "
        "(▲ more than an hour). Bars grow by the square root."
    )
    _part: tuple[tuple[StageNow, ...], datetime] | None

    def part(self, view: View) -> object:
        """Stages; ages are those of the moment that was read."""
        return view.snapshot.stages, view.at

    def draw(self, room: int, height: int) -> list[Row]:
        """As funnel.draw."""
        assert self._part
        return funnel.draw(*self._part, room, self.ink)


class HeatStrip(Listing):
    """Trigger hits through time; one row a camera."""

    HEADING = "Trigger hits"
    SAYS = (
        "A row for each camera, a column for each stretch of time, brighter by the square root of "
        "the hits recorded in it; blank where there is no video. z changes the time that is shown, "
        "[ and ] go through it. Below: the triggers' shares, and how much video was kept."
    )
    KEYS = ("zoom", "back", "forward", "now")
    TWIN = ("triggers", "timeline")
    _part: tuple[Heat, Kept, Goals, Zoom, tzinfo | None] | None

    def part(self, view: View) -> object:
        """Heat and share kept."""
        found = view.snapshot
        self.name_it(f"{self.HEADING} · {heat.NAMES[found.zoom]}")
        return found.heat, found.kept, found.goals, found.zoom, view.zone

    def keys(self) -> Sequence[Any]:
        """Cameras."""
        return [row.camera for row in self._part[0].cameras] if self._part else []

    def draw(self, room: int, height: int) -> list[Row]:
        """As heat.draw, scrolled to the cursor."""
        assert self._part
        found, kept, goals, _, zone = self._part
        count = heat.camera_rows(height, len(found.cameras))
        self.cursor = max(min(self.cursor, len(found.cameras) - 1), 0)
        self.top = max(min(self.top, self.cursor), self.cursor - count + 1, 0)
        cursor = self.cursor if self.has_focus else None
        return heat.draw(found, kept, goals, room, height, self.ink, zone, cursor, self.top)


class People(Panel):
    """Annotators."""

    HEADING = "Review · images"
    SAYS = (
        "Images that people reviewed: each hour of the last twelve as a bar, the running hour, and "
        "today. The bar below is the day against the goal (┃ is enough); then the pace of the last "
        "hour, and when the goal is reached at it. Clips accepted unseen do not count."
    )
    TWIN = ("review", "stats")
    _part: tuple[Reviewing, tzinfo | None] | None

    def part(self, view: View) -> object:
        """Annotators."""
        return view.snapshot.reviewing, view.zone

    def draw(self, room: int, height: int) -> list[Row]:
        """As people.draw."""
        assert self._part
        found, zone = self._part
        return people.draw(found, room, height, self.ink, zone)


class InService(Panel):
    """The champion."""

    HEADING = "Model in service"
    SAYS = (
        "The champion, its mAP on the test clips it was judged on, and since when it serves. Below "
        "what the gate said of the newest candidate, compared on the same clips, and the mAP of "
        "every champion so far, each on the test clips of its day."
    )
    TWIN = ("models", "history")
    _part: tuple[Serving, datetime] | None

    def part(self, view: View) -> object:
        """The champion and its age."""
        return view.snapshot.serving, view.at

    def draw(self, room: int, height: int) -> list[Row]:
        """As serving.draw."""
        assert self._part
        return serving.draw(*self._part, room, height, self.ink)


class Runs(Listing):
    """Flow runs."""

    HEADING = "Flow runs"
    SAYS = (
        "Prefect's runs, newest first: state, age, how long it took or how far it is, and its word."
    )
    TWIN = ("flows", "list")
    _part: tuple[tuple[RunNow, ...], datetime] | None

    def part(self, view: View) -> object:
        """Runs and their ages."""
        return view.snapshot.runs, view.at

    def keys(self) -> Sequence[Any]:
        """Run ids."""
        return [run.id for run in self._part[0]] if self._part else []

    def row(self, number: int, room: int) -> Row:
        """As runs.draw."""
        assert self._part
        return runs.draw(self._part[0][number], self._part[1], room, self.ink)

    def empty(self) -> Row:
        """Before the first run."""
        return [
            ("no run yet: oneclick run VIDEO, or oneclick up for the schedules", self.ink["quiet"])
        ]


class Needs(Listing):
    """What a person must do."""

    HEADING = "Needs you"
    SAYS = "What only a person can do, most urgent first. Enter does it, or goes where it is done."
    _part: tuple[Need, ...] | None

    def part(self, view: View) -> object:
        """Needs."""
        return view.snapshot.needs

    def keys(self) -> Sequence[Any]:
        """The needs themselves."""
        return self._part or ()

    def row(self, number: int, room: int) -> Row:
        """As needs.draw."""
        assert self._part
        return needs.draw(self._part[number], room, self.ink)

    def empty(self) -> Row:
        """All is well."""
        return needs.nothing(self.ink)
