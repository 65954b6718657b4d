"""The help of a panel and the entries of the command palette, from the keys of design.toml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.app import SystemCommand

from oneclick import design
from oneclick.tui.panel import Panel


def help_text(
    panel: Panel | None, command: str, screens: Iterable[str], names: Iterable[str]
) -> str:
    """Return what the focused panel shows, the command that prints the same, and all keys.

    Args:
        panel: the focused panel, if any.
        command: the command line that prints the same.
        screens: names, in the order of their numbers.
        names: ids of the keys that work everywhere.
    """
    parts = []
    if panel:
        parts += [f"{panel.HELP}\n\n", f"The same on the command line: {command}\n\n"]
        parts += [key_table(panel.KEYS)]
    numbers = "\n".join(f"{number:>6}  {name}" for number, name in enumerate(screens, 1))
    return "".join([*parts, f"\n{numbers}\n\n", key_table(names)])


def key_table(names: Iterable[str]) -> str:
    """Return a line for each key: what to press, its name and what it does."""
    keys = design.load().keys()
    return "".join(f"{keys[name].cap:>6}  {keys[name].verb}: {keys[name].says}\n" for name in names)


def palette_entries(
    names: Iterable[str], *owners: object, heading: str = ""
) -> Iterator[SystemCommand]:
    """Yield an entry of the command palette for each key whose action one of the owners has.

    Args:
        names: ids of keys.
        owners: widgets, screens or apps; the first that has `action_key_ID` is called.
        heading: stands before the name of the key.
    """
    keys = design.load().keys()
    for key in (keys[name] for name in names):
        actions = (getattr(owner, f"action_key_{key.id}", None) for owner in owners)
        action = next((action for action in actions if action), None)
        if action:
            title = f"{heading}: {key.verb}" if heading else key.verb.capitalize()
            yield SystemCommand(title, f"{key.says} (key {key.cap})", action)
