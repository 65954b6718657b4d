import numpy as np
import pytest

from oneclick.core.tracks import Tracks
from tests.fakes import arrays


def make(frames: list[int], tracks: list[int]) -> Tracks:
    n = len(frames)
    boxes = [[k, 0, k + 1, 1] for k in range(n)]
    return arrays.tracks(
        frames=frames,
        tracks=tracks,
        boxes=boxes,
        scores=[1] * n,
        classes=[0] * n,
        origins=["d"] * n,
        length=10,
        fps=10.0,
    )


def test_rows_are_sorted_by_frame_then_track() -> None:
    tracks = make([2, 1, 1], [0, 5, 3])
    assert tracks.frames.tolist() == [1, 1, 2]
    assert tracks.tracks.tolist() == [3, 5, 0]
    assert tracks.boxes[:, 0].tolist() == [2, 1, 0]


def test_each_gives_one_object_in_order_of_time() -> None:
    tracks = make([4, 0, 2, 0], [1, 1, 1, 7])
    assert [tracks.frames[rows].tolist() for rows in tracks.rows_by_track()] == [[0, 2, 4], [0]]
    assert Tracks.empty(4, 10.0).rows_by_track() == []


def test_two_boxes_of_one_track_in_one_frame_are_refused() -> None:
    with pytest.raises(ValueError, match="track 1 has two boxes in frame 4"):
        make([4, 4], [1, 1])


def test_a_mask_picks_whole_rows() -> None:
    tracks = make([0, 1, 2], [0, 0, 1])
    assert tracks.where(np.array([True, False, True])).tracks.tolist() == [0, 1]


def test_the_evidence_of_a_filled_box_is_the_nearest_one_that_was_seen() -> None:
    letters = "idiiid" + "hiir"
    frames = [0, 1, 2, 3, 4, 8, 3, 5, 7, 20]
    names = [0] * 6 + [7] * 4
    n = len(letters)
    tracks = arrays.tracks(
        frames=frames,
        tracks=names,
        boxes=np.zeros((n, 4)),
        scores=np.ones(n),
        classes=np.zeros(n),
        origins=list(letters),
        length=30,
        fps=10.0,
    )
    distances = {
        int(name): tracks.evidence_distance[tracks.tracks == name].tolist() for name in set(names)
    }
    assert distances == {0: [1, 0, 1, 2, 3, 0], 7: [0, 2, 4, 17]}


def test_a_track_without_evidence_is_infinitely_far_from_it() -> None:
    tracks = arrays.tracks(
        frames=[0, 1],
        tracks=[5, 5],
        boxes=np.zeros((2, 4)),
        scores=[1, 1],
        classes=[0, 0],
        origins=["i", "r"],
        length=2,
        fps=10.0,
    )
    assert tracks.evidence_distance.tolist() == [np.inf, np.inf]
    assert Tracks.empty(3, 10.0).evidence_distance.tolist() == []
