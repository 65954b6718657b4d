"""A catalog as large as years of use make it: its rows only, without the files they index."""

from __future__ import annotations

import argparse
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from oneclick.catalog import Catalog, recount
from oneclick.core.clips import ChosenBy, ClipStage
from oneclick.triggers import registry

CAMERAS, DAYS, FPS = 12, 30, 10.0
FRAMES = int(3600 * FPS)
STREET = (
    ClipStage.CUT,
    ClipStage.EXTRACTED,
    ClipStage.LABELLED,
    ClipStage.IN_REVIEW,
    ClipStage.ACCEPTED,
    ClipStage.PUBLISHED,
)
PEOPLE = ("anna", "bo", "cleo")
BATCH = 100_000


def text(at: datetime) -> str:
    """A time as SQLite keeps it."""
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"


def videos(end: datetime) -> list[tuple[str, str, datetime]]:
    """(id, camera, start) of an hour each, up to `end`."""
    first = end.replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    return [
        (f"cam{camera:02d}-{hour:04d}", f"cam{camera:02d}", first + timedelta(hours=hour))
        for hour in range(DAYS * 24)
        for camera in range(CAMERAS)
    ]


def hit_rows(names: list[str], number: int, seed: int) -> Iterator[tuple[object, ...]]:
    """Hits spread over all recordings; some triggers fire far more often than others."""
    triggers, random = list(registry()), np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, len(triggers) + 1)
    each = random.multinomial(number, np.full(len(names), 1 / len(names)))
    for name, count in zip(names, each.tolist(), strict=True):
        which = random.choice(len(triggers), count, p=weights / weights.sum())
        starts = np.sort(random.integers(0, FRAMES - 10, count))
        for trigger, start in zip(which.tolist(), starts.tolist(), strict=True):
            yield name, "look", triggers[trigger], start, start + 5, 0.5, "[]", "made up"


def clip_rows(
    video_rows: list[tuple[str, str, datetime]], number: int
) -> Iterator[tuple[object, ...]]:
    """Clips; the last ones are on their way, the others are published."""
    for k in range(number):
        video, camera, started = video_rows[k * len(video_rows) // number]
        stage = STREET[-1] if k < number - 3000 else STREET[k % len(STREET)]
        stage = ClipStage.QUARANTINED if k >= number - 12 else stage
        start, at = k % (FRAMES - 60), text(started + timedelta(hours=1, seconds=k % 3600))
        hits = (
            '[{"trigger":"flicker","span":{"start":1,"stop":4},"score":0.5,"boxes":[],"why":"x"}]'
        )
        error = "the video ends early" if stage is ClipStage.QUARANTINED else ""
        size = (start, start + 30, FPS, 640, 480)
        selection = (ChosenBy.TRIGGER.value, hits, "train", "0" * 64, "flicker", 0.0)
        name = f"{camera}-{k:08d}"
        yield name, camera, video, *size, *selection, stage.value, 1, error, "CUT", 0, at, at


def event_rows(
    video_rows: list[tuple[str, str, datetime]], number: int
) -> Iterator[tuple[object, ...]]:
    """Every move of every clip."""
    for row in clip_rows(video_rows, number):
        name, stage, at = row[0], row[14], row[19]
        street: list[str | None] = [None, *(s.value for s in STREET)]
        if stage == ClipStage.QUARANTINED:
            street = [None, "CUT", "QUARANTINED"]
        for old, new in pairwise(street):
            yield name, at, old, new, "bench", ""
            if new == stage:
                break


def verdict_rows(names: list[str], number: int, end: datetime) -> Iterator[tuple[object, ...]]:
    """Decisions of three annotators, evenly over the time, the last ones just now."""
    step = timedelta(days=DAYS) / number
    for k in range(number):
        at = text(end - step * (number - k))
        yield names[k % len(names)], at, PEOPLE[k % 3], "accept", 12.0, 3, 30, ""


def make(home: Path, clips: int, hits: int, verdicts: int) -> None:
    """Fill a new catalog in `home`."""
    end = datetime.now(UTC)
    Catalog.open(home).close()
    video_rows = videos(end)
    raw = sqlite3.connect(home / "catalog.sqlite", isolation_level=None)
    raw.execute("PRAGMA synchronous = OFF")
    raw.execute("PRAGMA cache_size = -1000000")
    names = [video for video, _, _ in video_rows]
    clip_names = [str(row[0]) for row in clip_rows(video_rows, clips)]
    recorded = (
        (v, c, text(at), FPS, FRAMES, 640, 480, v, ".mp4", text(at)) for v, c, at in video_rows
    )
    columns = (
        "camera,video,start,stop,fps,width,height,chosen_by,hits,split,digest,led_by,stands_for"
    )
    state = "stage,revision,error,failed_from,attempts,created_at,moved_at"
    _insert(
        raw,
        "videos",
        "id,camera,started_at,fps,frames,width,height,digest,suffix,added_at",
        recorded,
    )
    _insert(raw, "hits", "video,key,trigger,start,stop,score,boxes,why", hit_rows(names, hits, 0))
    _insert(raw, "clips", f"id,{columns},{state}", clip_rows(video_rows, clips))
    _insert(raw, "clip_events", "clip,at,old,new,by,detail", event_rows(video_rows, clips))
    _insert(
        raw,
        "verdicts",
        "clip,at,by,decision,seconds,edits,images,reason",
        verdict_rows(clip_names, verdicts, end),
    )
    raw.close()
    with Catalog.open(home) as catalog, catalog.transaction() as connection:
        recount.refill(connection)
        connection.exec_driver_sql("ANALYZE")


def _insert(
    raw: sqlite3.Connection, table: str, names: str, rows: Iterator[tuple[object, ...]]
) -> None:
    quoted = [f'"{name}"' for name in names.split(",")]
    query = f"INSERT INTO {table} ({','.join(quoted)}) VALUES ({','.join('?' * len(quoted))})"
    begin = time.perf_counter()
    raw.execute("BEGIN")
    while batch := list(islice(rows, BATCH)):
        raw.executemany(query, batch)
    raw.execute("COMMIT")
    print(f"{table}: {time.perf_counter() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--clips", type=int, default=200_000)
    parser.add_argument("--hits", type=int, default=10_000_000)
    parser.add_argument("--verdicts", type=int, default=1_000_000)
    args = parser.parse_args()
    make(args.home, args.clips, args.hits, args.verdicts)
