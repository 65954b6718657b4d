"""Prefect's settings of the user, read without loading Prefect."""

from __future__ import annotations

import os
from pathlib import Path

from oneclick.core.errors import BadInput, UsageError
from oneclick.storage import bounded_documents, bounded_files

REQUEST_SECONDS = 10.0
"""Default timeout of a request: Prefect's own of 60 s is too long for a person who waits."""


def api_url() -> str | None:
    """Return the URL of the user's Prefect server or Prefect Cloud; None if none is set."""
    return setting("PREFECT_API_URL")


def setting(name: str) -> str | None:
    """Return a setting of Prefect from the environment or the active profile."""
    return os.environ.get(name) or active_profile().get(name) or None


def request_seconds() -> float:
    """Return the timeout of a request, in seconds, as PREFECT_API_REQUEST_TIMEOUT sets it.

    Raises:
        UsageError: PREFECT_API_REQUEST_TIMEOUT is not a positive number.
    """
    name = "PREFECT_API_REQUEST_TIMEOUT"
    text = setting(name)
    try:
        seconds = float(text) if text else REQUEST_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"{name} is {text!r}: give a number of seconds above 0")
    return seconds


def active_profile() -> dict[str, str]:
    """Return the active profile, as `prefect config set` and `prefect cloud login` write it."""
    folder = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect").expanduser()
    file = Path(os.environ.get("PREFECT_PROFILES_PATH") or folder / "profiles.toml").expanduser()
    try:
        content = bounded_files.read_bytes(file, bounded_documents.MAX_TOML)
        document = bounded_documents.parse_toml(content, file)
    except BadInput:
        return {}
    active = os.environ.get("PREFECT_PROFILE") or document.get("active", "")
    profiles = document.get("profiles")
    profile = profiles.get(active) if isinstance(profiles, dict) else None
    return profile if isinstance(profile, dict) else {}
