"""Colours, glyphs and keys, read once from design.toml; the terminal and the web share them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

import msgspec

FILE = Path(__file__).with_name("design.toml")
Mode = Literal["dark", "light"]


class Stage(msgspec.Struct, frozen=True):
    """How a ClipStage is written: always number, glyph and word."""

    id: str
    number: int
    glyph: str
    word: str
    short: str
    """For narrow screens."""
    dark: str
    light: str


class Key(msgspec.Struct, frozen=True):
    """What a key does, wherever it is pressed."""

    id: str
    key: str
    """Names of keys, separated by commas, as Textual writes them."""
    cap: str
    """As people read it."""
    verb: str
    says: str
    hint: bool
    """Whether the bar at the bottom names it."""


class Heat(msgspec.Struct, frozen=True):
    """From nothing to as much as there is."""

    glyphs: tuple[str, ...]
    dark: tuple[str, ...]
    light: tuple[str, ...]


class Design(msgspec.Struct, frozen=True):
    """The whole language."""

    dark: dict[str, str]
    light: dict[str, str]
    stage: tuple[Stage, ...]
    state: dict[str, str]
    """Glyph by state."""
    prefect: dict[str, str]
    """State by Prefect's name."""
    verdict: dict[str, str]
    """State by the gate's word."""
    lamp: dict[str, str]
    heat: Heat
    key: tuple[Key, ...]

    def stage_of(self, name: str) -> Stage:
        """The stage of a ClipStage."""
        return next(stage for stage in self.stage if stage.id == name)

    def keys(self) -> dict[str, Key]:
        """Keys by id."""
        return {key.id: key for key in self.key}


class Ink:
    """The design in one of its two modes: colour by name."""

    def __init__(self, design: Design, mode: Mode) -> None:
        self.design = design
        self.mode = mode
        self._colours: dict[str, str] = getattr(design, mode)
        self.heat: tuple[str, ...] = getattr(design.heat, mode)

    def __getitem__(self, name: str) -> str:
        """A colour, `#rrggbb`; `wait` where the name is unknown."""
        return self._colours.get(name, self._colours["wait"])

    def stage(self, name: str) -> str:
        """Colour of a ClipStage."""
        colour: str = getattr(self.design.stage_of(name), self.mode)
        return colour

    def state(self, name: str) -> tuple[str, str]:
        """Glyph and colour of one of Prefect's states."""
        state = self.design.prefect.get(name, "wait")
        return self.design.state[state], self[state]

    def verdict(self, word: str) -> tuple[str, str]:
        """Glyph and colour of the gate's word."""
        state = self.design.verdict.get(word, "wait")
        return self.design.state[state], self[state]


@functools.cache
def load() -> Design:
    """The design of this version."""
    return msgspec.toml.decode(FILE.read_bytes(), type=Design)


@functools.cache
def ink(mode: Mode = "dark") -> Ink:
    """The design in one mode."""
    return Ink(load(), mode)
