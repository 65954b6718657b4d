import numpy as np
import pytest

from oneclick.core.tracks import Tracks


def make(frames: list[int], tracks: list[int]) -> Tracks:
    n = len(frames)
    boxes = [[k, 0, k + 1, 1] for k in range(n)]
    return Tracks(frames, tracks, boxes, [1] * n, [0] * n, ["d"] * n, 10, 10.0)  # type: ignore[arg-type]


def test_rows_are_sorted_by_frame_then_track() -> None:
    made = make([2, 1, 1], [0, 5, 3])
    assert made.frames.tolist() == [1, 1, 2]
    assert made.tracks.tolist() == [3, 5, 0]
    assert made.boxes[:, 0].tolist() == [2, 1, 0]


def test_each_gives_one_object_in_order_of_time() -> None:
    made = make([4, 0, 2, 0], [1, 1, 1, 7])
    assert [made.frames[rows].tolist() for rows in made.each()] == [[0, 2, 4], [0]]
    assert Tracks.empty(4, 10.0).each() == []


def test_two_boxes_of_one_track_in_one_frame_are_refused() -> None:
    with pytest.raises(ValueError, match="track 1 has two boxes in frame 4"):
        make([4, 4], [1, 1])


def test_a_mask_picks_whole_rows() -> None:
    made = make([0, 1, 2], [0, 0, 1])
    assert made.where(np.array([True, False, True])).tracks.tolist() == [0, 1]


def test_the_evidence_of_a_filled_box_is_the_nearest_one_that_was_seen() -> None:
    letters = "idiiid" + "hiir"
    frames = [0, 1, 2, 3, 4, 8, 3, 5, 7, 20]
    names = [0] * 6 + [7] * 4
    n = len(letters)
    made = Tracks(
        frames, names, np.zeros((n, 4)), np.ones(n), np.zeros(n), list(letters), 30, 10.0,  # type: ignore[arg-type]
    )  # fmt: skip
    found = {int(name): made.evidence_distance[made.tracks == name].tolist() for name in set(names)}
    assert found == {0: [1, 0, 1, 2, 3, 0], 7: [0, 2, 4, 17]}


def test_a_track_without_evidence_is_infinitely_far_from_it() -> None:
    made = Tracks([0, 1], [5, 5], np.zeros((2, 4)), [1, 1], [0, 0], ["i", "r"], 2, 10.0)  # type: ignore[arg-type]
    assert made.evidence_distance.tolist() == [np.inf, np.inf]
    assert Tracks.empty(3, 10.0).evidence_distance.tolist() == []
