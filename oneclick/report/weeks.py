"""Names of ISO weeks."""

from __future__ import annotations

from datetime import date


def week(at: date) -> str:
    """Return ISO year and week, such as 2026-W09; these texts sort by time."""
    year, number, _ = at.isocalendar()
    return f"{year}-W{number:02d}"
