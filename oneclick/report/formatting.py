"""Short formats of numbers and times, the same on every screen."""

from __future__ import annotations

from datetime import datetime, tzinfo

UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def age(since: datetime, at: datetime) -> str:
    """Format the time from `since` to `at` as `duration` does; `0s` if `since` is later."""
    return duration((at - since).total_seconds())


def duration(seconds: float) -> str:
    """Format a duration as `40s`, `21m`, `3h` or `2d`: one unit, rounded down."""
    size, name = next((unit for unit in UNITS if seconds >= unit[0]), UNITS[-1])
    return f"{max(int(seconds // size), 0)}{name}"


def today(time: datetime, at: datetime, zone: tzinfo | None = None) -> str:
    """Format a time as `at 18:43`, or as `not today` if it is on another day than `at`.

    Days and clock are those of `zone`, by default of this machine.
    """
    local = time.astimezone(zone)
    return f"at {local:%H:%M}" if local.date() == at.astimezone(zone).date() else "not today"


def count(number: int) -> str:
    """Format a count with three significant digits: `987`, `5.91k`, `160k`, `1.7M`."""
    if abs(number) < 1000:
        return str(number)
    for size, name in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        if abs(number) < 999.5 * size:
            return f"{number / size:.3g}{name}"
    return f"{number / 1e9:.0f}G"


def share(value: float) -> str:
    """Format a share in percent with two significant digits: `46%`, `3.1%`, `0.10%`."""
    percent = 100 * value
    if percent == 0 or percent >= 10:
        return f"{percent:.0f}%"
    return f"{percent:.1f}%" if percent >= 1 else f"{percent:.2f}%"


def number(value: float) -> str:
    """Format a value for a chart with three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
