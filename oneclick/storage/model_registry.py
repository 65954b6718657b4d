"""Registry of the model in service: `models/champion.json`, replaced atomically, with its history.

Models that only label have a file per architecture, `models/labeller-<architecture>.json`, of the
same form; what no file name may hold is percent-encoded. All functions take the architecture as
`labeller`; empty means the champion.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec

from oneclick.core.errors import BadInput, OneclickError, Unavailable, UnknownName, UsageError
from oneclick.storage import files, inventories, locks, model_cards, sealed_files
from oneclick.storage.inventories import Inventory
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace

ANY = "*"
PREFIX = "labeller-"
ROLLBACK = "rolled back from"
"""First words of the reason of a period that a rollback began."""


class ServicePeriod(msgspec.Struct, frozen=True):
    """A period in which one model was in service."""

    model: str
    since: datetime
    """UTC."""
    reason: str


class ModelRegistry(msgspec.Struct, frozen=True):
    """Content of the file: the model in service, and all periods, oldest first."""

    model: str
    since: datetime
    history: tuple[ServicePeriod, ...]


class _CardArchitecture(msgspec.Struct):
    """The field of a card by which a labeller is told from another."""

    arch: str = ""


def read(workspace: Workspace, labeller: str = "") -> ModelRegistry | None:
    """Read the registry; None before the first promotion.

    Raises:
        BadInput: the file is broken, or lost: without a champion any candidate would be promoted.
    """
    path = _file(workspace, labeller)
    if not path.exists() and path in inventories.lost_files(workspace, Inventory.REGISTRIES):
        raise BadInput(
            f"{path} is missing, but a model was in service: restore it from a backup, or put a "
            "model into service: oneclick models promote MODEL"
        )
    return _read_file(path)


def _read_file(path: Path) -> ModelRegistry | None:
    if not path.exists():
        return None
    registry: ModelRegistry = sealed_files.read(path, ModelRegistry)
    return registry


def _file(workspace: Workspace, labeller: str) -> Path:
    path = workspace.champion_file
    return path.with_name(f"{PREFIX}{quote(labeller, safe='')}.json") if labeller else path


def labeller_of(path: Path) -> str:
    """Return the architecture whose labeller a registry file is of; "" for the champion's."""
    return unquote(path.stem.removeprefix(PREFIX)) if path.stem.startswith(PREFIX) else ""


def has_champion(workspace: Workspace) -> bool:
    """Check whether a champion was ever promoted, though its registry may be broken or lost."""
    path = _file(workspace, "")
    return path.exists() or path in inventories.lost_files(workspace, Inventory.REGISTRIES)


def champion(workspace: Workspace, labeller: str = "") -> str | None:
    """Return the id of the model in service; None before the first promotion."""
    registry = read(workspace, labeller)
    return registry.model if registry else None


def was_in_service(workspace: Workspace, model: str, labeller: str = "") -> bool:
    """Check whether a model is or was in service."""
    registry = read(workspace, labeller)
    return registry is not None and any(period.model == model for period in registry.history)


def promote(
    workspace: Workspace, model: str, reason: str, labeller: str = "", instead_of: str | None = ANY
) -> None:
    """Put a model into service; promoting the model in service changes nothing.

    Args:
        workspace: the workspace of the model.
        model: its id.
        reason: why, for the history.
        labeller: its architecture, where it only labels.
        instead_of: the model that must be in service now, None for no model; by default any.

    Raises:
        UnknownName: there is no complete model of that name.
        UsageError: it is of another architecture than the labeller.
        BadInput: its weights are not those that training wrote.
        Unavailable: another model than `instead_of` came into service meanwhile.
    """
    if not (workspace.model_dir(model) / "card.json").exists():
        models = sorted(card.parent.name for card in workspace.home.glob("models/*/card.json"))
        raise UnknownName("model", model, models)
    model_cards.check_weights(workspace.model_dir(model))
    if labeller:
        path = workspace.model_dir(model) / model_cards.CARD_FILE
        card: _CardArchitecture = sealed_files.read(path, _CardArchitecture)
        arch = card.arch
        if arch not in ("", labeller):
            raise UsageError(
                f"model {model} is of the architecture {arch}, no labeller {labeller}: "
                f"oneclick models promote {model} --labeller {arch}"
            )
    with locks.hold(workspace, WriteLock.CHAMPION):
        path = _file(workspace, labeller)
        # Who names a model may put it in the place of a registry that is lost.
        registry = _read_file(path) if instead_of == ANY else read(workspace, labeller)
        current = registry.model if registry else None
        if current == model:
            inventories.update(workspace, Inventory.REGISTRIES)
            return
        if instead_of not in (ANY, current):
            raise Unavailable(
                f"model {current} came into service while {model} was compared with "
                f"{instead_of or 'none'}: train again to compare the two"
            )
        since = datetime.now(UTC)
        history = (*(registry.history if registry else ()), ServicePeriod(model, since, reason))
        sealed_files.write(path, ModelRegistry(model, since, history))
        inventories.update(workspace, Inventory.REGISTRIES)


def rollback(workspace: Workspace, labeller: str = "", instead_of: str | None = None) -> str:
    """Put the previous model back into service and return its id.

    Rolling back twice goes back two models: periods that a rollback ended do not count. With
    `instead_of`, the model that must be in service now, a second call changes nothing.

    Raises:
        OneclickError: there is no earlier model.
    """
    with locks.hold(workspace, WriteLock.CHAMPION):
        registry = read(workspace, labeller)
        if registry and instead_of not in (None, registry.model):
            return registry.model
        earlier = succession(registry)[:-1] if registry else []
        if not registry or not earlier:
            raise OneclickError(
                "no earlier champion to go back to: oneclick models list shows all, "
                "oneclick models promote MODEL takes one"
            )
        promote(workspace, earlier[-1], f"{ROLLBACK} {registry.model}", labeller)
        return earlier[-1]


@contextmanager
def rollback_until_told(workspace: Workspace, labeller: str = "") -> Iterator[str]:
    """Roll back, and yield the id of the model for the user to be told.

    Whoever was killed before, and says it again, goes back one model and not two.

    Raises:
        OneclickError: there is no earlier model.
    """
    mark = _file(workspace, labeller).with_suffix(".rollback")
    with locks.hold(workspace, WriteLock.CHAMPION):
        registry = read(workspace, labeller)
        untold = mark.read_text("utf-8", "replace") if mark.exists() else None
        if registry and registry.history[-1].reason == f"{ROLLBACK} {untold}":
            model = registry.model
        else:
            if registry:
                files.write_atomic(mark, registry.model)
            model = rollback(workspace, labeller)
    yield model
    with files.guard(mark):
        mark.unlink(missing_ok=True)


def has_earlier(workspace: Workspace, labeller: str = "") -> bool:
    """Check whether a rollback has a model to go back to."""
    registry = read(workspace, labeller)
    return registry is not None and len(succession(registry)) > 1


def succession(registry: ModelRegistry) -> list[str]:
    """Return the models that were promoted, oldest first, without those rolled back since."""
    models: list[str] = []
    for period in registry.history:
        if period.reason.startswith(ROLLBACK) and period.model in models:
            models = models[: models.index(period.model) + 1]
        else:
            models.append(period.model)
    return models
