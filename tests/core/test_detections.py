import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core import detections
from oneclick.core.detections import Detections
from oneclick.core.spans import Span

BOX = [0.0, 0.0, 10.0, 20.0]


def make(frames: list[int], length: int = 10, **other: object) -> Detections:
    n = len(frames)
    values = {
        "boxes": [BOX] * n,
        "scores": np.linspace(0, 1, n),
        "classes": [0] * n,
        "fps": 10.0,
        **other,
    }
    return Detections(frames=frames, length=length, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": [[0, 0, 1]] * 2}, "boxes: expected shape"),
        ({"scores": [0.5]}, "scores: expected shape"),
        ({"scores": [0.5, np.nan]}, "NaN"),
        ({"boxes": [BOX, [0, 0, np.inf, 1]]}, "infinity"),
        ({"boxes": [BOX, [5, 0, 1, 9]]}, "inside out"),
        ({"fps": 0.0}, "fps"),
        ({"fps": np.nan}, "fps"),
        ({"classes": [0, 1]}, "classes"),
        ({"length": 3}, "frames: expected 0"),
    ],
    ids=lambda v: str(v)[:24],
)
def test_what_cannot_be_is_refused_at_birth(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make([1, 3], **change)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 9)))
def test_rows_come_sorted_and_every_frame_finds_its_own(frames: list[int]) -> None:
    detections = make(frames)
    assert detections.frames.tolist() == sorted(frames)
    for frame in range(10):
        assert (detections.frames[detections.rows(frame)] == frame).all()
    assert sum(detections.rows(k).stop - detections.rows(k).start for k in range(10)) == len(frames)


def test_sorting_keeps_the_order_inside_a_frame_and_carries_all_columns() -> None:
    detections = make([3, 1, 3], scores=[0.1, 0.2, 0.3], boxes=[[k, 0, k + 1, 1] for k in range(3)])
    assert detections.scores.tolist() == pytest.approx([0.2, 0.1, 0.3])
    assert detections.boxes[:, 0].tolist() == [1, 0, 2]


def test_a_cut_counts_from_its_own_start() -> None:
    part = make([0, 3, 4, 7]).cut(Span(3, 7))
    assert (part.frames.tolist(), part.length) == ([0, 1], 4)


def test_nothing_detected_is_still_a_video() -> None:
    none = Detections.empty(5, 25.0)
    assert (len(none), none.length, none.rows(4)) == (0, 5, slice(0, 0))
    assert none.above(0.5).boxes.shape == (0, 4)


def test_parts_of_different_videos_do_not_mix() -> None:
    assert len(detections.concat([make([1]), make([0, 2])])) == 3
    with pytest.raises(ValueError, match="must agree"):
        detections.concat([make([1]), make([1], length=11)])
    with pytest.raises(ValueError, match="at least one"):
        detections.concat([])
