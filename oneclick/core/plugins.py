"""Plug-ins: named objects of other packages, found through entry points.

The name of an entry point is what a user types, so names are listed without importing anything. A
plug-in is imported when it is first needed, checked once, and called in isolation: whatever is
wrong with it is one `PluginFailure` that names the package and the reason, and everything else goes
on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from oneclick.core.errors import OneclickError, UnknownName

T = TypeVar("T")

TRIGGERS = "oneclick.triggers"
DETECTORS = "oneclick.detectors"
PLATFORMS = "oneclick.platforms"
FORMATS = "oneclick.formats"
PANELS = "oneclick.panels"
OWN = "oneclick"
"""Package of what is part of oneclick itself."""
KINDS = {
    TRIGGERS: "trigger",
    DETECTORS: "detector",
    PLATFORMS: "review platform",
    FORMATS: "format",
    PANELS: "panel",
}
"""What one plug-in of each entry point group is called."""


_GROUPS: list[PluginGroup[Any]] = []


class PluginFailure(OneclickError):
    """A plug-in that cannot be imported, breaks its contract, or raised while it ran.

    Its message is one line that names the package, the plug-in and the reason.
    """

    def __init__(self, plugin: Plugin, reason: str) -> None:
        super().__init__(f"{plugin}: {' '.join(reason.split())}; left out")
        self.plugin = plugin


class ContractError(Exception):
    """What is wrong with an object that was offered as a plug-in; raised by validators."""


@dataclass(frozen=True)
class Plugin:
    """One entry point: a named object of oneclick or of another package, not yet imported."""

    group: str
    name: str
    """What the user types."""
    reference: str
    """Where the object is: `package.module:attribute`."""
    package: str
    """Distribution and version: `acme-oneclick 1.2`; `oneclick` for our own."""

    def __str__(self) -> str:
        named = f"{KINDS[self.group]} {self.name!r}"
        return named if self.own else f"plug-in {self.package}: {named}"

    @property
    def own(self) -> bool:
        """Whether it is part of oneclick itself."""
        return self.package == OWN

    def load(self) -> Any:
        """Import the object.

        Raises:
            PluginFailure: if its package cannot be imported or has no such attribute.
        """
        module, _, attribute = self.reference.partition(":")
        try:
            value: Any = import_module(module)
            for name in filter(None, attribute.split(".")):
                value = getattr(value, name)
        # Whatever a stranger's module does at import, SystemExit included, must not end the run.
        except (Exception, SystemExit) as error:
            raise PluginFailure(self, f"cannot be imported: {describe(error)}") from error
        return value

    @contextmanager
    def isolated(
        self, doing: str = "while it ran", passing: tuple[type[Exception], ...] = ()
    ) -> Iterator[None]:
        """Turn whatever the plug-in raises into a PluginFailure.

        Args:
            doing: when it happened, for the message.
            passing: exceptions that are part of the contract, raised as they are.

        Raises:
            PluginFailure: with the original exception as its cause.
        """
        try:
            yield
        except PluginFailure:
            raise
        except passing:
            raise
        except ContractError as error:
            raise PluginFailure(self, str(error)) from error
        except (Exception, SystemExit) as error:
            raise PluginFailure(self, f"raised {doing}: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """Return an exception as `Type: message` in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class PluginGroup(Generic[T]):
    """All objects of one kind by name: our own, then those of other packages.

    Args:
        group: entry point group.
        own: our own by name, as `module:attribute`; imported when needed, like the others.
        validate: returns the checked object; raises ContractError. Called once for each plug-in.
    """

    def __init__(
        self, group: str, own: Mapping[str, str], validate: Callable[[str, object], T]
    ) -> None:
        self.group = group
        self._own = {name: Plugin(group, name, reference, OWN) for name, reference in own.items()}
        self._validate = validate
        self._loaded: dict[Plugin, T | PluginFailure] = {}
        _GROUPS.append(self)

    def plugins(self) -> dict[str, Plugin]:
        """Return our own and the installed plug-ins by name, without importing any.

        A name that is taken already stays with its first owner: ours, then by package.
        """
        plugins = dict(self._own)
        for plugin in installed(self.group):
            plugins.setdefault(plugin.name, plugin)
        return plugins

    def clashes(self) -> list[PluginFailure]:
        """Return a failure for each installed plug-in whose name another one has."""
        owners = self.plugins()
        return [
            PluginFailure(plugin, f"the name is taken by {owners[plugin.name].package}; rename it")
            for plugin in installed(self.group)
            if owners[plugin.name] != plugin
        ]

    def names(self) -> list[str]:
        """Return all names, our own first, without importing any."""
        return list(self.plugins())

    def plugin(self, name: str) -> Plugin:
        """Return the entry of that name.

        Raises:
            UnknownName: if there is none.
        """
        if name in self._own:
            return self._own[name]  # reading what is installed takes 40 ms
        plugins = self.plugins()
        if name not in plugins:
            raise UnknownName(KINDS[self.group], name, self.names())
        return plugins[name]

    def get(self, name: str) -> T:
        """Import and check the object of that name; both happen once.

        Raises:
            UnknownName: if there is none.
            PluginFailure: if it cannot be imported or breaks its contract.
        """
        plugin = self.plugin(name)
        if plugin not in self._loaded:
            try:
                with plugin.isolated("while it was checked"):
                    self._loaded[plugin] = self._validate(name, plugin.load())
            except PluginFailure as failure:
                self._loaded[plugin] = failure
        value = self._loaded[plugin]
        if isinstance(value, PluginFailure):
            raise value
        return value

    def usable(self) -> tuple[dict[str, T], list[PluginFailure]]:
        """Return all objects that can be used by name, and why the others cannot."""
        objects: dict[str, T] = {}
        failures = self.clashes()
        for name in self.names():
            try:
                objects[name] = self.get(name)
            except PluginFailure as failure:
                failures.append(failure)
        return objects, failures

    def forget(self) -> None:
        """Forget what was loaded."""
        self._loaded.clear()

    def check(self) -> list[tuple[Plugin, PluginFailure | None]]:
        """Load every installed plug-in; return each with what is wrong with it, if anything."""
        failures = {failure.plugin: failure for failure in self.usable()[1]}
        return [(plugin, failures.get(plugin)) for plugin in installed(self.group)]


@cache
def installed(group: str) -> tuple[Plugin, ...]:
    """Return the entry points of other packages in this environment, by package and name.

    They are read once for a process; `refresh` reads them again.
    """
    points = entry_points(group=group)
    plugins = {Plugin(group, point.name, point.value, _package(point)) for point in points}
    return tuple(sorted(plugins, key=lambda plugin: (plugin.package, plugin.name)))


def refresh() -> None:
    """Forget what is installed and what was loaded: packages came or went."""
    installed.cache_clear()
    for group in _GROUPS:
        group.forget()


def _package(point: EntryPoint) -> str:
    if point.dist is None:
        return point.value.partition(":")[0].partition(".")[0]
    return f"{point.dist.name} {point.dist.version}"
