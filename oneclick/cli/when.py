"""Times and lengths of time as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from oneclick.core.errors import UsageError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LENGTH = re.compile(r"(\d+)([smhdw])")


def moment(text: str | None, now: datetime, name: str = "--since") -> datetime | None:
    """`7d` before `now`, `2026-01-05` (midnight) or `2026-01-05T08:00`; without a zone: UTC.

    Raises:
        UsageError: in one line naming the option, if it is none of these.
    """
    if text is None:
        return None
    try:
        if is_length(text):
            return now - timedelta(seconds=length(text, name))
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{name} {text!r}: expected 7d, 24h, 30m, 2026-01-05 or 2026-01-05T08:00 (UTC)"
        ) from None


def is_length(text: str) -> bool:
    """Whether it says how long, and not when."""
    return _LENGTH.fullmatch(text) is not None


def length(text: str, name: str = "--bucket") -> int:
    """Seconds of `10m`, `1h`, `1d`.

    Raises:
        UsageError: in one line naming the option, if it is no length or none at all.
    """
    match = _LENGTH.fullmatch(text)
    seconds = int(match[1]) * SECONDS[match[2]] if match else 0
    if not seconds:
        raise UsageError(f"{name} {text!r}: expected a length such as 30s, 10m, 1h, 1d or 1w")
    return seconds


def short(seconds: int) -> str:
    """Seconds in the largest unit that divides them: `10 min`, `2 h`."""
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    size, name = next(unit for unit in units if seconds % unit[0] == 0)
    return f"{seconds // size} {name}"


def window(
    since: str | None, until: str | None, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """`--since` and `--until`; the last 7 days end now, so that a silent camera is seen."""
    end = moment(until, now, "--until")
    if end is None and since is not None and is_length(since):
        end = now
    return moment(since, now), end
