from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core import edits
from oneclick.core.edits import Edits
from oneclick.core.labels import LabelTrack, Ranges

SENT = LabelTrack(
    id=4,
    cls="person",
    frames=np.arange(6, dtype=np.int32),
    boxes=np.array([[k, 10, k + 20, 50] for k in range(6)], np.float32),
    scores=np.linspace(0.2, 0.7, 6, dtype=np.float32),
    origins="duirdu",
    keyframes=(0, 5),
    attributes={"posture": ((0, 3, "lying"), (3, 9, "sitting"))},
)
"""Frames 0 … 5; nothing hidden."""
AGAIN = replace(SENT, boxes=SENT.boxes + np.float32(0.3), scores=SENT.scores.round(1))
"""As a platform gives it back that nobody touched."""


def only(*tracks: LabelTrack) -> LabelTrack:
    assert len(tracks) == 1
    return tracks[0]


def settle(
    reply: LabelTrack, original: LabelTrack = SENT, visible: LabelTrack | None = None
) -> tuple[LabelTrack, Edits]:
    tracks, change = edits.reconcile([original], [visible or original], [reply])
    return only(*tracks), change


def changed(track: LabelTrack, row: int, shift: float) -> LabelTrack:
    boxes = track.boxes.copy()
    boxes[row, 0] += np.float32(shift)
    return replace(track, boxes=boxes)


def rows(track: LabelTrack, *indices: int) -> LabelTrack:
    return edits.select_boxes(track, np.array(indices, np.intp))


def same(a: LabelTrack, b: LabelTrack) -> bool:
    """Equal to the last bit."""
    arrays = ("frames", "boxes", "scores")
    values = ("id", "cls", "origins", "keyframes", "attributes")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays) and all(
        getattr(a, name) == getattr(b, name) for name in values
    )


def test_what_nobody_touched_is_what_was_sent_to_the_last_bit() -> None:
    tracks, change = settle(AGAIN)
    assert same(tracks, SENT)
    assert change == Edits()
    assert change.total == 0


@pytest.mark.parametrize(("shift", "move_count"), [(0.5, 0), (-0.5, 0), (0.51, 1), (-9, 1)])
def test_a_box_is_moved_where_a_side_is_off_by_more_than_the_tolerance(
    shift: float, move_count: int
) -> None:
    tracks, change = settle(changed(SENT, 3, shift))
    assert change == Edits(moved=move_count)
    assert tracks.origins == ("duihdu" if move_count else SENT.origins)
    assert tracks.scores[3] == (1 if move_count else SENT.scores[3])
    assert tracks.boxes[3, 0] == SENT.boxes[3, 0] + (np.float32(shift) if move_count else 0)
    assert same(rows(tracks, 0, 1, 2, 4, 5), rows(SENT, 0, 1, 2, 4, 5))


def test_a_wider_tolerance_forgives_more() -> None:
    reply = changed(SENT, 3, 2.0)
    assert edits.reconcile([SENT], [SENT], [reply], tolerance=2)[1] == Edits()


def test_a_deleted_box_is_gone_and_with_it_its_key() -> None:
    tracks, change = settle(rows(AGAIN, 0, 1, 3, 4))
    assert change == Edits(deleted=2)
    assert tracks.frames.tolist() == [0, 1, 3, 4]
    assert (tracks.keyframes, tracks.origins) == ((0,), "durd")
    assert tracks.attributes == SENT.attributes


def test_a_track_without_any_shown_box_left_vanishes_whole() -> None:
    tracks, change = edits.reconcile([SENT], [rows(SENT, 1, 2)], [])
    assert tracks == ()
    assert change == Edits(deleted=2)


def test_a_box_drawn_into_a_track_is_human() -> None:
    visible = original = rows(SENT, 0, 1, 3, 4)
    tracks, change = settle(changed(SENT, 2, 7), original, visible)
    assert change == Edits(added=2)
    assert (tracks.origins, tracks.keyframes) == ("duhrdh", (0, 5))
    assert tracks.scores[[2, 5]].tolist() == [1, 1]
    assert same(rows(tracks, 0, 1, 3, 4), replace(original, keyframes=(0,)))


def test_a_track_that_nobody_sent_is_drawn_by_a_human() -> None:
    new_track = replace(rows(AGAIN, 2, 3, 4), id=9, keyframes=(2, 4), attributes={})
    tracks, change = edits.reconcile([SENT], [SENT], [new_track, AGAIN])
    assert change == Edits(added=3)
    assert [track.id for track in tracks] == [4, 9]
    assert same(tracks[0], SENT)
    assert (tracks[1].origins, tracks[1].scores.tolist()) == ("hhh", [1, 1, 1])
    assert tracks[1].keyframes == (2, 4)


def test_another_class_renames_the_boxes_that_stayed_and_leaves_them_in_place() -> None:
    tracks, change = settle(changed(replace(AGAIN, cls="chair"), 1, 30))
    assert change == Edits(moved=1, renamed=5)
    assert change.total == 6
    assert (tracks.cls, tracks.origins) == ("chair", "h" * 6)
    assert tracks.scores.tolist() == [1] * 6
    assert same(
        rows(replace(tracks, cls="person", scores=SENT.scores, origins=SENT.origins), 0, 2),
        rows(SENT, 0, 2),
    )


HIDDEN = rows(SENT, 2, 3, 4)
"""Boxes 0, 1 and 5 could not be shown."""


def test_what_could_not_be_shown_stays_while_its_track_exists() -> None:
    tracks, change = settle(rows(AGAIN, 2, 4), visible=HIDDEN)
    assert change == Edits(deleted=1)
    assert same(tracks, rows(SENT, 0, 1, 2, 4, 5))


def test_a_track_of_which_nothing_could_be_shown_stays_whole() -> None:
    empty = rows(replace(SENT, id=1))
    tracks, change = edits.reconcile([SENT, empty], [], [])
    assert change == Edits()
    assert [track.id for track in tracks] == [1, 4]
    assert same(tracks[0], empty)
    assert same(tracks[1], SENT)


def test_a_box_drawn_where_one_was_hidden_takes_its_place() -> None:
    tracks, change = settle(changed(rows(SENT, 1, 2, 3, 4), 0, 8), visible=HIDDEN)
    assert change == Edits(added=1)
    assert (tracks.frames.tolist(), tracks.origins) == ([0, 1, 2, 3, 4, 5], "dhirdu")


def test_hidden_boxes_of_a_renamed_track_are_not_called_human() -> None:
    tracks, change = settle(replace(rows(AGAIN, 2, 3, 4), cls="chair"), visible=HIDDEN)
    assert change == Edits(renamed=3)
    assert (tracks.cls, tracks.origins) == ("chair", "duhhhu")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [((), (0, 5)), ((3,), (0, 3, 5)), ((2, 4), (0, 2, 4, 5))],
    ids=["as shown", "one set", "two set"],
)
def test_keys_are_the_reviewers_and_those_that_he_could_not_see(
    keys: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    tracks, change = settle(replace(rows(AGAIN, 2, 3, 4), keyframes=keys), visible=HIDDEN)
    assert tracks.keyframes == expected
    assert change == Edits()


def test_keys_that_were_taken_away_stay_away() -> None:
    tracks, _ = settle(replace(AGAIN, keyframes=(5,)))
    assert tracks.keyframes == (5,)


POSTURES = {
    "untouched": ({"posture": ((0, 3, "lying"), (3, 6, "sitting"))}, SENT.attributes, 0),
    "one frame": (
        {"posture": ((0, 2, "lying"), (2, 6, "sitting"))},
        {"posture": ((0, 2, "lying"), (2, 6, "sitting"))},
        1,
    ),
    "taken away": ({}, {}, 6),
    "partly taken away": ({"posture": ((0, 3, "lying"),)}, {"posture": ((0, 3, "lying"),)}, 3),
    "another question": (
        {**SENT.attributes, "bed": ((1, 2, "out"),)},
        {**SENT.attributes, "bed": ((1, 2, "out"),)},
        1,
    ),
}


@pytest.mark.parametrize(("attributes", "expected", "frames"), POSTURES.values(), ids=POSTURES)
def test_answers_come_from_the_reviewer_only_where_they_are_others(
    attributes: dict[str, Ranges], expected: dict[str, Ranges], frames: int
) -> None:
    tracks, change = settle(replace(AGAIN, attributes=attributes))
    assert tracks.attributes == expected
    assert change == Edits(attributes=frames)
    assert change.total == 0


def test_answers_of_hidden_boxes_survive_a_change_of_the_others() -> None:
    reply = replace(rows(AGAIN, 2, 3, 4), attributes={"posture": ((2, 5, "sitting"),)})
    tracks, change = settle(reply, visible=HIDDEN)
    assert tracks.attributes == {"posture": ((0, 2, "lying"), (2, 6, "sitting"))}
    assert change == Edits(attributes=1)


def test_a_box_drawn_without_an_answer_changes_no_answer() -> None:
    original = rows(SENT, 0, 1, 3, 4, 5)
    reply = replace(AGAIN, attributes={"posture": ((0, 2, "lying"), (3, 6, "sitting"))})
    tracks, change = settle(reply, original, original)
    assert tracks.attributes == SENT.attributes
    assert change == Edits(added=1)


RANGES = {
    "none": ([], [], ()),
    "no answer": ([1, 2], [None, None], ()),
    "neighbours join": ([1, 2, 3], ["a", "a", "b"], ((1, 3, "a"), (3, 4, "b"))),
    "across a gap": ([1, 7], ["a", "a"], ((1, 8, "a"),)),
    "not across silence": ([1, 2, 3], ["a", None, "a"], ((1, 2, "a"), (3, 4, "a"))),
}


@pytest.mark.parametrize(("frames", "values", "expected"), RANGES.values(), ids=RANGES)
def test_ranges_are_half_open_and_as_few_as_can_be(
    frames: list[int], values: list[str | None], expected: Ranges
) -> None:
    at = np.array(frames, np.int32)
    assert edits.value_ranges(at, np.array(values, object)) == expected
    assert edits.values_per_frame(expected, at).tolist() == values


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from("khmd-"), min_size=6, max_size=6), st.booleans())
def test_every_box_is_counted_once_and_for_what_it_is(fates: list[str], renamed: bool) -> None:
    """kept, hidden, moved, deleted, or - for one that was not there and is drawn."""
    at = {fate: [row for row, other in enumerate(fates) if other == fate] for fate in "khmd-"}
    original = rows(SENT, *(row for row in range(6) if row not in at["-"]))
    visible = edits.select_boxes(original, ~np.isin(original.frames, at["h"]))
    reply = AGAIN
    for row in at["m"]:
        reply = changed(reply, row, 40)
    reply = rows(reply, *(row for row in range(6) if row not in at["h"] + at["d"]))
    reply = replace(reply, cls="chair" if renamed else "person")
    came = [reply] if len(reply.frames) else []
    tracks, change = edits.reconcile([original], [visible] if len(visible.frames) else [], came)
    assert change == Edits(
        added=len(at["-"]),
        deleted=len(at["d"]),
        moved=len(at["m"]),
        renamed=len(at["k"]) if renamed else 0,
    )
    frames = set(reply.frames.tolist()) | set(at["h"])
    is_removed = not came and len(visible.frames)
    assert {f for track in tracks for f in track.frames.tolist()} == (
        set() if is_removed else frames
    )


def far(track: LabelTrack) -> LabelTrack:
    return replace(track, boxes=track.boxes + np.float32(100))


def test_a_track_under_another_id_is_known_by_its_boxes() -> None:
    original = (SENT, replace(far(SENT), id=5))
    reply = (replace(far(AGAIN), id=11), replace(AGAIN, id=12))
    tracks, change = edits.reconcile(original, original, edits.restore_ids(original, reply))
    assert change == Edits()
    assert [track.id for track in tracks] == [4, 5]
    assert all(map(same, tracks, original))


def test_a_new_track_is_not_taken_for_one_that_was_deleted_elsewhere() -> None:
    strangers = (replace(far(SENT), id=5), replace(SENT, id=6, cls="bed"))
    assert [track.id for track in edits.restore_ids([SENT], strangers)] == [5, 6]
    assert [track.id for track in edits.restore_ids([SENT], (SENT, replace(SENT, id=6)))] == [4, 6]
