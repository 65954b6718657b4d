"""Rules that look for trouble in predictions. Pure: arrays in, Hits out.

A trigger is a frozen dataclass whose float fields are its parameters, with `name`, `summary` and
`find(scene)`. Another package adds one through the entry point group `oneclick.triggers`: the class
is the entry point's object, and its `name` is what the user types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Protocol

from oneclick.core.errors import UnknownName, UsageError
from oneclick.core.hits import Hit
from oneclick.triggers.rules.appear import Appear, Disappear
from oneclick.triggers.rules.area import Area
from oneclick.triggers.rules.blip import Blip
from oneclick.triggers.rules.blurred import Blurred
from oneclick.triggers.rules.class_switch import ClassSwitch
from oneclick.triggers.rules.confidence_drop import ConfidenceDrop
from oneclick.triggers.rules.conflict import (
    ConflictExtra,
    ConflictMiss,
    HindsightExtra,
    HindsightMiss,
)
from oneclick.triggers.rules.covered import Covered
from oneclick.triggers.rules.dark import Dark
from oneclick.triggers.rules.flicker import Flicker
from oneclick.triggers.rules.frozen import Frozen
from oneclick.triggers.rules.jump import Jump
from oneclick.triggers.rules.low_confidence import LowConfidence
from oneclick.triggers.rules.moved import Moved
from oneclick.triggers.rules.multibox import Multibox
from oneclick.triggers.rules.novelty import Novelty
from oneclick.triggers.rules.still import Still
from oneclick.triggers.rules.unseen_motion import UnseenMotion
from oneclick.triggers.scene import Scene

ENTRY_POINTS = "oneclick.triggers"
OWN: tuple[type[Trigger], ...] = (
    Flicker,
    Blip,
    Appear,
    Disappear,
    Jump,
    Area,
    ClassSwitch,
    ConfidenceDrop,
    Multibox,
    Still,
    ConflictMiss,
    ConflictExtra,
    HindsightMiss,
    HindsightExtra,
    LowConfidence,
    UnseenMotion,
    Dark,
    Blurred,
    Covered,
    Frozen,
    Moved,
    Novelty,
)


class Trigger(Protocol):
    """What every trigger is."""

    name: ClassVar[str]
    """What the user types and what Hits carry: a-z and _."""
    summary: ClassVar[str]
    """One line for `oneclick triggers list`."""

    def find(self, scene: Scene) -> list[Hit]:
        """What is wrong in this scene, one Hit per object and stretch of time."""
        ...


@cache
def registry() -> dict[str, type[Trigger]]:
    """All triggers by name: our own, then those of other packages.

    Raises:
        UsageError: if another package's trigger takes a name that is taken.
    """
    known = {trigger.name: trigger for trigger in OWN}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.value):
        trigger = point.load()
        if known.setdefault(trigger.name, trigger) is not trigger:
            raise UsageError(f"{point.value}: a trigger {trigger.name!r} exists; rename this one")
    return known


def novel(trigger: Any) -> bool:
    """Whether a trigger says that something is new rather than that a model is wrong.

    Its class then has the attribute `novel = True`; it has a share of the budget of its own.
    """
    return bool(getattr(trigger, "novel", False))


def parameters(trigger: Any) -> dict[str, float]:
    """Parameters of a trigger or of a trigger class by name, with their values or defaults."""
    return {field.name: float(getattr(trigger, field.name)) for field in fields(trigger)}


def make(
    enabled: Sequence[str] = (), params: Mapping[str, Mapping[str, float]] | None = None
) -> list[Trigger]:
    """The triggers called `enabled` (empty: all), with `params` by trigger in place of defaults.

    Raises:
        UnknownName: if a trigger or a parameter does not exist.
        UsageError: if a parameter is not a number from 0 up.
    """
    known, params = registry(), params or {}
    for name in [*enabled, *params]:
        if name not in known:
            raise UnknownName("trigger", name, list(known))
    wanted = dict.fromkeys(enabled or known)
    return [_made(known[name], params.get(name, {})) for name in wanted]


def _made(trigger: type[Trigger], params: Mapping[str, float]) -> Trigger:
    known = parameters(trigger)
    for name, value in params.items():
        if name not in known:
            raise UnknownName(f"parameter of trigger {trigger.name}", name, list(known))
        if not 0 <= value < float("inf"):
            raise UsageError(f"trigger {trigger.name}: {name} must be 0 or more, got {value}")
    return trigger(**params)


def scan(scene: Scene, triggers: Sequence[Trigger]) -> list[Hit]:
    """All Hits of all triggers, in order of time."""
    found = [hit for trigger in triggers for hit in trigger.find(scene)]
    return sorted(found, key=lambda hit: hit.order)
