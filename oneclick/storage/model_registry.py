"""Which model is in service: `models/champion.json`, replaced atomically, with its history.

Networks that only label have a file each, `models/labeller-<architecture>.json`, of the same form.
All functions take the architecture as `labeller`; empty means the model that serves the cameras.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from oneclick.core.errors import OneclickError, UnknownName
from oneclick.storage import files
from oneclick.storage.workspace import Workspace


class Term(msgspec.Struct, frozen=True):
    """One model's time in service."""

    model: str
    since: datetime
    """UTC."""
    reason: str


class Registry(msgspec.Struct, frozen=True):
    """The file: who serves since when, and all terms, oldest first, the present one last."""

    model: str
    since: datetime
    history: tuple[Term, ...]


def read(workspace: Workspace, labeller: str = "") -> Registry | None:
    """The whole file; None before the first promotion.

    Raises:
        BadInput: the file is broken.
    """
    path = _file(workspace, labeller)
    if not path.exists():
        return None
    found: Registry = files.read_json(path, Registry)
    return found


def _file(workspace: Workspace, labeller: str) -> Path:
    usual = workspace.champion_file
    return usual.with_name(f"labeller-{labeller}.json") if labeller else usual


def champion(workspace: Workspace, labeller: str = "") -> str | None:
    """The model in service."""
    found = read(workspace, labeller)
    return found.model if found else None


def served(workspace: Workspace, model: str, labeller: str = "") -> bool:
    """Whether a model is or was in service."""
    found = read(workspace, labeller)
    return found is not None and any(term.model == model for term in found.history)


def promote(workspace: Workspace, model: str, reason: str, labeller: str = "") -> None:
    """Put a model into service; the champion promoted again changes nothing.

    Raises:
        UnknownName: there is no complete model of that name.
    """
    if not (workspace.model_dir(model) / "card.json").exists():
        known = sorted(card.parent.name for card in workspace.home.glob("models/*/card.json"))
        raise UnknownName("model", model, known)
    found = read(workspace, labeller)
    if found and found.model == model:
        return
    now = datetime.now(UTC)
    history = (*(found.history if found else ()), Term(model, now, reason))
    files.write_json(_file(workspace, labeller), Registry(model, now, history))


def rollback(workspace: Workspace, labeller: str = "") -> str:
    """Put the champion before this one back into service; its name.

    Rolling back twice goes back two champions: terms that a roll-back undid do not count.

    Raises:
        OneclickError: there is no earlier champion.
    """
    found = read(workspace, labeller)
    earlier = _line(found)[:-1] if found else []
    if not found or not earlier:
        raise OneclickError("no earlier champion to go back to; oneclick models list shows all")
    promote(workspace, earlier[-1], f"{ROLLBACK} {found.model}", labeller)
    return earlier[-1]


ROLLBACK = "rolled back from"


def _line(found: Registry) -> list[str]:
    """Champions in order, without those that were rolled back."""
    line: list[str] = []
    for term in found.history:
        if term.reason.startswith(ROLLBACK) and term.model in line:
            line = line[: line.index(term.model) + 1]
        else:
            line.append(term.model)
    return line
