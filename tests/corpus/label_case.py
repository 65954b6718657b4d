"""A case of labels of another tool: what is in the folder, and what it must become."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.formats import samples

Box = tuple[float, float, float, float]
Entry = tuple[int, str, Box]
"""Frame, class and box."""


@dataclass(frozen=True, kw_only=True)
class LabelCase:
    """What a reader must make of a dataset, sequence by sequence."""

    sequences: tuple[tuple[Entry, ...], ...] = ()
    """Of each sequence that goes in, in order: its boxes by frame, then by x1."""
    problems: tuple[str, ...] = ()
    """Parts of the lines that refuse the rest, one a line."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """What is said of what was changed or left out, beside boxes without a track."""
    origins: str = ""
    """Of all boxes in that order; empty where they do not matter."""
    track_ids: tuple[int, ...] = ()
    """Of all tracks in order; empty where they do not matter."""
    splits: tuple[str, ...] = ()
    """Of the sequences; empty where they do not matter."""


Builder = Callable[[Path], LabelCase]


def register(cases: dict[str, Builder]) -> Callable[[Builder], Builder]:
    """Return a decorator that adds a case under its name, with blanks for underscores."""

    def add(builder: Builder) -> Builder:
        cases[builder.__name__.replace("_", " ")] = builder
        return builder

    return add


def write_json(path: Path, document: Any) -> None:
    """Write a file of labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def draw(folder: Path, *names: str) -> None:
    """Draw pictures of samples.WIDTH × samples.HEIGHT px, no two the same."""
    samples.draw_frames(folder, len(names))
    for k, name in enumerate(names):
        (folder / f"{k:06d}.jpg").rename(folder / name)
