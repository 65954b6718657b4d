"""The app: numbered screens over Snapshots, commands, help, and the keys that work everywhere."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from oneclick import design
from oneclick.report.snapshot import ActionItem
from oneclick.tui import commands, dialogs, grid, keys, theme
from oneclick.tui.bars import HintsBar
from oneclick.tui.commands import CommandResult
from oneclick.tui.jump import JumpScreen
from oneclick.tui.panel import Panel, RowSelected, bindings
from oneclick.tui.screens.base import NumberedScreen
from oneclick.tui.screens.clips import ClipsScreen
from oneclick.tui.screens.registry import SCREENS
from oneclick.tui.snapshot_app import READ_SECONDS, SnapshotApp, SnapshotSource

CLOCK_SECONDS = 5.0
"""Seconds between two looks at the clock, which shows minutes."""
GLOBAL = (
    "help", "palette", "pause", "back", "forward", "now", "zoom", "jump", "twin", "theme",
    "screenshot", "refresh", "quit",
)  # fmt: skip
"""Ids of the keys that work everywhere."""


class Oneclick(SnapshotApp):
    """The terminal UI.

    Args:
        source: of Snapshots.
        home: the workspace that commands work on.
        readonly: nothing is ever changed.
        clock: returns the current time, UTC; for tests.
        run: runs command lines; by default in a child process.
        zone: of the times on the screen; by default that of this machine.
        every: seconds between two reads.
        timer: seconds of a clock that measures reads; for tests.
    """

    TITLE = "oneclick"
    CSS_PATH = "tui.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(*GLOBAL),
        *(Binding(str(k), f"screen({k})", name, show=False) for k, name in enumerate(SCREENS, 1)),
        Binding("h,left", "app.focus_previous", "previous panel", show=False),
        Binding("l,right", "app.focus_next", "next panel", show=False),
        Binding("ctrl+c", "quit", "quit", show=False),
    ]
    MODES = dict(SCREENS)  # noqa: RUF012 (Textual types it)
    DEFAULT_MODE = "pipeline"

    def __init__(
        self,
        source: SnapshotSource,
        home: Path,
        readonly: bool = False,
        clock: Callable[[], datetime] | None = None,
        run: commands.CommandRunner | None = None,
        zone: tzinfo | None = None,
        every: float = READ_SECONDS,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(source, clock, zone, every, timer)
        self.home = home
        self.readonly = readonly
        self.mode: design.Mode = "dark"
        self._run = run or commands.subprocess_runner(home)

    @property
    def screen_keys(self) -> str:
        """Return the keys of the screens, `1–7`."""
        return f"1–{len(SCREENS)}"

    @property
    def focused_panel(self) -> Panel | None:
        """Return the panel that has the focus."""
        widget = self.screen.focused
        return widget if isinstance(widget, Panel) else None

    @property
    def equivalent_command(self) -> str:
        """Return the command line that prints what the focused panel shows."""
        panel = self.focused_panel
        words = panel.COMMAND if panel else ("status",)
        return f"{commands.command_line(words)} --home {self.home}"

    def on_mount(self) -> None:
        """Register the themes, start the clock of the header and read for the first time."""
        with suppress(NotImplementedError, ValueError, RuntimeError):
            # Only the main thread receives signals, and not on every platform.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        for mode in ("dark", "light"):
            self.register_theme(theme.make(mode))
        self.theme = f"oneclick-{self.mode}"
        self.set_interval(CLOCK_SECONDS, self.update_header)
        self.read()

    # Screens

    async def action_screen(self, number: int) -> None:
        """Show a numbered screen, 1-based."""
        await self.switch_mode(list(SCREENS)[int(number) - 1])
        self.apply_theme()

    def show_screen(self, name: str) -> None:
        """Show a screen by its name; an unknown name shows none."""
        if name in SCREENS:
            self.run_worker(self.action_screen(list(SCREENS).index(name) + 1))

    def show_clips(self, query: str) -> None:
        """Show the clips that meet a filter."""

        async def show() -> None:
            await self.action_screen(list(SCREENS).index(ClipsScreen.NAME) + 1)
            assert isinstance(self.screen, ClipsScreen)
            self.screen.filter(query)

        self.run_worker(show())

    def apply_theme(self) -> None:
        """Show the current screen in the colours of the theme."""
        if isinstance(self.screen, NumberedScreen):
            self.screen.set_mode(self.mode)
            self.update_panels()

    def on_descendant_focus(self) -> None:
        """Show the keys of the panel that got the focus."""
        for bar in self.screen.query(HintsBar):
            bar.refresh()

    # Commands

    def on_row_selected(self, event: RowSelected) -> None:
        """Run the command of an action item, or show its screen where the command needs more."""
        if isinstance(event.key, ActionItem):
            item = event.key
            complete = not commands.PLACEHOLDERS & {*item.command}
            if complete and commands.changes_workspace(item.command):
                self.run_command(item.command, item.text)
            else:
                self.show_screen(item.screen)

    def run_command(
        self,
        words: Sequence[str],
        question: str,
        callback: Callable[[CommandResult], None] | None = None,
    ) -> None:
        """Run a command; one that changes something only after the question was answered yes.

        Args:
            words: the command line after `oneclick`.
            question: asked where the command changes something.
            callback: called with the result.
        """
        line = commands.command_line(words)
        if not commands.changes_workspace(words):
            self.execute(tuple(words), callback)
        elif self.readonly:
            self.notify(f"read only: {line} was not run", severity="warning")
        else:

            def answer(confirmed: bool | None) -> None:
                if confirmed:
                    self.execute(tuple(words), callback)

            self.push_screen(dialogs.ConfirmDialog(question, line), answer)

    @work(thread=True, group="command")
    def execute(
        self, words: tuple[str, ...], callback: Callable[[CommandResult], None] | None
    ) -> None:
        """Run a command in a thread, notify how it ended, and read again."""
        result = self._run(words)

        def finish() -> None:
            if callback is not None:
                callback(result)
            if commands.changes_workspace(result.words) or result.code:
                title = commands.command_line(result.words)
                severity: Any = "information" if result.code == 0 else "error"
                self.notify(result.summary, title=title, severity=severity, markup=False)
            self.read()

        self.call_from_thread(finish)

    # Help

    def action_key_help(self) -> None:
        """Show what the focused panel shows, and all keys."""
        panel = self.focused_panel
        text = keys.help_text(panel, self.equivalent_command, SCREENS, GLOBAL)
        self.push_screen(dialogs.TextDialog(panel.HEADING if panel else "keys", text))

    def action_key_palette(self) -> None:
        """Show the command palette."""
        self.action_command_palette()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Yield the entries of the palette: screens, keys of the app, keys of the panels."""
        for number, name in enumerate(SCREENS, 1):
            yield SystemCommand(
                f"Screen: {name}", f"key {number}", lambda name=name: self.show_screen(name)
            )
        yield from keys.palette_entries((name for name in GLOBAL if name != "palette"), self)
        yield SystemCommand("Quit", "Leave. (key q)", self.action_quit)
        for panel in screen.query(Panel):
            yield from keys.palette_entries(panel.KEYS, panel, screen, heading=panel.HEADING)

    def action_key_jump(self) -> None:
        """Show a letter on each panel; its key puts the focus there."""
        panels = [panel for panel in self.screen.query(Panel) if panel.display and panel.size.width]
        self.push_screen(JumpScreen(panels), lambda panel: panel.focus() if panel else None)

    def action_key_twin(self) -> None:
        """Copy the command line that prints what the focused panel shows."""
        self.copy_to_clipboard(self.equivalent_command)
        self.notify(self.equivalent_command, title="copied", markup=False)

    def action_key_theme(self) -> None:
        """Change to the other theme, dark or light."""
        self.mode = "light" if self.mode == "dark" else "dark"
        self.theme = f"oneclick-{self.mode}"
        self.apply_theme()

    def action_key_screenshot(self) -> None:
        """Write the screen as SVG into the current folder."""
        path = Path(f"oneclick-{self.current_mode}-{self.clock():%Y%m%d-%H%M%S}.svg")
        try:
            path.write_text(grid.svg(self), "utf-8")
        except OSError as error:
            self.notify(f"{path}: {error.strerror}", severity="error", markup=False)
        else:
            self.notify(str(path.absolute()), title="written", markup=False)

    async def action_key_quit(self) -> None:
        """Leave the app."""
        await self.action_quit()
