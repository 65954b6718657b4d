"""`alerts.json`: what needs a person about cameras and models, and who has been told of it."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Literal

import msgspec

from oneclick.storage import sealed_files
from oneclick.storage.workspace import Workspace

News = Literal["open", "over"]
AlertKind = Literal[
    "silent",
    "frozen",
    "dark",
    "not-recorded",
    "no-model",
    "edge-silent",
    "drift",
    "flicker",
    "unseen",
]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something about a camera, or a model on it, that is beyond a limit."""

    kind: AlertKind
    camera: str
    model: str = ""
    """Id of the model; empty where it is about the camera alone."""
    text: str
    since: datetime
    """UTC."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what tells one alert from another, however its figures change."""
        return self.kind, self.camera, self.model


class AlertRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An alert from its begin until everybody has been told that it is over."""

    alert: Alert
    opened_at: datetime
    """UTC of the check that noticed it."""
    ended_at: datetime | None = None
    """UTC of the check that found it over."""
    told: dict[str, News] = {}
    """The last news that each receiver has taken."""

    @property
    def id(self) -> str:
        """Return the id of the event, by which a receiver notices a message that comes twice."""
        text = "|".join((*self.alert.key, self.opened_at.isoformat()))
        return sha256(text.encode()).hexdigest()[:16]

    @property
    def news(self) -> News:
        """Return what receivers should know."""
        return "open" if self.ended_at is None else "over"

    def awaits(self, receiver: str) -> bool:
        """Check whether a receiver must still be told."""
        return self.told.get(receiver) != self.news


class AlertLog(msgspec.Struct, frozen=True, kw_only=True):
    """All alerts of a workspace, as its alert file holds them."""

    records: tuple[AlertRecord, ...] = ()
    """By begin."""
    insight_at: datetime | None = None
    """UTC of the last check of what models do."""
    untold: dict[str, str] = {}
    """Receivers that did not take the last news, with the reason in one line."""
    checked_at: datetime | None = None
    """UTC of the last check."""
    unchecked: dict[str, str] = {}
    """What the last check could not look at, with the reason in one line."""
    expected: tuple[str, ...] | None = None
    """Cameras that should always run, by the last settings that could be read."""
    missed: dict[str, datetime] = {}
    """Cameras that should run and do not, with the UTC of the first check that missed each."""


def load(workspace: Workspace) -> AlertLog:
    """Read the alerts; none where nothing was checked yet.

    Raises:
        BadInput: the file is broken.
    """
    if not workspace.alerts_file.exists():
        return AlertLog()
    log: AlertLog = sealed_files.read(workspace.alerts_file, AlertLog)
    return log


def save(workspace: Workspace, log: AlertLog) -> None:
    """Write the alerts atomically. Raises NoSpace or Unavailable."""
    sealed_files.write(workspace.alerts_file, log)
