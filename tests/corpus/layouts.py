"""Paths as recorders write them, each with the camera and the start that it tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, kw_only=True)
class PathCase:
    """A path below a source, and what it tells."""

    path: str
    camera: str
    """As `video list` shows it."""
    start: str
    """UTC, as ISO 8601; empty where the path tells none."""
    zone: str = ""
    """`sources.timezone`."""
    patterns: tuple[str, ...] = ()
    """`sources.pattern`."""

    @property
    def started_at(self) -> datetime | None:
        """Return the start in UTC."""
        return datetime.fromisoformat(self.start).replace(tzinfo=UTC) if self.start else None


BERLIN = "Europe/Berlin"
DAHUA = "2024-01-31/001/dav/08/08.00.00-08.30.00[M][0@0][0].dav"
YI = "2022Y04M12D18H/09M00S60.mp4"


def recorder_paths() -> dict[str, PathCase]:
    """Return paths of recorders by name."""
    noon = "2024-01-31T08:15:30"
    return {
        "Frigate": PathCase(path="2024-01-31/08/hall/15.30.mp4", camera="hall", start=noon),
        "Frigate writes UTC in any zone": PathCase(
            path="2024-01-31/08/hall/15.30.mp4", camera="hall", start=noon, zone=BERLIN
        ),
        "Frigate before 0.12": PathCase(
            path="2024-01/31/09/hall/15.30.mp4", camera="hall", start=noon, zone=BERLIN
        ),
        "Yi": PathCase(path=f"hall/{YI}", camera="hall", start="2022-04-12T18:09:00"),
        "Yi, whose card has a folder record": PathCase(
            path=f"hall/record/{YI}", camera="hall", start="2022-04-12T18:09:00"
        ),
        "Yi, by event": PathCase(
            path="hall/2022Y04M12D18H/E109M05S55.mp4", camera="hall", start="2022-04-12T18:09:05"
        ),
        "Xiaomi": PathCase(
            path="hall/2024013116/15M30S_1706688930.mp4", camera="hall", start=noon, zone=BERLIN
        ),
        "Dahua": PathCase(path=f"hall/{DAHUA}", camera="hall_001", start="2024-01-31T08:00:00"),
        "Dahua's download": PathCase(
            path="NVR_ch2_main_20240131081530_20240131083000.dav", camera="nvr_ch2_main", start=noon
        ),
        "Hikvision": PathCase(
            path="192.168.1.64_01_20240131081530123_MOTION_DETECTION.mp4",
            camera="192_168_1_64_01",
            start=noon,
        ),
        "Reolink by FTP": PathCase(
            path="2024/01/31/Balcony_00_20240131081530.mp4", camera="balcony_00", start=noon
        ),
        "Reolink's card": PathCase(
            path="hall/Mp4Record/2024-01-31/RecM01_20240131_081530_081600_6D28808_1A468F9.mp4",
            camera="hall",
            start=noon,
        ),
        "Reolink says that it is summer": PathCase(
            path="hall/Mp4Record/2024-10-27/RecM02_DST20240427_101530_101600_6D28808_1A46.mp4",
            camera="hall",
            start="2024-04-27T08:15:30",
            zone=BERLIN,
        ),
        "UniFi": PathCase(
            path="Front Door - 1-31-2024, 8.15.30am.mp4", camera="front_door", start=noon
        ),
        "UniFi, in the evening": PathCase(
            path="Front Door - 1-31-2024, 12.15.30pm.mp4",
            camera="front_door",
            start="2024-01-31T12:15:30",
        ),
        "UniFi, with a zone": PathCase(
            path="Hall 01-31-2024, 10.15.30 GMT+2 - 01-31-2024, 10.20.00 GMT+2.mp4",
            camera="hall",
            start=noon,
        ),
        "UniFi's backup": PathCase(
            path="Hall/2024-01-31/2024-01-31T08-15-30 motion.mp4", camera="hall", start=noon
        ),
        "UniFi's archiver": PathCase(
            path="2024/01/31/Hall/Hall - 2024-01-31 - 10.15.30+0200.mp4", camera="hall", start=noon
        ),
        "Synology": PathCase(
            path="hall/20240131AM/hall-20240131-091530-1706688930.mp4", camera="hall", start=noon
        ),
        "motion": PathCase(path="hall/03-20240131081530.mkv", camera="hall", start=noon),
        "motionEye": PathCase(path="hall/2024-01-31/08-15-30.mp4", camera="hall", start=noon),
        "Blue Iris": PathCase(path="Hall.20240131_081530.mp4", camera="hall", start=noon),
        "MediaMTX": PathCase(path="hall/2024-01-31_08-15-30-123456.mp4", camera="hall", start=noon),
        "Wyze": PathCase(
            path="hall/20240131/08/15.mp4", camera="hall", start="2024-01-31T08:15:00"
        ),
        "folders of days": PathCase(path="hall/2024/01/31/08/15-30.mp4", camera="hall", start=noon),
        "folders of hours and minutes": PathCase(
            path="hall/2024/01/31/08/15/30.mp4", camera="hall", start=noon
        ),
        "a folder of the day above that of the camera": PathCase(
            path="2024-01-31/hall/081530.mp4", camera="hall", start=noon
        ),
        "a day alone tells no time": PathCase(
            path="hall/2024-01-31/part.mp4", camera="hall", start=""
        ),
        "an hour that disagrees with its folder": PathCase(
            path="hall/2024-01-31/09/08-15-30.mp4", camera="hall", start=""
        ),
        "an offset": PathCase(path="hall_2024-01-31T10:15:30+02:00.mp4", camera="hall", start=noon),
        "an offset goes before the zone": PathCase(
            path="hall_20240131_101530+0200.mp4", camera="hall", start=noon, zone="Asia/Tokyo"
        ),
        "an offset of half an hour": PathCase(
            path="hall_2024-01-31T13-45-30+05-30.mp4", camera="hall", start=noon
        ),
        "an offset to the west": PathCase(
            path="hall_20240131T031530-0500.mp4", camera="hall", start=noon
        ),
        "Z goes before the zone": PathCase(
            path="hall_20240131T081530Z.mp4", camera="hall", start=noon, zone=BERLIN
        ),
        "winter in a zone": PathCase(
            path="hall_20240131_091530.mp4", camera="hall", start=noon, zone=BERLIN
        ),
        "summer in a zone": PathCase(
            path="hall_20240731_101530.mp4",
            camera="hall",
            start="2024-07-31T08:15:30",
            zone=BERLIN,
        ),
        "the hour that is left out in spring": PathCase(
            path="hall_20240331_023000.mp4",
            camera="hall",
            start="2024-03-31T01:30:00",
            zone=BERLIN,
        ),
        "a pattern of the settings": PathCase(
            path="B7/hall/31.01.24_081530_x.mp4",
            camera="hall",
            start="",
            patterns=(r"/(?P<camera>[^/]+)/[^/]+$",),
        ),
        "a pattern with all of a start": PathCase(
            path="day31of01in2024/hall at 08h15.mp4",
            camera="hall",
            start="2024-01-31T08:15:00",
            patterns=(
                r"day(?P<day>\d+)of(?P<month>\d+)in(?P<year>\d+)/(?P<camera>\w+) at "
                r"(?P<hour>\d+)h(?P<minute>\d+)",
            ),
        ),
        "a pattern with the time since 1970": PathCase(
            path="hall/x1706688930y.mp4",
            camera="hall",
            start=noon,
            patterns=(r"x(?P<epoch>\d+)y",),
            zone=BERLIN,
        ),
        "a pattern with milliseconds since 1970": PathCase(
            path="hall/x1706688930000y.mp4",
            camera="hall",
            start=noon,
            patterns=(r"x(?P<epoch>\d+)y",),
        ),
        "a pattern that matches nothing leaves the layouts": PathCase(
            path="2024-01-31/08/hall/15.30.mp4",
            camera="hall",
            start=noon,
            patterns=(r"nowhere/(?P<camera>x)",),
        ),
    }
