from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core import edits
from oneclick.core.edits import Edits
from oneclick.core.labels import LabelTrack

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
    back: LabelTrack, sent: LabelTrack = SENT, shown: LabelTrack | None = None
) -> tuple[LabelTrack, Edits]:
    done, change = edits.reconcile([sent], [shown or sent], [back])
    return only(*done), change


def changed(track: LabelTrack, row: int, shift: float) -> LabelTrack:
    boxes = track.boxes.copy()
    boxes[row, 0] += np.float32(shift)
    return replace(track, boxes=boxes)


def rows(track: LabelTrack, *kept: int) -> LabelTrack:
    return edits.select_boxes(track, np.array(kept, np.intp))


def same(a: LabelTrack, b: LabelTrack) -> bool:
    """Equal to the last bit."""
    arrays = ("frames", "boxes", "scores")
    values = ("id", "cls", "origins", "keyframes", "attributes")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays) and all(
        getattr(a, name) == getattr(b, name) for name in values
    )


def test_what_nobody_touched_is_what_was_sent_to_the_last_bit() -> None:
    done, change = settle(AGAIN)
    assert same(done, SENT)
    assert change == Edits()
    assert change.total == 0


@pytest.mark.parametrize(("shift", "moved"), [(0.5, 0), (-0.5, 0), (0.51, 1), (-9, 1)])
def test_a_box_is_moved_where_a_side_is_off_by_more_than_the_tolerance(
    shift: float, moved: int
) -> None:
    done, change = settle(changed(SENT, 3, shift))
    assert change == Edits(moved=moved)
    assert done.origins == ("duihdu" if moved else SENT.origins)
    assert done.scores[3] == (1 if moved else SENT.scores[3])
    assert done.boxes[3, 0] == SENT.boxes[3, 0] + (np.float32(shift) if moved else 0)
    assert same(rows(done, 0, 1, 2, 4, 5), rows(SENT, 0, 1, 2, 4, 5))


def test_a_wider_tolerance_forgives_more() -> None:
    back = changed(SENT, 3, 2.0)
    assert edits.reconcile([SENT], [SENT], [back], tolerance=2)[1] == Edits()


def test_a_deleted_box_is_gone_and_with_it_its_key() -> None:
    done, change = settle(rows(AGAIN, 0, 1, 3, 4))
    assert change == Edits(deleted=2)
    assert done.frames.tolist() == [0, 1, 3, 4]
    assert (done.keyframes, done.origins) == ((0,), "durd")
    assert done.attributes == SENT.attributes


def test_a_track_without_any_shown_box_left_vanishes_whole() -> None:
    done, change = edits.reconcile([SENT], [rows(SENT, 1, 2)], [])
    assert done == ()
    assert change == Edits(deleted=2)


def test_a_box_drawn_into_a_track_is_human() -> None:
    shown = sent = rows(SENT, 0, 1, 3, 4)
    done, change = settle(changed(SENT, 2, 7), sent, shown)
    assert change == Edits(added=2)
    assert (done.origins, done.keyframes) == ("duhrdh", (0, 5))
    assert done.scores[[2, 5]].tolist() == [1, 1]
    assert same(rows(done, 0, 1, 3, 4), replace(sent, keyframes=(0,)))


def test_a_track_that_nobody_sent_is_drawn_by_a_human() -> None:
    drawn = replace(rows(AGAIN, 2, 3, 4), id=9, keyframes=(2, 4), attributes={})
    done, change = edits.reconcile([SENT], [SENT], [drawn, AGAIN])
    assert change == Edits(added=3)
    assert [track.id for track in done] == [4, 9]
    assert same(done[0], SENT)
    assert (done[1].origins, done[1].scores.tolist()) == ("hhh", [1, 1, 1])
    assert done[1].keyframes == (2, 4)


def test_another_class_renames_the_boxes_that_stayed_and_leaves_them_in_place() -> None:
    done, change = settle(changed(replace(AGAIN, cls="chair"), 1, 30))
    assert change == Edits(moved=1, renamed=5)
    assert change.total == 6
    assert (done.cls, done.origins) == ("chair", "h" * 6)
    assert done.scores.tolist() == [1] * 6
    assert same(
        rows(replace(done, cls="person", scores=SENT.scores, origins=SENT.origins), 0, 2),
        rows(SENT, 0, 2),
    )


HIDDEN = rows(SENT, 2, 3, 4)
"""Boxes 0, 1 and 5 could not be shown."""


def test_what_could_not_be_shown_stays_while_its_track_exists() -> None:
    done, change = settle(rows(AGAIN, 2, 4), shown=HIDDEN)
    assert change == Edits(deleted=1)
    assert same(done, rows(SENT, 0, 1, 2, 4, 5))


def test_a_track_of_which_nothing_could_be_shown_stays_whole() -> None:
    empty = rows(replace(SENT, id=1))
    done, change = edits.reconcile([SENT, empty], [], [])
    assert change == Edits()
    assert [track.id for track in done] == [1, 4]
    assert same(done[0], empty)
    assert same(done[1], SENT)


def test_a_box_drawn_where_one_was_hidden_takes_its_place() -> None:
    done, change = settle(changed(rows(SENT, 1, 2, 3, 4), 0, 8), shown=HIDDEN)
    assert change == Edits(added=1)
    assert (done.frames.tolist(), done.origins) == ([0, 1, 2, 3, 4, 5], "dhirdu")


def test_hidden_boxes_of_a_renamed_track_are_not_called_human() -> None:
    done, change = settle(replace(rows(AGAIN, 2, 3, 4), cls="chair"), shown=HIDDEN)
    assert change == Edits(renamed=3)
    assert (done.cls, done.origins) == ("chair", "duhhhu")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [((), (0, 5)), ((3,), (0, 3, 5)), ((2, 4), (0, 2, 4, 5))],
    ids=["as shown", "one set", "two set"],
)
def test_keys_are_the_reviewers_and_those_that_he_could_not_see(
    keys: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    done, change = settle(replace(rows(AGAIN, 2, 3, 4), keyframes=keys), shown=HIDDEN)
    assert done.keyframes == expected
    assert change == Edits()


def test_keys_that_were_taken_away_stay_away() -> None:
    done, _ = settle(replace(AGAIN, keyframes=(5,)))
    assert done.keyframes == (5,)


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


@pytest.mark.parametrize(("given", "expected", "frames"), POSTURES.values(), ids=POSTURES)
def test_answers_come_from_the_reviewer_only_where_they_are_others(
    given: dict, expected: dict, frames: int
) -> None:
    done, change = settle(replace(AGAIN, attributes=given))
    assert done.attributes == expected
    assert change == Edits(attributes=frames)
    assert change.total == 0


def test_answers_of_hidden_boxes_survive_a_change_of_the_others() -> None:
    back = replace(rows(AGAIN, 2, 3, 4), attributes={"posture": ((2, 5, "sitting"),)})
    done, change = settle(back, shown=HIDDEN)
    assert done.attributes == {"posture": ((0, 2, "lying"), (2, 6, "sitting"))}
    assert change == Edits(attributes=1)


def test_a_box_drawn_without_an_answer_changes_no_answer() -> None:
    sent = rows(SENT, 0, 1, 3, 4, 5)
    back = replace(AGAIN, attributes={"posture": ((0, 2, "lying"), (3, 6, "sitting"))})
    done, change = settle(back, sent, sent)
    assert done.attributes == SENT.attributes
    assert change == Edits(added=1)


RANGES = {
    "none": ([], [], ()),
    "no answer": ([1, 2], [None, None], ()),
    "neighbours join": ([1, 2, 3], ["a", "a", "b"], ((1, 3, "a"), (3, 4, "b"))),
    "across a gap": ([1, 7], ["a", "a"], ((1, 8, "a"),)),
    "not across silence": ([1, 2, 3], ["a", None, "a"], ((1, 2, "a"), (3, 4, "a"))),
}


@pytest.mark.parametrize(("frames", "found", "expected"), RANGES.values(), ids=RANGES)
def test_ranges_are_half_open_and_as_few_as_can_be(
    frames: list, found: list, expected: tuple
) -> None:
    at = np.array(frames, np.int32)
    assert edits.value_ranges(at, np.array(found, object)) == expected
    assert edits.values_per_frame(expected, at).tolist() == found


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from("khmd-"), min_size=6, max_size=6), st.booleans())
def test_every_box_is_counted_once_and_for_what_it_is(fates: list[str], renamed: bool) -> None:
    """kept, hidden, moved, deleted, or - for one that was not there and is drawn."""
    at = {fate: [row for row, other in enumerate(fates) if other == fate] for fate in "khmd-"}
    sent = rows(SENT, *(row for row in range(6) if row not in at["-"]))
    shown = edits.select_boxes(sent, ~np.isin(sent.frames, at["h"]))
    back = AGAIN
    for row in at["m"]:
        back = changed(back, row, 40)
    back = rows(back, *(row for row in range(6) if row not in at["h"] + at["d"]))
    back = replace(back, cls="chair" if renamed else "person")
    came = [back] if len(back.frames) else []
    done, change = edits.reconcile([sent], [shown] if len(shown.frames) else [], came)
    assert change == Edits(
        added=len(at["-"]),
        deleted=len(at["d"]),
        moved=len(at["m"]),
        renamed=len(at["k"]) if renamed else 0,
    )
    frames = set(back.frames.tolist()) | set(at["h"])
    gone = not came and len(shown.frames)
    assert {f for track in done for f in track.frames.tolist()} == (set() if gone else frames)


def far(track: LabelTrack) -> LabelTrack:
    return replace(track, boxes=track.boxes + np.float32(100))


def test_a_track_under_another_id_is_known_by_its_boxes() -> None:
    sent = (SENT, replace(far(SENT), id=5))
    back = (replace(far(AGAIN), id=11), replace(AGAIN, id=12))
    found, change = edits.reconcile(sent, sent, edits.restore_ids(sent, back))
    assert change == Edits()
    assert [one.id for one in found] == [4, 5]
    assert all(map(same, found, sent))


def test_a_new_track_is_not_taken_for_one_that_was_deleted_elsewhere() -> None:
    strangers = (replace(far(SENT), id=5), replace(SENT, id=6, cls="bed"))
    assert [one.id for one in edits.restore_ids([SENT], strangers)] == [5, 6]
    assert [one.id for one in edits.restore_ids([SENT], (SENT, replace(SENT, id=6)))] == [4, 6]
