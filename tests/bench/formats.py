"""COCO export of ever more clips: time, and memory that must not grow with them.

    python tests/bench/formats.py [--clips 1000 10000] [--frames 30] [--tracks 4]

The clips of a generated manifest share one label file, linked under every name; pictures are left
out, as links say nothing about memory. Every size runs in a process of its own. For comparison, the
file is then opened as COCO readers open it, which is what one big file costs each data worker.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from oneclick.core.datasets import DatasetClip
from oneclick.core.labels import LabelSet, LabelTrack, Ranges
from oneclick.storage import datasets, files, labels
from oneclick.storage.workspace import Workspace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "v0001-bench"


def label_set(frames: int, tracks: int) -> LabelSet:
    """Objects that walk through the whole clip."""
    rows = np.arange(frames, dtype=np.int32)
    parts = []
    for number in range(tracks):
        lefts = rows[:, None] * np.float32(1.7) + np.float32(40 * number)
        boxes = np.hstack([lefts, lefts * 0 + 50, lefts + 60.5, lefts * 0 + 230]).astype(np.float32)
        scores = np.full(frames, 0.875, np.float32)
        attributes: dict[str, Ranges] = {"posture": ((0, frames, "standing"),)}
        parts.append(
            LabelTrack(
                id=number,
                cls="person",
                frames=rows,
                boxes=boxes,
                scores=scores,
                origins="u" * frames,
                keyframes=(0, frames - 1),
                attributes=attributes,
            )
        )
    return LabelSet(
        clip="bench",
        revision=1,
        kind="auto",
        parent=None,
        made_by="x",
        made_at=NOW,
        frames=frames,
        width=1280,
        height=720,
        classes=("person",),
        tracks=tuple(parts),
    )


def furnish(home: Path, clips: int, label_set: LabelSet) -> None:
    """A version of so many clips, written line by line."""
    content = labels.encode(label_set)
    digest, zero = hashlib.sha256(content).hexdigest(), "0" * 64
    common = home / "labels.json"
    files.write_atomic(common, content)
    folder, sha = Workspace(home).dataset_dir(NAME), hashlib.sha256()
    folder.mkdir(parents=True)
    with (folder / datasets.MANIFEST).open("wb") as manifest:
        for number in range(clips):
            clip = f"cam-{number:08d}"
            place = home / "training-server/clips" / clip
            place.mkdir(parents=True)
            os.link(common, place / datasets.labels_name(1))
            line = DatasetClip(
                clip=clip,
                camera="cam",
                revision=1,
                label_digest=digest,
                clip_digest=zero,
                split="train",
                frames=label_set.frames,
                width=1280,
                height=720,
                fps=10.0,
                origins=label_set.counts(),
                chosen_by="trigger",
            )
            row = msgspec.json.encode(line) + b"\n"
            sha.update(row)
            manifest.write(row)
    header = {"name": NAME, "digest": sha.hexdigest(), "parent": None, "classes": ["person"]}
    files.write_json(folder / datasets.VERSION, header | {"made_at": NOW})


def export(home: Path) -> None:
    """In a process of its own: seconds and MB of peak memory above the start."""
    from oneclick.stages import export as stage

    before, start = _peak(), time.perf_counter()
    stage.export(home, home / "out", "coco", images=False)
    print(f"{time.perf_counter() - start:.2f} {_peak() - before:.1f} {_peak():.0f}")


def load(home: Path) -> None:
    """The same numbers for opening the file as a COCO dataset."""
    from faster_coco_eval import COCO

    before, start = _peak(), time.perf_counter()
    COCO(str(home / "out/train/annotations.json"))
    print(f"{time.perf_counter() - start:.2f} {_peak() - before:.1f} {_peak():.0f}")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(task: str, home: Path) -> list[float]:
    command = [sys.executable, __file__, f"--{task}", str(home)]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(cell) for cell in process.stdout.splitlines()[-1].split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--tracks", type=int, default=4)
    parser.add_argument("--export", type=Path)
    parser.add_argument("--load", type=Path)
    options = parser.parse_args()
    for task, home in ((export, options.export), (load, options.load)):
        if home:
            task(home)
            return
    clip_labels = label_set(options.frames, options.tracks)
    print("clips    boxes      file MB | export s  boxes/s  grew MB  peak MB | COCO() s  grew MB")
    for clips in options.clips:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            furnish(home, clips, clip_labels)
            seconds, grew, peak = _apart("export", home)
            size = (home / "out/train/annotations.json").stat().st_size / 1e6
            opened, memory, _ = _apart("load", home)
            boxes = clips * clip_labels.boxes()
            print(
                f"{clips:6d} {boxes:9d} {size:10.0f} | {seconds:8.2f} {boxes / seconds:8,.0f} "
                f"{grew:8.1f} {peak:8.0f} | {opened:8.2f} {memory:8.0f}"
            )


if __name__ == "__main__":
    main()
