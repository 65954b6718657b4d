"""Colours, glyphs and keys, read once from design.toml; terminal and web pages share them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

import msgspec

FILE = Path(__file__).with_name("design.toml")
Mode = Literal["dark", "light"]


class StageStyle(msgspec.Struct, frozen=True, kw_only=True):
    """Appearance of a ClipStage: always number, glyph and word."""

    id: str
    number: int
    glyph: str
    word: str
    short: str
    """For narrow screens."""
    dark: str
    light: str


class KeyBinding(msgspec.Struct, frozen=True, kw_only=True):
    """A key and its action, the same on every screen."""

    id: str
    key: str
    """Names of keys, separated by commas, as Textual writes them."""
    cap: str
    """Name shown on screen."""
    verb: str
    says: str
    """What it does, in one sentence."""
    hint: bool
    """Whether the footer shows it."""


class WebKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the web pages and its action, in English and German."""

    id: str
    key: str
    """Names of keys as KeyboardEvent.key has them, small, separated by commas; `comma` is one."""
    cap: str
    """Name shown on screen."""
    group: Literal["doubt", "box", "track", "look", "live", "clip", "lane", "search"]
    """Heading below which help lists it; `live` is of the pages of live cameras, `lane` of the
    timeline of triggers, `search` of the search in a region."""
    verb: str
    says: str
    """What it does."""
    verb_de: str
    says_de: str
    hint: bool
    """Whether the line of hints shows it."""
    once: bool
    """Whether it is ignored while it repeats, and until the picture that it is about is painted."""


class HeatScale(msgspec.Struct, frozen=True):
    """Glyphs and colours of a heat map, from none to the most."""

    glyphs: tuple[str, ...]
    dark: tuple[str, ...]
    light: tuple[str, ...]


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """All colours, glyphs and keys."""

    dark: dict[str, str]
    """Colour `#rrggbb` by name, as in `light`."""
    light: dict[str, str]
    stage: tuple[StageStyle, ...]
    state: dict[str, str]
    """Glyph by state."""
    prefect: dict[str, str]
    """State by Prefect's name."""
    verdict: dict[str, str]
    """State by the verdict of the gate."""
    lamp: dict[str, str]
    heat: HeatScale
    key: tuple[KeyBinding, ...]
    box: dict[str, str]
    """Colours of boxes on pictures by kind, the same in light and dark."""
    web_key: tuple[WebKey, ...]
    lane_key: tuple[WebKey, ...]
    """Keys of the timeline of triggers."""
    search_key: tuple[WebKey, ...]
    """Keys of the search in a region."""

    def stage_of(self, name: str) -> StageStyle:
        """Return the style of a ClipStage, by its name."""
        return next(stage for stage in self.stage if stage.id == name)

    def keys(self) -> dict[str, KeyBinding]:
        """Return the keys by id."""
        return {key.id: key for key in self.key}


class Ink:
    """The colours and glyphs of one mode, dark or light."""

    def __init__(self, design: Design, mode: Mode) -> None:
        self.design = design
        self.mode = mode
        self._colours: dict[str, str] = getattr(design, mode)
        self.heat: tuple[str, ...] = getattr(design.heat, mode)

    def __getitem__(self, name: str) -> str:
        """Return a colour `#rrggbb` by name; that of `wait` if the name is unknown."""
        return self._colours.get(name, self._colours["wait"])

    def stage(self, name: str) -> str:
        """Return the colour of a ClipStage, by its name."""
        colour: str = getattr(self.design.stage_of(name), self.mode)
        return colour

    def state(self, name: str) -> tuple[str, str]:
        """Return glyph and colour of a Prefect state, by its name."""
        state = self.design.prefect.get(name, "wait")
        return self.design.state[state], self[state]

    def verdict(self, name: str) -> tuple[str, str]:
        """Return glyph and colour of a verdict of the gate."""
        state = self.design.verdict.get(name, "wait")
        return self.design.state[state], self[state]


@functools.cache
def load() -> Design:
    """Read design.toml."""
    return msgspec.toml.decode(FILE.read_bytes(), type=Design)


@functools.cache
def ink(mode: Mode = "dark") -> Ink:
    """Return the colours and glyphs of a mode."""
    return Ink(load(), mode)
