"""Numbers in few characters, the same on every screen."""

from __future__ import annotations

from datetime import datetime, tzinfo

UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def age(since: datetime, now: datetime) -> str:
    """`40s`, `21m`, `3h`, `2d`: full units, cut and not rounded; `0s` for what is yet to come."""
    return length((now - since).total_seconds())


def length(seconds: float) -> str:
    """The same of a length of time."""
    size, name = next((unit for unit in UNITS if seconds >= unit[0]), UNITS[-1])
    return f"{max(int(seconds // size), 0)}{name}"


def today(when: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """`at 18:43`, or `not today`; a day ends at midnight in `zone`, by default here."""
    there = when.astimezone(zone)
    return f"at {there:%H:%M}" if there.date() == now.astimezone(zone).date() else "not today"


def count(number: int) -> str:
    """Three digits that matter: `987`, `5.91k`, `160k`, `1.7M`."""
    if abs(number) < 1000:
        return str(number)
    for size, name in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        if abs(number) < 999.5 * size:
            text = f"{number / size:.3g}"
            return f"{text}{name}"
    return f"{number / 1e9:.0f}G"


def share(value: float) -> str:
    """A share in percent with two digits that matter: `46%`, `3.1%`, `0.10%`."""
    percent = 100 * value
    if percent == 0 or percent >= 10:
        return f"{percent:.0f}%"
    return f"{percent:.1f}%" if percent >= 1 else f"{percent:.2f}%"


def number(value: float) -> str:
    """Any value in three digits, for a chart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
