"""A timeline over ten million hits: `python -m tests.bench.trigger_timeline [DIR] [hits]`.

Twenty cameras record for 31 days in files of an hour; twenty triggers fire in them. Prints how long
the catalog took to fill, then the milliseconds (median and worst of several) in which the pages get
their data: a week and a month of all lanes of all cameras, a day of one camera, and an hour with
every hit and its reason. What is timed is the whole request but the network: query, lanes, JSON.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from oneclick import report
from oneclick.catalog import Catalog, counters
from oneclick.report import trigger_lanes
from oneclick.web.timeline import documents

CAMERAS, DAYS, TRIGGERS, FPS = 20, 31, 20, 10.0
START = datetime(2026, 3, 1, tzinfo=UTC)
ROUNDS = 9
DAY = 86_400
_FRAMES = int(3600 * FPS)
_VIDEOS = """
WITH RECURSIVE
    hour(h) AS (VALUES (0) UNION ALL SELECT h + 1 FROM hour WHERE h + 1 < :hours),
    camera(c) AS (VALUES (0) UNION ALL SELECT c + 1 FROM camera WHERE c + 1 < :cameras)
INSERT INTO videos
    (id, camera, started_at, ended_at, added_at, fps, frames, width, height, digest, suffix)
SELECT printf('cam%02d-%05d', c, h), printf('cam%02d', c),
    strftime('%Y-%m-%d %H:%M:%S.000000', :start + 3600 * h, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S.000000', :start + 3600 * (h + 1), 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S.000000', :start + 3600 * (h + 1), 'unixepoch'),
    :fps, :frames, 640, 480, printf('%064d', c * 100000 + h), '.mkv'
FROM hour, camera
"""
_NUMBERS = """
CREATE TEMP TABLE numbers AS
WITH RECURSIVE number(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :each)
SELECT n, n * (:frames - 40) / :each + n * n * 31 % 30 AS at FROM number
"""
_HITS = """
INSERT INTO hits (video, key, trigger, start, stop, score, boxes, why)
SELECT v.id, 'look', names.name, numbers.at, numbers.at + 5, 0.5, '[]',
    'the box is gone for 3 frames'
FROM videos AS v CROSS JOIN numbers CROSS JOIN names
WHERE names.number = (numbers.n * 7 + v.rowid) % :triggers
"""
_MARKS = """
INSERT INTO video_marks (video, step, key, at) SELECT id, 'trigger', 'look', added_at FROM videos
"""
_HIT_COUNTERS = """
INSERT INTO counters (kind, size, start, who, what, value)
SELECT 'hit', 900, CAST(strftime('%s', v.started_at) AS INTEGER) + of.quarter, v.camera,
    names.name, of.hits
FROM videos AS v CROSS JOIN (
    SELECT n * 7 % :triggers AS residue, at / :fps / 900 * 900 AS quarter, count(*) AS hits
    FROM numbers GROUP BY 1, 2
) AS of CROSS JOIN names
WHERE names.number = (of.residue + v.rowid) % :triggers
"""
_MERGED = """
INSERT INTO counters (kind, size, start, who, what, value)
SELECT :kind, :size, start - start % :size, who, what, sum(value) FROM counters
WHERE kind = :kind AND size = 900 GROUP BY 3, 4, 5
"""


def fill(home: Path, hits: int, cameras: int = CAMERAS, days: int = DAYS) -> None:
    """Fill a new catalog with recordings and hits, in bulk, and with their counters."""
    Catalog.open(home).close()
    raw = sqlite3.connect(home / "catalog.sqlite", isolation_level=None)
    for pragma in ("synchronous = OFF", "cache_size = -400000", "temp_store = MEMORY"):
        raw.execute(f"PRAGMA {pragma}")
    hours = 24 * days
    values = {
        "hours": hours,
        "cameras": cameras,
        "start": int(START.timestamp()),
        "fps": int(FPS),
        "frames": _FRAMES,
        "each": hits // (hours * cameras),
        "triggers": TRIGGERS,
    }
    raw.execute("BEGIN")
    raw.execute(_VIDEOS, values)
    raw.execute(_NUMBERS, values)
    raw.execute("CREATE TEMP TABLE names (number INTEGER PRIMARY KEY, name TEXT)")
    names = [(number, f"trigger{number:02d}") for number in range(TRIGGERS)]
    raw.executemany("INSERT INTO names VALUES (?, ?)", names)
    indexes = ("hits_of_video", "hits_of_trigger")
    statements = [
        raw.execute("SELECT sql FROM sqlite_master WHERE name = ?", [name]).fetchone()[0]
        for name in indexes
    ]
    for name in indexes:
        raw.execute(f"DROP INDEX {name}")
    raw.execute(_HITS, values)
    for statement in statements:
        raw.execute(statement)
    raw.execute(_MARKS)
    raw.execute(_HIT_COUNTERS, values)
    count_in_bulk(raw)
    raw.execute("COMMIT")
    raw.execute("ANALYZE")
    raw.close()


def count_in_bulk(raw: sqlite3.Connection) -> None:
    """Fill the counters of the timeline from those of hits by the quarter of an hour."""
    for kind in (counters.RECORDED, counters.SCANNED):
        raw.execute(
            "WITH quarter(q) AS (VALUES (0), (900), (1800), (2700)) "
            "INSERT INTO counters SELECT ?, 900, "
            "CAST(strftime('%s', started_at) AS INTEGER) + q, camera, '', 900.0 "
            "FROM videos, quarter",
            [kind],
        )
    for kind in (counters.HIT, counters.RECORDED, counters.SCANNED):
        for size in (counters.HOUR, counters.SHIFT):
            raw.execute(_MERGED, {"kind": kind, "size": size})
        raw.execute(
            "INSERT INTO counters SELECT kind, 0, 0, who, what, sum(value) FROM counters "
            "WHERE kind = ? AND size = ? GROUP BY who, what",
            [kind, counters.SHIFT],
        )


def measure(name: str, limit: float | None, request: Callable[[], bytes]) -> bool:
    """Print how long a request takes; return whether the median is within the limit, in ms."""
    request()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        size = len(request())
        times.append((time.perf_counter() - start) * 1000)
    median = statistics.median(times)
    target = f"limit {limit:.0f}" if limit else ""
    print(f"{name:42}{median:8.1f}{max(times):8.1f} ms {size / 1000:8.0f} kB  {target}")
    return limit is None or median < limit


def main() -> None:
    """Fill a catalog, unless it is there, and print the times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("hits", type=int, nargs="?", default=10_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = arguments.folder or Path(temporary)
        if not (home / "catalog.sqlite").exists():
            home.mkdir(parents=True, exist_ok=True)
            start = time.perf_counter()
            fill(home, arguments.hits)
            print(f"filled in {time.perf_counter() - start:.0f} s")
        with Catalog.open(home) as catalog:
            number = sum(catalog.hit_counts().values())
            print(f"{number:,} hits; median, worst of {ROUNDS}")
            run(home, catalog)


def run(home: Path, catalog: Catalog) -> None:
    """Print the times of all windows."""
    first = START.timestamp()

    def lanes(start: float, seconds: float, *cameras: str) -> Callable[[], bytes]:
        def request() -> bytes:
            shown = trigger_lanes.trigger_lanes(catalog, start, start + seconds, cameras or None)
            return documents.encode_lanes(shown)

        return request

    week = timedelta(days=7)
    results = [
        measure("a week, 20 cameras x 20 triggers", 200, lanes(first + 9.3 * DAY, 7 * DAY)),
        measure("a month, 20 cameras x 20 triggers", 500, lanes(first, DAYS * DAY)),
        measure("a day, 20 cameras x 20 triggers", None, lanes(first + 9.3 * DAY, DAY)),
        measure("a week of one camera", None, lanes(first + 9.3 * DAY, 7 * DAY, "cam07")),
        measure("a day of one camera", None, lanes(first + 9.3 * DAY, DAY, "cam07")),
        measure(
            "an hour of one camera, hits and reasons",
            None,
            lanes(first + 9.31 * DAY, 3600, "cam07"),
        ),
        measure(
            "the strip of the command line, a week",
            None,
            lambda: repr(report.hit_timeline(home, START + week, START + 2 * week)).encode(),
        ),
    ]
    if not all(results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
