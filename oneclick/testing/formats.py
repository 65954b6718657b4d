"""What every export format must do."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelTrack
from oneclick.formats import ExchangeFormat, ExportClip, ImportedSequence
from oneclick.testing import samples

CLASSES = ("person", "wheelchair & rail")


class FormatContract:
    """Tests of a format; set `format` to its ExchangeFormat."""

    format: ClassVar[ExchangeFormat]

    @pytest.fixture
    def images(self, tmp_path: Path) -> Path:
        """Return a folder of pictures as a clip has it: 000000.jpg and so on."""
        folder = tmp_path / "frames"
        folder.mkdir()
        for number in range(samples.FRAMES):
            picture = np.full((samples.HEIGHT, samples.WIDTH, 3), 10 * number, np.uint8)
            cv2.imwrite(str(folder / f"{number:06d}.jpg"), picture)
        return folder

    @pytest.fixture
    def clip(self, images: Path, tmp_path: Path) -> ExportClip:
        """Return a clip with two tracks, its pictures and its video."""
        clip, video = samples.clip(), tmp_path / "clip.mp4"
        samples.film(video)
        return ExportClip(
            name=clip.id,
            split="train",
            fps=clip.fps,
            labels=samples.auto_labels(clip, samples.track(1), samples.track(2, 20.0, "h")),
            frames=images,
            video=video if self.format.video else None,
        )

    def write(self, root: Path, *clips: ExportClip) -> None:
        """Write a dataset of these clips into a new folder, as an export does."""
        root.mkdir()
        writer = self.format.writer(root, CLASSES)
        for clip in clips:
            writer.add(clip)
        writer.close()

    def read(self, root: Path) -> list[ImportedSequence]:
        """Read every sequence of a dataset; none may fail."""
        failed: dict[str, str] = {}
        sources = self.format.find(root, CLASSES, failed)
        assert failed == {}
        return [source.load("d") for source in sources]

    def test_boxes_come_back_as_they_went(self, clip: ExportClip, tmp_path: Path) -> None:
        """Check that every box of every frame survives within half a pixel."""
        self.write(tmp_path / "out", clip)
        (sequence,) = self.read(tmp_path / "out")
        assert (sequence.width, sequence.height) == (samples.WIDTH, samples.HEIGHT)
        before, after = (_boxes(tracks) for tracks in (clip.labels.tracks, sequence.tracks))
        assert before.shape == after.shape
        assert np.abs(before - after).max() < 0.5

    def test_the_same_clip_gives_the_same_bytes(self, clip: ExportClip, tmp_path: Path) -> None:
        """Check that an export can be compared and repeated: no clock, no chance."""
        for name in ("one", "two"):
            self.write(tmp_path / name, clip)
        one, two = (_contents(tmp_path / name) for name in ("one", "two"))
        assert one == two
        assert one

    def test_a_dataset_without_a_clip_is_whole(self, tmp_path: Path) -> None:
        """Check that `close` alone leaves nothing broken behind."""
        self.write(tmp_path / "out")
        with contextlib.suppress(BadInput):
            assert self.read(tmp_path / "out") == []

    def test_a_folder_of_something_else_is_refused_in_one_line(self, tmp_path: Path) -> None:
        """Check that what is no dataset of this format is BadInput."""
        other = tmp_path / "other"
        other.mkdir()
        (other / "notes.bin").write_bytes(bytes(range(256)))
        with pytest.raises(BadInput) as refusal:
            self.format.find(other, CLASSES, {})
        assert "\n" not in str(refusal.value)


def _boxes(tracks: tuple[LabelTrack, ...]) -> NDArray[np.float64]:
    """Return rows frame, x1, y1, x2, y2 in order: ids may change on the way."""
    rows = [
        (frame, *box)
        for track in tracks
        for frame, box in zip(track.frames.tolist(), track.boxes.tolist(), strict=True)
    ]
    return np.array(sorted(rows), np.float64).reshape(-1, 5)


def _contents(root: Path) -> dict[str, bytes]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}
