"""The design keeps its promises: words can be read, nothing is told by colour alone."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import pytest
from rich.cells import cell_len

from oneclick import design
from oneclick.core.clips import ClipStage
from oneclick.design import Ink

MODES: tuple[design.Mode, ...] = ("dark", "light")
GROUNDS = ("ink", "surface", "panel")
WORDS = ("text", "quiet", "accent", "doubt", "ok", "wait", "run", "warn", "fail", "retry")
STATES = ("ok", "wait", "run", "warn", "fail", "retry")
# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
SIGHT = {
    "everybody": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(colour: str) -> np.ndarray:
    """`#rrggbb` as linear RGB from 0 to 1."""
    value = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ (0.2126, 0.7152, 0.0722))


def contrast(a: str, b: str) -> float:
    """As WCAG 2.2 defines it, 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Björn Ottosson 2020, of linear RGB."""
    return np.asarray(LAB @ np.cbrt(LMS @ rgb))


def distance(a: str, b: str, sight: str) -> float:
    perceived = [oklab(np.clip(SIGHT[sight] @ linear(colour), 0, 1)) for colour in (a, b)]
    return float(np.linalg.norm(perceived[0] - perceived[1]))


def test_the_measures_agree_with_known_values() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert oklab(linear("#ffffff")) == pytest.approx([1, 0, 0], abs=1e-3)
    assert oklab(linear("#ff0000")) == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_word_can_be_read_on_every_ground(mode: design.Mode, ground: str) -> None:
    ink = design.ink(mode)
    faint = {ink_name: contrast(ink[ink_name], ink[ground]) for ink_name in WORDS}
    faint |= {stage.id: contrast(ink.stage(stage.id), ink[ground]) for stage in design.load().stage}
    assert {ink_name: value for ink_name, value in faint.items() if value < 4.5} == {}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sight", SIGHT)
def test_states_differ_by_colour_or_by_glyph(mode: design.Mode, sight: str) -> None:
    ink, glyphs = design.ink(mode), design.load().state
    for a, b in itertools.combinations(STATES, 2):
        assert glyphs[a] != glyphs[b]
    far = [(a, b) for a, b in itertools.combinations(("ok", "fail", "wait"), 2)]
    assert [pair for pair in far if distance(ink[pair[0]], ink[pair[1]], sight) < 0.06] == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sight", SIGHT)
def test_steps_of_heat_can_be_told_apart(mode: design.Mode, sight: str) -> None:
    ink = design.ink(mode)
    assert len(set(design.load().heat.glyphs)) == len(ink.heat)
    for a, b in itertools.pairwise(ink.heat[1:]):
        assert distance(a, b, sight) > 0.06


@pytest.mark.parametrize("mode", MODES)
def test_lightness_goes_one_way_along_the_street(mode: design.Mode) -> None:
    ink = design.ink(mode)
    street = [luminance(ink.stage(stage.id)) for stage in design.load().stage[:6]]
    assert street == sorted(street, reverse=mode == "light") or mode == "light"
    if mode == "dark":
        assert all(b > 1.05 * a for a, b in itertools.pairwise(street))


def test_every_stage_has_number_glyph_and_word() -> None:
    stages = design.load().stage
    assert [stage.id for stage in stages] == [stage.value for stage in ClipStage]
    assert [stage.number for stage in stages] == list(range(1, 9))
    for name in ("glyph", "word", "short"):
        assert len({getattr(stage, name) for stage in stages}) == len(stages)


def test_every_glyph_takes_one_cell() -> None:
    theme = design.load()
    glyphs = [
        *(stage.glyph for stage in theme.stage),
        *theme.state.values(),
        *theme.lamp.values(),
        *theme.heat.glyphs,
        "▲⏎┃━─│◇",
    ]
    assert {glyph for text in glyphs for glyph in text if cell_len(glyph) != 1} == set()


def test_a_key_means_one_thing() -> None:
    keys = [(name, key.id) for key in design.load().key for name in key.key.split(",")]
    assert len({name for name, _ in keys}) == len(keys)
    assert len({key.id for key in design.load().key}) == len(design.load().key)


@pytest.mark.parametrize("is_live", [False, True], ids=["clip", "live"])
def test_a_key_of_a_page_means_one_thing(is_live: bool) -> None:
    shared = ("theme", "language", "help")
    names = [
        name
        for key in design.load().web_key
        if (key.group == "live") == is_live or key.id in shared
        for name in key.key.split(",")
    ]
    assert len(set(names)) == len(names)
    assert len({key.id for key in design.load().web_key}) == len(design.load().web_key)
    for key in design.load().web_key:
        assert key.verb_de.strip(), key.id
        assert key.says_de.strip(), key.id


def test_tags_of_boxes_can_be_read() -> None:
    colours = design.load().box
    for kind in colours.keys() - {"ink", "ground"}:
        assert contrast(colours["ink"], colours[kind]) >= 4.5, kind
        assert contrast(colours["ground"], colours[kind]) >= 4.5, kind


@pytest.mark.parametrize("sight", ["protan", "deutan"])
def test_kinds_of_boxes_differ_by_colour_too(sight: str) -> None:
    """For tritan eyes certain and human boxes fall together: handles and tags tell them apart."""
    kinds = [design.load().box[kind] for kind in ("certain", "doubt", "human")]
    for a, b in itertools.combinations(kinds, 2):
        assert distance(a, b, sight) > 0.06


@pytest.mark.parametrize("sight", SIGHT)
def test_boxes_of_models_differ_from_labels_and_from_each_other(sight: str) -> None:
    colours = design.load().box
    labels = colours.keys() - {"own", "rival", "ink", "ground"}
    pairs = [("own", "rival"), *itertools.product(("own", "rival"), labels)]
    near = [(a, b) for a, b in pairs if distance(colours[a], colours[b], sight) < 0.12]
    assert near == []


@pytest.mark.parametrize("name", ["prefect", "verdict"])
def test_words_of_others_are_states_of_ours(name: Literal["prefect", "verdict"]) -> None:
    assert set(getattr(design.load(), name).values()) <= set(STATES)


def test_a_state_that_nobody_knows_waits() -> None:
    ink = Ink(design.load(), "dark")
    assert ink.state("SomethingNew") == ("○", ink["wait"])
    assert ink.verdict("") == ("○", ink["wait"])
