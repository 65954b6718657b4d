"""Panels of other packages stand below those of their screen; a broken one says so and no more."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from oneclick.core import plugins
from oneclick.tui import panel_plugins
from oneclick.tui.panel import SnapshotView
from oneclick.tui.panel_plugins import PluginPanel
from tests.fakes.packages import Install
from tests.tui import samples
from tests.tui.samples import Source, app, drive, look

SOURCE = """
class Queue:
    name, screen = "queue", "pipeline"
    heading, help = "Waiting for review", "Clips that wait for a person."

    def select(self, snapshot):
        return {row.stage: row.clips for row in snapshot.stages}["IN_REVIEW"]

    def draw(self, content, width, height):
        return [[(f"{content:,} clips wait", "text bold")]]
"""


def screen(install: Install, source: str) -> str:
    install("acme-queue", source, {"queue": "Queue"}, plugins.PANELS)
    return "\n".join(drive(app(Source(samples.snapshot())), look, (120, 48)))


def test_a_panel_draws_its_rows_from_the_snapshot(install: Install) -> None:
    text = screen(install, SOURCE)
    waiting = {row.stage: row.clips for row in samples.snapshot().stages}["IN_REVIEW"]
    assert "Waiting for review" in text
    assert f"{waiting:,} clips wait" in text


ROW = '[[(f"{content:,} clips wait", "text bold")]]'


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"IN_REVIEW"', '"NOWHERE"', "raised while it ran: KeyError: 'NOWHERE'"),
        (ROW, "[3]", "raised while it ran: TypeError"),
        (
            "    def select",
            "    def __init__(self, size): ...\n    def select",
            "raised when it was made",
        ),
        ("text bold", "#zzzzzz", "has the colour '#zzzzzz'; it must be a name of design.toml"),
        ("text bold", "text blond", "has the colour 'text blond'"),
        (ROW, "()", "draw returned a tuple; it must be a list of rows"),
        ('[[(f"', '[[("x", f"', "a row must be a list of (text, colour)"),
    ],
)
def test_a_panel_that_fails_shows_why_and_the_others_draw(
    install: Install, old: str, new: str, reason: str
) -> None:
    assert old in SOURCE
    text = screen(install, SOURCE.replace(old, new))
    # Long lines are cut at the width of the panel.
    line = "".join(line.strip("│ ") for line in text.splitlines()).replace(" ", "")
    assert reason.split(": ")[-1].replace(" ", "") in line
    assert "plug-inacme-queue1.2:panel'queue'" in line
    assert "Trigger hits" in text


def test_content_that_cannot_be_compared_is_said_in_the_box(install: Install) -> None:
    source = SOURCE.replace("return {row", "return numpy.zeros(2); {row")
    source = "import numpy" + source.replace("{content:,}", "{content.sum()}")
    install("acme-queue", source, {"queue": "Queue"}, plugins.PANELS)

    async def look_again(pilot: Pilot[None]) -> None:
        (panel,) = pilot.app.screen.query(PluginPanel)
        for _ in range(3):
            panel.show(SnapshotView(samples.snapshot()))
        await look(pilot)

    text = "".join(drive(app(Source(samples.snapshot())), look_again, (160, 48)))
    assert "raised when its content was compared: ValueError" in text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import acme_is_away", "cannot be imported"),
        (SOURCE.replace('"pipeline"', '"cinema"'), "screen must be one of pipeline, triggers"),
        (SOURCE.replace("def draw", "def paint"), "has no method draw"),
        ("Queue = 3", "is not a class"),
    ],
)
def test_a_panel_that_cannot_be_used_is_left_out(
    install: Install, source: str, reason: str
) -> None:
    text = screen(install, source)
    assert "Waiting for review" not in text
    assert "Trigger hits" in text
    (failure,) = panel_plugins.GROUP.usable()[1]
    assert reason in str(failure)
