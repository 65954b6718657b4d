"""When models look at the turned picture, too: the setting `detect.turned`."""

from __future__ import annotations

from typing import Literal

TurnedMode = Literal["off", "signs", "always"]
"""Never; where something says that somebody may be missed, and now and then; at every frame."""
SUFFIXES: dict[TurnedMode, str] = {"signs": "-turned", "always": "-turned-always"}
"""Suffix of a model id, by mode: its predictions on turned pictures."""


def turned_id(model_id: str, mode: TurnedMode, stateful: bool = False) -> str | None:
    """Return the id of a model's predictions on turned pictures; None where it makes none.

    Args:
        model_id: of the model.
        mode: when it looks.
        stateful: it compares a picture with earlier ones, which a turned one has nothing of.
    """
    return None if mode == "off" or stateful else model_id + SUFFIXES[mode]


def is_turned_id(name: str) -> bool:
    """Check whether an id is that of predictions on turned pictures."""
    return name.endswith(tuple(SUFFIXES.values()))
