"""Every key of the shell, and what it does to what is asked for and shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot

from oneclick import design
from oneclick.report.snapshot import Zoom
from oneclick.tui import dialogs
from oneclick.tui.app import GLOBAL
from oneclick.tui.jump import JumpScreen
from oneclick.tui.panel import Panel
from oneclick.tui.panels.widgets import ActionItemList, FlowRunList, FunnelPanel, HeatmapPanel
from oneclick.tui.screens.registry import SCREENS
from tests.tui import samples
from tests.tui.samples import NOW, Commands, Source, app, drive, press


def test_numbers_show_the_screens(tmp_path: Path) -> None:
    tui_app = app(samples.workspace(tmp_path / "ward"), tmp_path / "ward")
    modes_shown = []

    async def act(pilot: Pilot[None]) -> None:
        for number in range(1, len(SCREENS) + 1):
            await press(pilot, str(number))
            modes_shown.append(tui_app.current_mode)

    drive(tui_app, act)
    assert modes_shown == list(SCREENS)


def test_z_goes_through_the_zooms_and_asks_again() -> None:
    source = Source(samples.snapshot())

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, *"zzzz")

    drive(app(source), act)
    assert [zoom for zoom, _ in source.asked] == [
        Zoom.DAY, Zoom.MONTH, Zoom.HOUR, Zoom.SIX_HOURS, Zoom.DAY,
    ]  # fmt: skip


def test_brackets_step_through_time_by_a_column_and_equals_comes_back() -> None:
    source, heads = Source(samples.snapshot()), []

    async def act(pilot: Pilot[None]) -> None:
        from oneclick.tui import grid

        for key in ("left_square_bracket", "left_square_bracket", "right_square_bracket"):
            await press(pilot, key)
            heads.append(grid.text(pilot.app)[0])
        await press(pilot, "right_square_bracket", "right_square_bracket")
        await press(pilot, "left_square_bracket", "equals_sign")
        heads.append(grid.text(pilot.app)[0])

    drive(app(source), act)
    quarter, at = timedelta(minutes=15), NOW.replace(minute=0, second=0)
    assert [moment for _, moment in source.asked] == [
        None, at, at - quarter, at, None, at, None,
    ]  # fmt: skip
    assert "◀ past 02 Mar 13:45, 17m ago = is now" in heads[1]
    assert heads[-1].startswith(" ● live")


def test_space_holds_the_picture_and_lets_it_go_on() -> None:
    source, lamps = Source(samples.snapshot()), []

    async def act(pilot: Pilot[None]) -> None:
        for _ in range(2):
            await press(pilot, "space")
            lamps.append(tui_app.status.lamp)

    tui_app = app(source)
    drive(tui_app, act)
    assert lamps == ["paused", "live"]
    assert len(source.asked) == 2


def test_jump_goes_to_the_panel_of_the_letter() -> None:
    tui_app, focused = app(Source(samples.snapshot())), []

    async def act(pilot: Pilot[None]) -> None:
        for letter in ("s", "g", "escape"):
            await pilot.press("g")
            await pilot.pause()
            assert isinstance(tui_app.screen, JumpScreen)
            await press(pilot, letter)
            focused.append(type(tui_app.screen.focused))

    drive(tui_app, act)
    assert focused == [HeatmapPanel, FlowRunList, FlowRunList]


def test_help_is_about_the_panel_with_the_focus() -> None:
    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "question_mark")

    text = "\n".join(drive(app(Source(samples.snapshot())), act))
    assert "What only a person can do, most urgent first." in text
    assert "The same on the command line: oneclick status --home ward-set" in text


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
def test_the_palette_has_every_action(key: str) -> None:
    tui_app = app(Source(samples.snapshot()))
    titles: list[str] = []

    async def act(pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(tui_app.screen, CommandPalette)
        await pilot.press("escape")
        await pilot.pause()
        titles.extend(command.title for command in tui_app.get_system_commands(tui_app.screen))

    drive(tui_app, act)
    keys = design.load().keys()
    assert {f"Screen: {name}" for name in SCREENS} <= set(titles)
    assert {keys[name].verb.capitalize() for name in GLOBAL if name != "palette"} <= set(titles)


def test_the_palette_has_the_keys_of_the_panels_too(tmp_path: Path) -> None:
    tui_app = app(samples.workspace(tmp_path / "ward"), tmp_path / "ward")
    titles: list[str] = []

    async def act(pilot: Pilot[None]) -> None:
        for number in range(1, len(SCREENS) + 1):
            await press(pilot, str(number))
            titles.extend(command.title for command in tui_app.get_system_commands(tui_app.screen))
            for panel in tui_app.screen.query(Panel):
                for name in set(panel.KEYS) - set(GLOBAL):
                    assert f"{panel.HEADING}: {design.load().keys()[name].verb}" in titles

    drive(tui_app, act)
    assert {"Clips: put back", "Triggers: try", "Models: promote", "Flow runs: cancel"} <= {*titles}


def test_t_is_the_other_theme() -> None:
    tui_app, modes = app(Source(samples.snapshot())), []

    async def act(pilot: Pilot[None]) -> None:
        for _ in range(2):
            await press(pilot, "T")
            modes.append((tui_app.theme, {panel.mode for panel in tui_app.screen.query(Panel)}))

    drive(tui_app, act)
    assert modes == [("oneclick-light", {"light"}), ("oneclick-dark", {"dark"})]


def test_y_copies_the_command_line_that_shows_the_same() -> None:
    tui_app = app(Source(samples.snapshot()))

    async def act(pilot: Pilot[None]) -> None:
        tui_app.screen.query_one(HeatmapPanel).focus()
        await press(pilot, "y")

    drive(tui_app, act)
    assert tui_app.clipboard == "oneclick triggers timeline --home ward-set"


def test_s_writes_a_picture_without_fonts_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "s")

    drive(app(Source(samples.snapshot())), act)
    text = (tmp_path / "oneclick-pipeline-20260302-140211.svg").read_text("utf-8")
    assert "cam-03" in text
    assert "http" not in text.replace("http://www.w3.org", "")


def test_q_leaves() -> None:
    tui_app = app(Source(samples.snapshot()))

    async def act(pilot: Pilot[None]) -> None:
        await pilot.press("q")

    drive(tui_app, act)
    assert tui_app.return_code == 0


def test_the_cursor_moves_with_letters_arrows_and_the_wheel_and_stays_inside() -> None:
    tui_app, places = app(Source(samples.snapshot())), []

    async def act(pilot: Pilot[None]) -> None:
        runs = tui_app.screen.query_one(FlowRunList)
        runs.focus()
        for key in ("j", "down", "j", "j", "k", "home", "end", "up"):
            await press(pilot, key)
            places.append(runs.cursor)
        runs.on_mouse_scroll_up()
        places.append(runs.cursor)

    drive(tui_app, act)
    assert places == [1, 2, 3, 3, 2, 0, 3, 2, 0]


def test_a_click_goes_to_the_row_and_a_second_one_opens_it() -> None:
    run = Commands()
    tui_app = app(Source(samples.snapshot()), run=run)

    async def act(pilot: Pilot[None]) -> None:
        needs = tui_app.screen.query_one(ActionItemList)
        await pilot.click(ActionItemList, offset=(4, 2))
        assert needs.cursor == 1
        await pilot.click(ActionItemList, offset=(4, 2))
        await pilot.pause()
        assert isinstance(tui_app.screen, dialogs.ConfirmDialog)
        await press(pilot, "n")

    drive(tui_app, act)
    assert run.run == []


def test_the_cursor_stays_on_its_row_while_others_come() -> None:
    before = samples.snapshot()
    newer = replace(before.runs[0], id="r5", flow="maintain")
    after = replace(before, runs=(newer, *before.runs))
    tui_app = app(Source(before, after, after))
    keys: list[Any] = []

    async def act(pilot: Pilot[None]) -> None:
        runs = tui_app.screen.query_one(FlowRunList)
        runs.focus()
        await press(pilot, "j")
        keys.append(runs.key)
        await press(pilot, "ctrl+r")
        keys.append(runs.key)

    drive(tui_app, act)
    assert keys == ["r3", "r3"]


def test_nothing_is_painted_that_did_not_change() -> None:
    before = samples.snapshot()
    after = replace(before, needs=before.needs[:2])
    tui_app, counts = app(Source(before, before, after, after)), []

    def painted() -> dict[type[Panel], int]:
        return {type(panel): panel.painted_rows for panel in tui_app.screen.query(Panel)}

    async def act(pilot: Pilot[None]) -> None:
        counts.append(painted())
        for _ in range(2):
            await press(pilot, "ctrl+r")
            counts.append(painted())

    drive(tui_app, act)
    first, same, less = counts
    assert same == first
    assert {kind for kind in first if less[kind] != first[kind]} == {ActionItemList}
    assert less[ActionItemList] == first[ActionItemList] + 1
    assert first[FunnelPanel] > 0


def test_a_need_that_changes_something_is_done_after_a_yes() -> None:
    run = Commands()
    tui_app = app(Source(samples.snapshot()), run=run)

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "j", "enter")
        assert isinstance(tui_app.screen, dialogs.ConfirmDialog)
        await press(pilot, "n")
        assert run.run == []
        await press(pilot, "enter", "y")

    drive(tui_app, act)
    assert run.run == [("clips", "retry", "--all")]


def test_a_need_that_is_only_looked_at_goes_to_its_screen(tmp_path: Path) -> None:
    tui_app = app(samples.workspace(tmp_path / "ward"), tmp_path / "ward")

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "enter")

    drive(tui_app, act)
    assert tui_app.current_mode == "review"


def test_read_only_changes_nothing_and_says_so() -> None:
    run = Commands()
    tui_app = app(Source(samples.snapshot()), run=run, readonly=True)

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "j", "enter")
        assert not isinstance(tui_app.screen, dialogs.ConfirmDialog)

        assert [notification.message for notification in pilot.app._notifications] == [
            "read only: oneclick clips retry --all was not run"
        ]

    drive(tui_app, act)
    assert run.run == []
