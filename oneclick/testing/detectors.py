"""What every detector must do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from oneclick import detectors
from oneclick.detectors import Detector
from oneclick.testing import samples

PICTURES: dict[str, NDArray[np.uint8]] = {
    "black": np.zeros((120, 160, 3), np.uint8),
    "white": np.full((120, 160, 3), 255, np.uint8),
    "noise": samples.noise(),
    "tiny": samples.noise(8, 6),
    "one pixel": samples.noise(1, 1),
    "wide": samples.noise(20, 600),
    "tall": samples.noise(600, 20),
    "a view with negative strides": samples.noise()[:, ::-1],
}


class DetectorContract:
    """Tests of a detector; override the fixture `detector` to return it, loaded and reset."""

    @pytest.fixture
    def detector(self) -> Detector:
        """Return the detector to test."""
        raise pytest.UsageError("override the fixture `detector` of DetectorContract")

    @pytest.mark.parametrize("picture", PICTURES)
    def test_boxes_are_finite_inside_the_picture_and_scored_in_0_1(
        self, detector: Detector, picture: str
    ) -> None:
        """Check shapes, types and ranges of what is found in any picture."""
        frame = PICTURES[picture]
        height, width = frame.shape[:2]
        repeats = 12 if detector.stateful else 2
        for boxes, scores, classes in detector.detect([frame] * repeats):
            dtypes = [str(column.dtype) for column in (boxes, scores, classes)]
            assert dtypes == ["float32", "float32", "int16"]
            assert boxes.shape == (len(scores), 4)
            assert classes.shape == scores.shape
            assert np.isfinite(boxes).all()
            assert (boxes >= 0).all()
            assert (boxes <= [width, height, width, height]).all()
            assert (boxes[:, 2:] > boxes[:, :2]).all()
            assert ((scores >= 0) & (scores <= 1)).all()
            assert ((classes >= 0) & (classes < len(detector.names))).all()

    def test_one_frame_at_a_time_gives_the_same_as_many_at_once(self, detector: Detector) -> None:
        """Check that batches of any size give the same boxes."""
        frames = samples.walking_block() if detector.stateful else samples.walking_block(4)
        batch = detector.detect(frames)
        detector.reset()
        singles = [detector.detect([frame])[0] for frame in frames]
        for many, one in zip(batch, singles, strict=True):
            assert [column.shape for column in many] == [column.shape for column in one]
            assert np.allclose(many[0], one[0], atol=1e-3)
            assert np.allclose(many[1], one[1], atol=1e-3)
            assert np.array_equal(many[2], one[2])

    def test_frames_are_not_changed_and_may_be_read_only(self, detector: Detector) -> None:
        """Check that frames are only read."""
        frames = samples.walking_block(2)
        before = [frame.copy() for frame in frames]
        for frame in frames:
            frame.setflags(write=False)
        detector.detect(frames)
        assert all(np.array_equal(*pair) for pair in zip(before, frames, strict=True))

    def test_no_frames_give_no_answers(self, detector: Detector) -> None:
        """Check the empty batch."""
        assert detector.detect([]) == []

    def test_an_identity_fits_into_a_path_and_the_operating_point_into_0_1(
        self, detector: Detector
    ) -> None:
        """Check `model_id`, which names files, and `threshold`."""
        assert Path(detector.model_id).name == detector.model_id
        assert detector.model_id.isprintable()
        assert not set(detector.model_id) & set('\\/:*?"<>| ')
        assert 0 < detector.threshold < 1
        assert detector.names

    def test_a_reset_makes_the_second_video_like_the_first(self, detector: Detector) -> None:
        """Check that nothing of one video is left in the next."""
        count = 14 if detector.stateful else 2
        first, second = (
            detectors.run(detector, samples.walking_block(count), count, 10.0, detector.names)
            for _ in range(2)
        )
        assert np.array_equal(first.boxes, second.boxes)
        assert np.array_equal(first.frames, second.frames)
