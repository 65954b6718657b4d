"""Small windows over a screen: a question, a line to type, a text to read."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from oneclick.core import visible


class ConfirmDialog(ModalScreen[bool]):
    """A question before something changes; True for y or Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes"),
        Binding("n,escape,q", "answer(False)", "no"),
    ]

    def __init__(self, question: str, command: str) -> None:
        super().__init__()
        self._question = question
        self._command = command

    def compose(self) -> ComposeResult:
        """Yield the question, the command line that a yes runs, and the keys."""
        with Vertical(classes="dialog"):
            yield Static(visible.block(self._question), classes="question", markup=False)
            yield Static(visible.block(self._command), classes="command", markup=False)
            yield Static("y  yes     n  no", classes="keys", markup=False)

    def action_answer(self, confirmed: bool) -> None:
        """Close with the answer."""
        self.dismiss(confirmed)


class InputDialog(ModalScreen[str | None]):
    """A question that is answered with a line of text; None if it is cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "no")]

    def __init__(self, question: str, value: str = "", hint: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._hint = hint

    def compose(self) -> ComposeResult:
        """Yield the question, the line to type in, and an example."""
        with Vertical(classes="dialog"):
            yield Static(visible.block(self._question), classes="question", markup=False)
            yield Input(self._value)
            yield Static(visible.block(self._hint), classes="command", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the line that was typed."""
        self.dismiss(event.value)


class TextDialog(ModalScreen[None]):
    """A text to read; any of the closing keys goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark,space", "dismiss", "close")
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        """Yield the text; it scrolls if it is long."""
        with VerticalScroll(classes="dialog wide") as box:
            box.border_title = visible.line(self._title)
            yield Static(visible.block(self._text), markup=False)
