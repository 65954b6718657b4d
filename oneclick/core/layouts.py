"""Cameras and starts from the paths of recorders: known layouts, and patterns of the settings.

A name says what a clock on the wall showed when the recording began. It becomes UTC by the offset
in the name, else by the layout, where the recorder documents its zone, else by the zone of the
settings, else it is taken as UTC.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

GROUPS = frozenset(
    {"camera", "year", "month", "day", "hour", "minute", "second", "offset", "epoch", "half"}
)
"""Names of groups in a pattern; half is AM or PM."""

_DATE = r"(?P<year>20\d\d)[-_.]?(?P<month>\d\d)[-_.]?(?P<day>\d\d)"
_DATE_FOLDERS = r"(?P<year>20\d\d)(?:[-_.]?|/)(?P<month>\d\d)(?:[-_.]?|/)(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d)[-_.:]?(?P<minute>\d\d)[-_.:]?(?P<second>\d\d)"
_WEST = r"-(?:0[1-9]|1[0-2])"
# Four digits after a dash may count segments: they are an offset behind a T alone, as ISO 8601 has.
_OFFSET = (
    r"(?P<offset>Z|\+\d\d[-:.]?\d\d|\+\d\d|"
    rf"{_WEST}:(?:00|30|45)|(?(iso){_WEST}(?:00|30|45)|(?!)))?"
)
_MOMENT = re.compile(
    rf"(?<!\d)(?:DST)?{_DATE}(?:(?P<iso>T)|[_ -]|[ _]-[ _])?{_TIME}"
    rf"(?:[.,](?P<fraction>\d{{6}}|\d{{3}})|\d{{3}}|-\d{{6}})?{_OFFSET}(?!\d)"
)
_COUNTER = r"(?:-\d{4}(?!\d))?"
"""The number of a segment behind its moment."""
_MOST_SECONDS = 10_000_000_000
"""Seconds since 1970 from which a number is one of milliseconds."""
_SHIFT = timedelta(minutes=30)
"""How far the end of a recording may lie from the time of its file, to tell two hours apart."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How one kind of recorder names its files."""

    name: str
    pattern: re.Pattern[str]
    """Matches the end of a path, with groups of GROUPS; folder names a camera where it is no word
    of recorders, else a folder above does, and channel is a number of the camera in there."""
    is_utc: bool = False
    """Whether the recorder writes UTC; else what its clock shows."""


def _layout(name: str, pattern: str, is_utc: bool = False) -> Layout:
    return Layout(name=name, pattern=re.compile(pattern + r"$", re.IGNORECASE), is_utc=is_utc)


_ENDING = r"\.\w+"
LAYOUTS = (
    # Frigate: docs/configuration/record.md; UTC since its pull request 9248, in the layout of days.
    _layout(
        "Frigate",
        r"(?:^|/)(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)/(?P<hour>\d\d)/(?P<camera>[^/]+)/"
        rf"(?P<minute>\d\d)\.(?P<second>\d\d){_ENDING}",
        is_utc=True,
    ),
    # Frigate before 0.12: folders of months, and the hour of the machine's zone.
    _layout(
        "Frigate before 0.12",
        r"(?:^|/)(?P<year>20\d\d)-(?P<month>\d\d)/(?P<day>\d\d)/(?P<hour>\d\d)/(?P<camera>[^/]+)/"
        rf"(?P<minute>\d\d)\.(?P<second>\d\d){_ENDING}",
    ),
    # Yi and yi-hack: roleoroleo/yi-hack-MStar issues 436 and 502, yi-hack-Allwinner-v2 issue 826.
    _layout(
        "Yi",
        r"(?:(?:^|/)(?P<folder>[^/]+))?/(?P<year>20\d\d)Y(?P<month>\d\d)M(?P<day>\d\d)D(?P<hour>\d\d)H/"
        rf"(?:E\d)?(?P<minute>\d\d)M(?P<second>\d\d)S\d*{_ENDING}",
    ),
    # Xiaomi: luis4ndre/SurveillanceOrganizer, Xiaomi360; the last number is the time in UTC.
    _layout(
        "Xiaomi",
        r"(?:(?:^|/)(?P<folder>[^/]+))?/(?P<year>20\d\d)(?P<month>\d\d)(?P<day>\d\d)(?P<hour>\d\d)/"
        rf"(?P<minute>\d\d)M(?P<second>\d\d)S(?:_(?P<epoch>1\d{{9}}))?{_ENDING}",
    ),
    # Dahua and Amcrest, by FTP and on the card; the channel tells the cameras of a recorder apart.
    _layout(
        "Dahua",
        r"(?:(?:^|/)(?P<folder>[^/]+))?/(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)/"
        rf"(?P<channel>\d{{3}})/(?:dav|mp4)/\d\d/{_TIME}-[\d.]+(?:\[[^\]/]*\])*{_ENDING}",
    ),
    # Hikvision, by FTP: address or name, channel, milliseconds, event (evilboss/suiteview).
    _layout(
        "Hikvision",
        rf"(?:^|/)(?P<camera>[^/]+_\d+)_{_DATE}{_TIME}\d{{3}}(?:_[A-Z_]+)?{_ENDING}",
    ),
    # Reolink's card: starkillerOG/reolink_aio; M and S are the main and the small stream.
    _layout(
        "Reolink",
        r"(?:(?:^|/)(?P<folder>[^/]+))?/Mp4Record[/_][\d-]{10}[/_]"
        rf"Rec[MS]\d\d_(?:DST)?{_DATE}_{_TIME}_[^/]*{_ENDING}",
    ),
    # UniFi Protect's exports: danielfernau/unifi-protect-video-downloader issue 14, and uiprotect.
    _layout(
        "UniFi",
        r"(?:^|/)(?P<camera>[^/]+?)[ -]+(?P<month>\d{1,2})-(?P<day>\d{1,2})-(?P<year>20\d\d),? "
        r"(?P<hour>\d{1,2})\.(?P<minute>\d{1,2})\.(?P<second>\d{1,2})"
        rf"(?: ?(?P<half>[AP]M))?(?: (?:GMT|UTC)?(?P<offset>Z|UTC|GMT|[+-]\d{{1,2}}(?::?\d\d)?))?"
        rf"(?: [A-Z]{{2,5}})?(?: - [^/]*)?{_ENDING}",
    ),
    # Synology Surveillance Station: a folder for each half day; the last number is UTC.
    _layout(
        "Synology",
        rf"(?:^|/)(?P<camera>[^/]+?)[-_]?{_DATE}-{_TIME}-(?P<epoch>1\d{{9}})(?:-\d+)?{_ENDING}",
    ),
    # motion: DEF_MPEGPATH of motion.h, %v-%Y%m%d%H%M%S; %v counts events and names no camera.
    _layout("motion", rf"(?:(?:^|/)(?P<folder>[^/]+))?/\d+-{_DATE}{_TIME}{_ENDING}"),
)
"""Layouts of recorders, from the most particular to the least."""
# Dated folders: 2024/01/31/08-15-30.mp4, 2024-01-31/hall_081530.mp4, 20240131/08/15.mp4 (Wyze).
_FOLDERS_OF_DAYS = re.compile(
    rf"(?:^|/){_DATE_FOLDERS}(?:[AP]M)?/(?:(?=[^/]*[^\W\d_])[^/]+/)*"
    r"(?:(?P<folder_hour>\d\d)h?/)?(?:(?P<folder_minute>\d\d)/)?(?P<leaf>[^/]+)$"
)
_LEAF_TIME = re.compile(rf"(?<![^\W_]){_TIME}(?:[.,_]\d{{1,6}})?(?!\d)")
_LEAF_MINUTE = re.compile(r"(?P<minute>\d\d)(?:[-_.:mM](?P<second>\d\d)[sS]?)?")
# "GoPro Camera File Naming Convention" of community.gopro.com.
_CHAPTER = re.compile(
    r"(?:G[HXLS](?P<chapter>\d\d)|GP(?P<older>\d\d)|GOPR)(?P<number>\d{4})\.\w+", re.IGNORECASE
)
_NO_CAMERAS = re.compile(
    r"(?:mp4)?rec(?:ord(?:ing)?s?)?|mp4record|videos?|media|dav|mp4|sd|sdcard|mnt|data|tmp|storage|"
    r"surveillance|frigate|motion|clips|ftp|dcim|\d+gopro|\d{4}y.*h|[\d\W_]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class PathFacts:
    """What a path says about its recording."""

    camera: str = ""
    """Empty where no layout names one."""
    started_at: datetime | None = None
    """UTC; the earlier of two moments where the clock showed the time twice."""
    second_start: datetime | None = None
    """UTC, the later of the two."""
    is_certain: bool = False
    """Whether the zone is known: it goes before what stands in the file."""
    is_from_settings: bool = False
    """Whether a pattern of the settings read it."""

    def start_of_file(self, modified_at: datetime | None, seconds: float) -> datetime | None:
        """Return the start, of two the one by which the recording ended when its file was written.

        Args:
            modified_at: time of the file, which copying may have changed.
            seconds: length of the recording.
        """
        if self.second_start is None or self.started_at is None or modified_at is None:
            return self.started_at
        end = modified_at - timedelta(seconds=seconds)
        return self.second_start if abs(end - self.second_start) < _SHIFT else self.started_at


def read_path(path: str, patterns: Sequence[str] = (), zone: str = "") -> PathFacts:
    """Return what a path says, by the first of the patterns, else of the layouts that matches.

    Args:
        path: with / between its folders.
        patterns: regular expressions with groups of GROUPS.
        zone: IANA name of the zone in which names are written.
    """
    for pattern in patterns:
        if match := re.search(pattern, path):
            return _facts(match, path, zone, is_from_settings=True)
    for layout in LAYOUTS:
        if match := layout.pattern.search(path):
            return _facts(match, path, "UTC" if layout.is_utc else zone)
    moment = moment_in(path.rpartition("/")[2], zone)
    return moment if moment.started_at else _in_dated_folders(path, zone)


def moment_in(name: str, zone: str = "") -> PathFacts:
    """Return the start from a date and a time in a name such as 2026-11-21T10-00-00+02:00."""
    match = _MOMENT.search(name)
    return _facts(match, "", zone) if match else PathFacts()


def chapter_in(name: str) -> tuple[str, int] | None:
    """Return the recording and the number of a chapter of it; None where a name is no chapter's.

    GoPro's GH010042, GH020042 …, and GOPR0042, GP010042 … of older cameras; each chapter has the
    creation time of the first.
    """
    match = _CHAPTER.fullmatch(name)
    if match is None:
        return None
    return match["number"], int(match["chapter"] or match["older"] or 0)


def without_moments(name: str) -> str:
    """Return a name without its dates and times, and the numbers of segments behind them."""
    return re.sub(_MOMENT.pattern + _COUNTER, "", name).strip(" -_.")


def check_pattern(pattern: str) -> None:
    """Raise ValueError where a pattern of the settings cannot tell a camera or a start."""
    try:
        names = set(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    if unknown := sorted(names - GROUPS):
        raise ValueError(
            f"{pattern!r}: no group {unknown[0]}; there are {', '.join(sorted(GROUPS))}"
        )
    day = {"year", "month", "day", "hour", "minute"}
    if not names & {"camera", "epoch"} and not day <= names:
        raise ValueError(
            f"{pattern!r} tells neither a camera nor a start: name groups, such as "
            "(?P<camera>[^/]+), or year, month, day, hour and minute"
        )


def _facts(match: re.Match[str], path: str, zone: str, is_from_settings: bool = False) -> PathFacts:
    groups = match.groupdict()
    camera = groups.get("camera") or ""
    if groups.get("folder"):
        names = path[: match.end("folder")].split("/")[::-1]
        camera = next((name for name in names if not _NO_CAMERAS.fullmatch(name)), names[0])
        camera += f"_{groups['channel']}" if groups.get("channel") else ""
    first, second, is_certain = _moments(groups, zone, "DST" in match.group())
    return PathFacts(
        camera=camera,
        started_at=first,
        second_start=second,
        is_certain=is_certain,
        is_from_settings=is_from_settings,
    )


def _moments(
    groups: dict[str, str | None], zone: str, is_summer: bool
) -> tuple[datetime | None, datetime | None, bool]:
    """Return the start in UTC, the second one of an hour that comes twice, and whether it is sure.

    Args:
        groups: as matched.
        zone: of times without an offset.
        is_summer: the name says that the clock showed summer time.
    """
    try:
        if groups.get("epoch"):
            epoch = float(groups["epoch"] or 0)
            seconds = epoch / 1000 if epoch > _MOST_SECONDS else epoch
            return datetime.fromtimestamp(seconds, UTC), None, True
        year, month, day, hour, minute = (
            int(groups.get(name) or "") for name in ("year", "month", "day", "hour", "minute")
        )
        if half := (groups.get("half") or "").lower():
            hour = hour % 12 + 12 * (half == "pm")
        second = int(groups.get("second") or 0)
        microsecond = int((groups.get("fraction") or "").ljust(6, "0"))
        local = datetime(year, month, day, hour, minute, second, microsecond)
        offset = groups.get("offset")
        clock = _offset_zone(offset) if offset else _zone(zone or "UTC")
        first, last = (local.replace(tzinfo=clock, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError):
        return None, None, False
    is_twice = last > first and not is_summer  # in the hour that is left out, last comes first
    return first, last if is_twice else None, bool(offset or zone)


def _offset_zone(text: str) -> tzinfo:
    """Return the zone of an offset such as Z, +02:00, +0530 or -7. Raises ValueError."""
    digits = re.sub(r"\D", "", text)
    if not digits:
        return UTC
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    sign = "-" if text.startswith("-") else "+"
    return datetime.strptime(f"{sign}{int(hours):02d}{int(minutes):02d}", "%z").tzinfo or UTC


@functools.cache
def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def _in_dated_folders(path: str, zone: str) -> PathFacts:
    """Return the start where the day stands in the folders, and the time of day in the name."""
    match = _FOLDERS_OF_DAYS.search(path)
    if match is None:
        return PathFacts()
    groups = match.groupdict()
    stem = groups["leaf"].rpartition(".")[0]
    hour, minute = groups["folder_hour"], groups["folder_minute"]
    leaf = _LEAF_TIME.search(stem)
    if leaf and hour in (None, leaf["hour"]):
        groups |= leaf.groupdict()
    elif minute and re.fullmatch(r"\d\d", stem):
        groups |= {"hour": hour, "minute": minute, "second": stem}
    elif hour and not minute and (leaf := _LEAF_MINUTE.fullmatch(stem)):
        groups |= {"hour": hour, **leaf.groupdict()}
    first, second, is_certain = _moments(groups, zone, is_summer=False)
    return PathFacts(started_at=first, second_start=second, is_certain=is_certain)
