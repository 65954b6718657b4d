"""Weeks as people name them."""

from __future__ import annotations

from datetime import date


def week(at: date) -> str:
    """ISO year and week, 2026-W09; as text they sort like the weeks themselves."""
    year, number, _ = at.isocalendar()
    return f"{year}-W{number:02d}"
