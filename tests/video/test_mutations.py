"""Damaged videos give true frames, or a line: never a wrong frame without a word."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from oneclick import video
from oneclick.core.errors import BadVideo
from oneclick.core.spans import Span
from oneclick.video.index import read_index
from tests.corpus import video_mutations
from tests.corpus.video_frames import Recorder, read_number, record

HASHED = {"preset": "ultrafast", "x265-params": "log-level=error:hash=1"}
RECORDERS = {
    "a.mp4": Recorder(count=60, group=12, b_frames=2),
    "b.mp4": Recorder(count=60, group=12),
    "c.ts": Recorder(count=60, group=12),
    "d.ts": Recorder(count=60, group=12, b_frames=2),
    "e.mkv": Recorder(count=60, group=12, b_frames=1),
    "f.mp4": Recorder(codec="libx265", count=60, group=12, b_frames=2),
    "g.ts": Recorder(codec="libx265", count=60, group=12),
    "h.mkv": Recorder(codec="libx265", count=60, group=12, b_frames=2, options=HASHED),
}
"""Videos in codecs that number their pictures."""
UNTOLD = ("flip_bytes", "spoil_header", "spoil_patch")
"""Damage that HEVC's decoder makes up for without a word, unless its pictures have checksums."""
FIRST_TRIALS, ALL_TRIALS, LONGEST_SECONDS = 28, 2000, 10.0
TOLD = "faults throughout|turned|mirrored|pixels of|are made up|the size of pictures changes"
"""What is said of a video whose pictures cannot be trusted, or are not where they were."""
KEEPING_STAMPS = ("cut_off", "drop_packets")
"""Mutations after which a frame's time still tells its number."""


@dataclass(frozen=True)
class Trial:
    """One damage of one video."""

    name: str
    mutation: video_mutations.Mutation
    seed: int

    def build(self, folder: Path) -> Path | None:
        """Write the damaged video; None where the container refuses to hold it."""
        whole = folder / self.name
        if not whole.exists():
            record(whole, RECORDERS[self.name])
        damaged = folder / f"damaged{whole.suffix}"
        try:
            self.mutation(whole, damaged, np.random.default_rng(self.seed))
        except (ValueError, OSError):
            return None
        return damaged

    def faults(self, path: Path, clip: Path) -> list[str]:
        """Return what is wrong, without a word, with the clips cut from a damaged video."""
        faults = self.wrong_clips(path, clip)
        return [] if faults and is_told(path) else faults

    def wrong_clips(self, path: Path, clip: Path) -> list[str]:
        """Return what is wrong with the clips that are cut from a damaged video."""
        try:
            info = video.probe(path)
            seconds = read_index(path).seconds
        except BadVideo:
            return []
        faults = []
        for start in range(0, info.frames, 13):
            span = Span(start, min(start + 13, info.frames))
            try:
                video.cut(path, span, clip, 25)
            except BadVideo:
                continue
            numbers = [read_number(image) for image in video.frames(clip)]
            steps = np.round((seconds[start : span.stop] - seconds[start]) * 25)
            if self.mutation.__name__ in KEEPING_STAMPS:
                is_right = numbers == [numbers[0] + int(step) for step in steps]
            else:
                is_right = numbers == sorted(set(numbers))
            if -1 in numbers or not is_right:
                faults.append(f"{self}: {span} shows {numbers}")
        return faults


def is_told(path: Path) -> bool:
    """Check whether a note says that pictures cannot be trusted."""
    return bool(re.search(TOLD, " ".join(video.probe(path).notes)))


def tells_changed_bytes(recorder: Recorder) -> bool:
    """Check whether bytes that change within a picture are noticed."""
    return recorder.codec != "libx265" or recorder.options == HASHED


def trials(count: int, first: int = 0) -> list[Trial]:
    """Return trials over all videos and mutations in turn, from a seed on."""
    kinds = [
        (name, mutation)
        for mutation in video_mutations.MUTATIONS
        for name in RECORDERS
        if (mutation is not video_mutations.shift_stamps or name.endswith(".ts"))
        and (mutation.__name__ not in UNTOLD or tells_changed_bytes(RECORDERS[name]))
    ]
    return [Trial(*kinds[k * 37 % len(kinds)], k) for k in range(first, first + count)]


def campaign(folder: Path, count: int) -> None:
    """Check that no trial shows a wrong frame without a word, takes long or fails otherwise."""
    wrong, slow, outcomes = list[str](), list[str](), Counter[str]()
    for trial in trials(count):
        path = trial.build(folder)
        if path is None:
            outcomes["not built"] += 1
            continue
        before = time.process_time()
        wrong += trial.faults(path, folder / "clip.mp4")[:1]
        if time.process_time() - before > LONGEST_SECONDS:
            slow.append(f"{trial} takes longer than {LONGEST_SECONDS:g} s")
        outcomes["tried"] += 1
    assert not wrong, "\n".join(wrong)
    assert not slow
    assert outcomes["tried"] > 0.9 * count, outcomes


def test_damage_shows_no_wrong_frame(tmp_path: Path) -> None:
    campaign(tmp_path, FIRST_TRIALS)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_thousand_damages_show_no_wrong_frame_without_a_word(tmp_path: Path) -> None:
    campaign(tmp_path, ALL_TRIALS)


ONCE_WRONG = (
    ("e.mkv", video_mutations.drop_packets, 95),
    ("e.mkv", video_mutations.drop_packets, 583),
    ("c.ts", video_mutations.drop_packets, 456),
    ("d.ts", video_mutations.drop_packets, 3112),
    ("d.ts", video_mutations.drop_packets, 4637),
    ("d.ts", video_mutations.flip_bytes, 709),
    ("a.mp4", video_mutations.spoil_patch, 2943),
    ("d.ts", video_mutations.spoil_patch, 1456),
    ("g.ts", video_mutations.remove_patch, 1590),
    ("d.ts", video_mutations.remove_patch, 2955),
)
"""Damage that once showed wrong frames without a word."""


@pytest.mark.parametrize(
    ("name", "mutation", "seed"), ONCE_WRONG, ids=lambda value: getattr(value, "__name__", value)
)
def test_damage_that_was_once_missed_is_noticed(
    name: str, mutation: video_mutations.Mutation, seed: int, tmp_path: Path
) -> None:
    trial = Trial(name, mutation, seed)
    path = trial.build(tmp_path)
    assert path
    assert not trial.faults(path, tmp_path / "clip.mp4")
