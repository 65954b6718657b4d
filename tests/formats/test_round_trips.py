"""Labels through each pair of formats: exported as one, read, exported as the other, read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from oneclick import formats
from oneclick.formats import ExportClip, ImportedSequence
from tests.formats import exports, samples
from tests.formats.exports import BoxRow

NO_TRACKS = {"yolo"}
"""Formats that describe single pictures."""
NO_RATE = {"yolo", "cvat", "fiftyone"}
"""Formats in which only the video has a frame rate; here pictures stand in its place."""
CLIP_OF_LENGTH = {length: clip for clip, length in exports.FRAMES.items()}
Sequences = dict[str, tuple[str, ImportedSequence]]
"""Split and sequence by clip."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exports.draw_frames(tmp_path_factory.mktemp("pictures") / "frames")


@pytest.fixture(scope="module")
def first_leg(
    pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Sequences]:
    """Return what a format makes of the dataset; each is written once."""
    sequences: dict[str, Sequences] = {}

    def read_once(name: str) -> Sequences:
        if name not in sequences:
            root = tmp_path_factory.mktemp(name) / "data"
            exports.export(root, name, pictures)
            for clip, split in exports.SPLITS.items():
                add_film(root, name, clip, split, pictures)
            sequences[name] = read(root, name)
        return sequences[name]

    return read_once


def add_film(root: Path, name: str, clip: str, split: str, pictures: Path) -> None:
    """Put the pictures of a clip where a format has its video."""
    if name in samples.FILMS:
        folder = root / split / samples.FILMS[name] / clip
        folder.mkdir(parents=True)
        for k in range(exports.FRAMES[clip]):
            shutil.copy(pictures / f"{k:06d}.jpg", folder)


def read(root: Path, name: str) -> Sequences:
    """Read a dataset; clips are known by their lengths, whatever a format calls them."""
    failed: dict[str, str] = {}
    sources = formats.get(name).find(root, exports.CLASSES, failed)
    sequences = [(source.split, source.load("h")) for source in sources]
    assert failed == {}
    return {
        CLIP_OF_LENGTH[len(sequence.images)]: (split, sequence) for split, sequence in sequences
    }


def rows(sequences: Sequences, has_tracks: bool) -> list[BoxRow]:
    """Return the boxes of a dataset."""
    return [
        BoxRow(
            split=split,
            clip=clip,
            frame=frame,
            cls=track.cls,
            box=(box[0], box[1], box[2], box[3]),
            track=track.id if has_tracks else None,
        )
        for clip, (split, sequence) in sequences.items()
        for track in sequence.tracks
        for frame, box in zip(track.frames.tolist(), track.boxes.tolist(), strict=True)
    ]


@pytest.mark.parametrize("second", formats.names())
@pytest.mark.parametrize("first", formats.names())
def test_labels_come_through_two_formats_as_they_went(
    first: str, second: str, first_leg: Callable[[str], Sequences], pictures: Path, tmp_path: Path
) -> None:
    before = first_leg(first)
    writer = formats.get(second).writer(tmp_path, exports.CLASSES)
    for clip, split in exports.SPLITS.items():
        assert before[clip][0] == split
        sequence = before[clip][1]
        labels = replace(exports.label_set(clip), tracks=sequence.tracks)
        fps = sequence.fps or exports.FPS[clip]
        writer.add(ExportClip(name=clip, split=split, fps=fps, labels=labels, frames=pictures))
        add_film(tmp_path, second, clip, split, pictures)
    writer.close()
    after = read(tmp_path, second)
    has_tracks = not NO_TRACKS & {first, second}
    exports.assert_same(rows(after, has_tracks), exports.expected_rows())
    if not NO_RATE & {first, second}:
        assert {clip: sequence.fps for clip, (_, sequence) in after.items()} == exports.FPS
