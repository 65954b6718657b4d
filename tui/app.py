"""The app: reads Snapshots in a thread, shows them, and runs commands."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, ClassVar, Protocol

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from oneclick import design
from oneclick.core.errors import OneclickError
from oneclick.report.snapshot import Need, Snapshot, Zoom
from tui import commands, dialogs, grid, theme
from tui.bars import Head, Hints, Status
from tui.commands import Done
from tui.jump import Jump
from tui.panel import Chosen, Panel, View, bindings
from tui.screens.base import Numbered
from tui.screens.clips import Clips
from tui.screens.registry import SCREENS

EVERY = 1.0
"""Seconds from the end of one read to the next."""
CLOCK = 5.0
"""Seconds between two looks at the clock, which shows minutes."""
GLOBAL = (
    "help", "palette", "pause", "back", "forward", "now", "zoom", "jump", "twin", "theme",
    "screenshot", "refresh", "quit",
)  # fmt: skip
ZOOMS = tuple(Zoom)


class Source(Protocol):
    """Where Snapshots come from: report.live.Reader."""

    def read(self, zoom: Zoom, at: datetime | None) -> Snapshot | None:
        """One Snapshot; None where it would be the same as the last."""
        ...

    def changed(self, zoom: Zoom, at: datetime | None) -> bool:
        """Whether a read would give anything new."""
        ...

    def close(self) -> None:
        """No more reads."""
        ...


class Oneclick(App[None]):
    """The whole engine on one screen.

    Args:
        source: of Snapshots.
        readonly: nothing is ever changed.
        clock: the present, UTC; for tests.
        run: runs command lines; by default in a child process.
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
        source: Source,
        home: Path,
        readonly: bool = False,
        clock: Callable[[], datetime] | None = None,
        run: commands.Run | None = None,
        zone: tzinfo | None = None,
        every: float = EVERY,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__()
        self.source = source
        self.home = home
        self.readonly = readonly
        self.clock = clock or (lambda: datetime.now(UTC))
        self.zone = zone
        self.status = Status()
        self.view: View | None = None
        self.mode: design.Mode = "dark"
        self._run = run or commands.child(home)
        self._every = every
        self._timer = timer
        self._at: datetime | None = None
        self._paused = False

    @property
    def numbers(self) -> str:
        """Keys of the screens."""
        return f"1–{len(SCREENS)}"

    def on_mount(self) -> None:
        """The first read, and a clock that ticks."""
        with suppress(NotImplementedError, ValueError, RuntimeError):
            # Only the main thread hears signals, and not everywhere.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        for mode in ("dark", "light"):
            self.register_theme(theme.make(mode))
        self.theme = f"oneclick-{self.mode}"
        self.set_interval(CLOCK, self._tick)
        self.read()

    @work(thread=True, exclusive=True, group="read", exit_on_error=False)
    def read(self) -> tuple[Snapshot | None, float]:
        """One read in a thread; what comes of it arrives as a change of the worker's state."""
        began = self._timer()
        found = self.source.read(self.status.zoom, self._at)
        return found, 1000 * (self._timer() - began)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was read, or say why nothing was; then wait for the next."""
        if event.worker.group != "read" or event.state not in (
            WorkerState.SUCCESS,
            WorkerState.ERROR,
        ):
            return
        if event.state is WorkerState.ERROR:
            self._failed(event.worker.error)
        elif event.worker.result is not None:
            self._shown(*event.worker.result)
        if not self._paused and self._at is None:
            self.set_timer(self._every, self._again)

    async def _again(self) -> None:
        """Look whether there is anything to read: a worker costs more than to find out."""
        if self._paused or self._at is not None:
            return
        if await asyncio.to_thread(self.source.changed, self.status.zoom, None):
            self.read()
        else:
            self.set_timer(self._every, self._again)

    def _shown(self, found: Snapshot | None, milliseconds: float) -> None:
        lamp = "past" if self._at else "paused" if self._paused else "live"
        self.status = replace(self.status, lamp=lamp, word="")
        if found is not None:
            self.status = replace(self.status, at=found.at, milliseconds=milliseconds)
            self.view = View(found, self.zone)
            self._show()
        self._tick()

    def _failed(self, error: BaseException | None) -> None:
        """The last picture stays; the lamp says that it is old, and why."""
        lamp = "old" if self.view else "none"
        self.status = replace(self.status, lamp=lamp, word=said(error))
        self._tick()

    def _show(self) -> None:
        if self.view and isinstance(self.screen, Numbered):
            self.screen.show(self.view)

    def _tick(self) -> None:
        for bar in self.screen.query(Head):
            bar.update()

    def on_screen_resume(self) -> None:
        """A screen that comes to the front shows the newest View."""
        self._show()

    async def action_screen(self, number: int) -> None:
        """Show a numbered screen."""
        name = list(SCREENS)[int(number) - 1]
        await self.switch_mode(name)
        self._dress()

    def _dress(self) -> None:
        if isinstance(self.screen, Numbered):
            self.screen.tint(self.mode)
            self._show()

    def on_descendant_focus(self) -> None:
        """The hints are those of the panel with the focus."""
        for bar in self.screen.query(Hints):
            bar.refresh()

    # Time

    def action_key_pause(self) -> None:
        """Hold the picture still, or go on."""
        self._paused = not self._paused
        self.status = replace(self.status, lamp="paused" if self._paused else "live", word="")
        self._tick()
        if not self._paused:
            self.action_key_now()

    def action_key_zoom(self) -> None:
        """The next zoom."""
        after = ZOOMS[(ZOOMS.index(self.status.zoom) + 1) % len(ZOOMS)]
        self.status = replace(self.status, zoom=after)
        self.read()

    def action_key_back(self) -> None:
        """One column earlier."""
        self._travel(-1)

    def action_key_forward(self) -> None:
        """One column later, up to now."""
        if self._at is not None:
            self._travel(1)

    def action_key_now(self) -> None:
        """The present."""
        self._at, self._paused = None, False
        self.read()

    def action_key_refresh(self) -> None:
        """Read now."""
        self.read()

    def _travel(self, columns: int) -> None:
        step = self.status.zoom.bucket
        now = self.clock()
        base = (self._at or now).timestamp()
        base -= base % step if self._at is None else 0
        later = datetime.fromtimestamp(base + (columns + (self._at is None)) * step, UTC)
        self._at = later if later < now else None
        self.read()

    # Actions

    def on_chosen(self, event: Chosen) -> None:
        """Enter on something that needs a person."""
        if isinstance(event.key, Need):
            need = event.key
            if commands.changes(need.command) and not commands.NEEDS_MORE & {*need.command}:
                self.do(need.command, need.text)
            else:
                self.go(need.screen)

    def go(self, name: str) -> None:
        """Show a screen by its name."""
        if name in SCREENS:
            self.run_worker(self.action_screen(list(SCREENS).index(name) + 1))

    def do(
        self, words: Sequence[str], question: str, then: Callable[[Done], None] | None = None
    ) -> None:
        """Run a command; one that changes something only after a yes."""
        if not commands.changes(words):
            self.execute(tuple(words), then)
        elif self.readonly:
            self.notify(f"read only: {commands.written(words)} was not run", severity="warning")
        else:
            ask = dialogs.Confirm(question, commands.written(words))

            def answered(yes: bool | None) -> None:
                if yes:
                    self.execute(tuple(words), then)

            self.push_screen(ask, answered)

    @work(thread=True, group="command")
    def execute(self, words: tuple[str, ...], then: Callable[[Done], None] | None) -> None:
        """Run a command in a thread, tell how it ended, and read again."""
        done = self._run(words)
        self.call_from_thread(self._ended, done, then)

    def _ended(self, done: Done, then: Callable[[Done], None] | None) -> None:
        if then is not None:
            then(done)
        if commands.changes(done.words) or done.code:
            severity: Any = "information" if done.code == 0 else "error"
            self.notify(
                done.line, title=commands.written(done.words), severity=severity, markup=False
            )
        self.read()

    # Help

    def action_key_help(self) -> None:
        """What the focused panel shows, and all keys."""
        panel = self.screen.focused
        says = f"{panel.SAYS}\n\n" if isinstance(panel, Panel) else ""
        title = panel.HEADING if isinstance(panel, Panel) else "keys"
        twin = (
            f"The same on the command line: {self._twin()}\n\n" if isinstance(panel, Panel) else ""
        )
        own = panel.KEYS if isinstance(panel, Panel) else ()
        screens = "\n".join(f"{k:>6}  {name}" for k, name in enumerate(SCREENS, 1))
        self.push_screen(
            dialogs.Text(title, f"{says}{twin}{_table(own)}\n{screens}\n\n{_table(GLOBAL)}")
        )

    def action_key_palette(self) -> None:
        """Every action by its name."""
        self.action_command_palette()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: screens, keys of the app, keys of the panels."""
        for k, name in enumerate(SCREENS, 1):
            yield SystemCommand(f"Screen: {name}", f"key {k}", lambda k=k: self.go_number(k))
        keys = design.load().keys()
        for key in (keys[name] for name in GLOBAL):
            act = getattr(self, f"action_key_{key.id}", None)
            if act and key.id != "palette":
                yield SystemCommand(key.verb.capitalize(), f"{key.says} (key {key.cap})", act)
        yield SystemCommand("Quit", "Leave. (key q)", self.action_quit)
        for panel in screen.query(Panel):
            for key in (keys[name] for name in panel.KEYS):
                act = getattr(panel, f"action_key_{key.id}", None) or getattr(
                    screen, f"action_key_{key.id}", None
                )
                if act:
                    title = f"{panel.HEADING}: {key.verb}"
                    yield SystemCommand(title, f"{key.says} (key {key.cap})", act)

    async def _find(self, text: str) -> None:
        await self.action_screen(list(SCREENS).index(Clips.NAME) + 1)
        assert isinstance(self.screen, Clips)
        self.screen.filter(text)

    def find(self, text: str) -> None:
        """Show the clips that meet a filter."""
        self.run_worker(self._find(text))

    def go_number(self, number: int) -> None:
        """Show a screen by its number."""
        self.go(list(SCREENS)[number - 1])

    def action_key_jump(self) -> None:
        """Letters on the panels."""
        panels = [panel for panel in self.screen.query(Panel) if panel.display and panel.size.width]
        self.push_screen(Jump(panels), lambda panel: panel.focus() if panel else None)

    def _twin(self) -> str:
        panel = self.screen.focused
        words = panel.TWIN if isinstance(panel, Panel) else ("status",)
        return f"{commands.written(words)} --home {self.home}"

    def action_key_twin(self) -> None:
        """Copy the command line that shows the same."""
        self.copy_to_clipboard(self._twin())
        self.notify(self._twin(), title="copied", markup=False)

    def action_key_theme(self) -> None:
        """Dark or light."""
        self.mode = "light" if self.mode == "dark" else "dark"
        self.theme = f"oneclick-{self.mode}"
        self._dress()

    def action_key_screenshot(self) -> None:
        """The screen as SVG in the current folder."""
        path = Path(f"oneclick-{self.current_mode}-{self.clock():%Y%m%d-%H%M%S}.svg")
        try:
            path.write_text(grid.svg(self), "utf-8")
        except OSError as error:
            self.notify(f"{path}: {error.strerror}", severity="error", markup=False)
        else:
            self.notify(str(path.absolute()), title="written", markup=False)

    async def action_key_quit(self) -> None:
        """Leave."""
        await self.action_quit()

    def on_unmount(self) -> None:
        """Let go of the catalog."""
        self.source.close()


def said(error: BaseException | None) -> str:
    """One line on what went wrong; nothing that a read meets ends the program."""
    first = str(error).strip().split("\n", 1)[0]
    return first if isinstance(error, OneclickError) else f"{type(error).__name__}: {first}"


def _table(names: Iterable[str]) -> str:
    keys = design.load().keys()
    return "".join(f"{keys[name].cap:>6}  {keys[name].verb}: {keys[name].says}\n" for name in names)
