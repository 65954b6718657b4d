"""All triggers by name: ours, and those of other packages (entry points `oneclick.triggers`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from oneclick.core import plugins
from oneclick.core.errors import UnknownName, UsageError
from oneclick.core.hits import Hit
from oneclick.core.plugins import Plugin, PluginFailure, PluginGroup
from oneclick.triggers import base
from oneclick.triggers.base import Trigger
from oneclick.triggers.scene import Scene

_RULES = "oneclick.triggers.rules"
GROUP: PluginGroup[type[Trigger]] = PluginGroup(
    plugins.TRIGGERS,
    {
        "flicker": f"{_RULES}.flicker:Flicker",
        "blip": f"{_RULES}.blip:Blip",
        "appear": f"{_RULES}.appear:Appear",
        "disappear": f"{_RULES}.appear:Disappear",
        "jump": f"{_RULES}.jump:Jump",
        "area": f"{_RULES}.area:Area",
        "class_switch": f"{_RULES}.class_switch:ClassSwitch",
        "confidence_drop": f"{_RULES}.confidence_drop:ConfidenceDrop",
        "multibox": f"{_RULES}.multibox:Multibox",
        "still": f"{_RULES}.still:Still",
        "conflict_miss": f"{_RULES}.conflict:ConflictMiss",
        "conflict_extra": f"{_RULES}.conflict:ConflictExtra",
        "turned_conflict": f"{_RULES}.turned_conflict:TurnedConflict",
        "hindsight_miss": f"{_RULES}.conflict:HindsightMiss",
        "hindsight_extra": f"{_RULES}.conflict:HindsightExtra",
        "low_confidence": f"{_RULES}.low_confidence:LowConfidence",
        "unseen_motion": f"{_RULES}.unseen_motion:UnseenMotion",
        "dark": f"{_RULES}.dark:Dark",
        "blurred": f"{_RULES}.blurred:Blurred",
        "covered": f"{_RULES}.covered:Covered",
        "frozen": f"{_RULES}.frozen:Frozen",
        "moved": f"{_RULES}.moved:Moved",
        "novelty": f"{_RULES}.novelty:Novelty",
    },
    base.validate,
)


class RuleSet:
    """Triggers with their parameters, each run in isolation.

    A trigger that raises, or one of another package that returns what is no list of Hits, is left
    out of that scene; the others go on. What was left out is counted.
    """

    def __init__(self, triggers: Iterable[Trigger], failures: Iterable[PluginFailure] = ()) -> None:
        known = GROUP.plugins()
        self._triggers = tuple(triggers)
        self._plugins = [known.get(trigger.name) or _unlisted(trigger) for trigger in self]
        self.failures: dict[str, PluginFailure] = {
            failure.plugin.name: failure for failure in failures
        }
        """By trigger: why it was left out, the first time."""
        self.left_out: Counter[str] = Counter()
        """Scenes that a trigger was left out of; 0 for one that could not be used at all."""

    def __iter__(self) -> Iterator[Trigger]:
        return iter(self._triggers)

    def __len__(self) -> int:
        return len(self._triggers)

    def scan(self, scene: Scene) -> list[Hit]:
        """Return all Hits of all triggers, in the order of the triggers."""
        hits: list[Hit] = []
        for trigger, plugin in zip(self._triggers, self._plugins, strict=True):
            try:
                with plugin.isolated():
                    own_hits = trigger.find(scene)
                    if not plugin.own:
                        base.check_hits(plugin.name, own_hits, scene.length)
                    hits += own_hits
            except PluginFailure as failure:
                self.failures.setdefault(plugin.name, failure)
                self.left_out[plugin.name] += 1
        return hits

    def packages(self) -> list[str]:
        """Return the packages of the triggers that are not ours, with their versions."""
        return sorted({plugin.package for plugin in self._plugins if not plugin.own})

    def problems(self) -> dict[str, str]:
        """Return one line for each trigger that was left out, with the number of scenes."""
        scenes = {0: "", 1: " of 1 scene"}
        return {
            name: str(failure) + scenes.get(count := self.left_out[name], f" of {count} scenes")
            for name, failure in self.failures.items()
        }


def _unlisted(trigger: Trigger) -> Plugin:
    """Return a name for a trigger that is no entry point: a test's, or one made by hand."""
    kind = type(trigger)
    return Plugin(plugins.TRIGGERS, trigger.name, f"{kind.__module__}:{kind.__name__}", plugins.OWN)


def names() -> list[str]:
    """Return the names of all triggers, without importing those of other packages."""
    return GROUP.names()


def registry() -> dict[str, type[Trigger]]:
    """Return the classes of all triggers that can be used, by name."""
    return GROUP.usable()[0]


def make(
    enabled: Sequence[str] = (), params: Mapping[str, Mapping[str, float]] | None = None
) -> RuleSet:
    """Make the triggers called `enabled` (empty: all), with `params` by trigger over defaults.

    A plug-in that cannot be used is left out, and stands in the set's `failures`.

    Raises:
        UnknownName: if a trigger or a parameter does not exist.
        UsageError: if a parameter is not a number from 0 up.
    """
    params = params or {}
    for name in params:
        GROUP.plugin(name)
    triggers, failures = [], GROUP.clashes() if not enabled else []
    for name in dict.fromkeys(enabled or GROUP.names()):
        try:
            triggers.append(create(name, params.get(name, {})))
        except PluginFailure as failure:
            failures.append(failure)
    return RuleSet(triggers, failures)


def create(name: str, params: Mapping[str, float] | None = None) -> Trigger:
    """Make one trigger, with `params` over its defaults.

    Raises:
        UnknownName: if the trigger or a parameter does not exist.
        UsageError: if a parameter is not a number from 0 up.
        PluginFailure: if it is a plug-in that cannot be used.
    """
    kind, params = GROUP.get(name), params or {}
    defaults = base.parameters(kind)
    for parameter, value in params.items():
        if parameter not in defaults:
            raise UnknownName(f"parameter of trigger {name}", parameter, list(defaults))
        if not 0 <= value < float("inf"):
            raise UsageError(f"trigger {name}: {parameter} must be 0 or more, got {value}")
    return kind(**params)


def scan(scene: Scene, triggers: RuleSet | Sequence[Trigger]) -> list[Hit]:
    """Return all Hits of all triggers, in order of time.

    Raises:
        PluginFailure: if a trigger fails; `RuleSet.scan` goes on without it.
    """
    rules = RuleSet(triggers)
    hits = rules.scan(scene)
    for failure in rules.failures.values():
        raise failure
    return sorted(hits, key=lambda hit: hit.order)
