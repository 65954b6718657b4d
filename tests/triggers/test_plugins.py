"""A trigger of another package: used like ours, and left out in one line where it is broken."""

from __future__ import annotations

import sys

import pytest

from oneclick import triggers
from oneclick.core import plugins
from oneclick.core.plugins import PluginFailure
from oneclick.testing import samples
from tests.fakes.packages import Install

GOOD = """
from dataclasses import dataclass
from typing import ClassVar
from oneclick.core.hits import Hit
from oneclick.core.spans import Span

@dataclass(frozen=True)
class Shout:
    name: ClassVar[str] = "shout"
    summary: ClassVar[str] = "everything"
    loudness: float = 1.0

    def find(self, scene):
        FIND
"""
EVERYTHING = """
        return [Hit(trigger="shout", span=Span(0, scene.length), score=1.0, boxes=(), why="all")]
"""


def source(find: str = EVERYTHING, **changes: str) -> str:
    text = GOOD.replace("        FIND\n", find.rstrip() + "\n")
    for old, new in changes.items():
        text = text.replace(
            {"parameter": "loudness: float = 1.0", "frozen": "(frozen=True)"}[old], new
        )
    return text


def put(install: Install, text: str, name: str = "shout") -> None:
    install("acme-shout", text, {name: "Shout"}, plugins.TRIGGERS)


def test_it_is_listed_unloaded_made_with_parameters_and_finds(install: Install) -> None:
    put(install, source())
    assert triggers.names()[-1] == "shout"
    assert "acme_shout" not in sys.modules
    rules = triggers.make(["shout"], {"shout": {"loudness": 3}})
    assert [triggers.parameters(rule) for rule in rules] == [{"loudness": 3.0}]
    hits = rules.scan(samples.scenes()["a few people"])
    assert [(hit.trigger, len(hit.span)) for hit in hits] == [("shout", 300)]
    assert rules.problems() == {}


BROKEN = {
    "import error": (
        "import acme_is_away",
        "cannot be imported: ModuleNotFoundError: No module named 'acme_is_away'",
    ),
    "text parameter": (
        source(parameter='loudness: str = "loud"'),
        "parameter 'loudness' has the default 'loud'; it must be a number from 0 up",
    ),
    "no default": (
        source(parameter="loudness: float"),
        "parameter 'loudness' has the default None; it must be a number from 0 up",
    ),
    "wrong protocol": (
        "class Shout: name = 'shout'",
        "is not a dataclass, whose fields would be its parameters",
    ),
    "not frozen": (source(frozen="()"), "is not frozen: write @dataclass(frozen=True)"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_one_that_cannot_be_used_is_one_line_and_the_others_find(
    install: Install, case: str
) -> None:
    text, reason = BROKEN[case]
    put(install, text)
    rules = triggers.make()
    assert list(rules.problems().values()) == [
        f"plug-in acme-shout 1.2: trigger 'shout': {reason}; left out"
    ]
    scene = samples.scenes()["a few people"]
    expected = triggers.scan(scene, triggers.make(triggers.names()[:-1]))
    assert sorted(rules.scan(scene), key=lambda hit: hit.order) == expected
    with pytest.raises(PluginFailure, match="acme-shout"):
        triggers.create("shout")


RUNNING = {
    "raises": ("        raise RuntimeError('lost')", "raised while it ran: RuntimeError: lost"),
    "no list": ("        return 3", "find returned a int; it must be a list of Hits"),
    "no Hit": ("        return ['x']", "find returned a str among its Hits"),
    "another's name": (
        EVERYTHING.replace('"shout"', '"blip"'),
        "a Hit carries the trigger name 'blip'",
    ),
    "outside": (
        EVERYTHING.replace("scene.length", "scene.length + 1"),
        "a Hit has frames 0–301, the scene has 300",
    ),
    "no score": (
        EVERYTHING.replace("1.0", 'float("nan")'),
        "a Hit has the score nan; it must be in 0 … 1",
    ),
}


@pytest.mark.parametrize("case", RUNNING)
def test_one_that_fails_while_it_runs_is_counted_and_the_others_find(
    install: Install, case: str
) -> None:
    find, reason = RUNNING[case]
    put(install, source(find))
    rules, scene = triggers.make(), samples.scenes()["a few people"]
    expected = triggers.scan(scene, triggers.make(triggers.names()[:-1]))
    for _ in range(2):
        assert sorted(rules.scan(scene), key=lambda hit: hit.order) == expected
    assert list(rules.problems().values()) == [
        f"plug-in acme-shout 1.2: trigger 'shout': {reason}; left out of 2 scenes"
    ]


def test_another_package_cannot_replace_one_of_ours(install: Install) -> None:
    put(install, source(), "blip")
    rules = triggers.make()
    assert list(rules.problems().values()) == [
        "plug-in acme-shout 1.2: trigger 'blip': the name is taken by oneclick; rename it; left out"
    ]
    assert triggers.registry()["blip"].__module__.startswith("oneclick.")
