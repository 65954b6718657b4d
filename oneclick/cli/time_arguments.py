"""Times and durations as people type them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from oneclick.core.errors import UsageError

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"(\d+)([smhdw])")


def parse_time(
    text: str | None, current_time: datetime, option: str = "--since"
) -> datetime | None:
    """Parse `7d` (before `current_time`), `2026-01-05` (midnight) or `2026-01-05T08:00`.

    A time without a zone is UTC.

    Raises:
        UsageError: in one line naming the option, if the text is none of these.
    """
    if text is None:
        return None
    try:
        if is_duration(text):
            return current_time - timedelta(seconds=parse_duration(text, option))
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text!r}: expected 7d, 24h, 30m, 2026-01-05 or 2026-01-05T08:00 (UTC)"
        ) from None


def is_duration(text: str) -> bool:
    """Return whether the text is a duration such as `7d`, and not a date."""
    return _DURATION.fullmatch(text) is not None


def parse_duration(text: str, option: str = "--bucket") -> int:
    """Return the seconds of `10m`, `1h`, `1d`.

    Raises:
        UsageError: in one line naming the option, if the text is no duration, or a duration of 0.
    """
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * UNIT_SECONDS[match[2]] if match else 0
    if not seconds:
        raise UsageError(f"{option} {text!r}: expected a length such as 30s, 10m, 1h, 1d or 1w")
    return seconds


def format_duration(seconds: int) -> str:
    """Return the seconds in the largest unit that divides them: `10 min`, `2 h`."""
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    size, name = next(unit for unit in units if seconds % unit[0] == 0)
    return f"{seconds // size} {name}"


def time_window(
    since: str | None, until: str | None, current_time: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return the times of `--since` and `--until`; None where an end is open.

    A window such as "the last 7 days" ends at `current_time`, not with the last recording, so that
    a camera that stopped recording shows.
    """
    end = parse_time(until, current_time, "--until")
    if end is None and since is not None and is_duration(since):
        end = current_time
    return parse_time(since, current_time), end
