from itertools import pairwise, product

import pytest

from oneclick.core import clips
from oneclick.core.clips import ClipStage
from oneclick.core.errors import IllegalMove

STREET = [
    ClipStage.CUT,
    ClipStage.EXTRACTED,
    ClipStage.LABELLED,
    ClipStage.IN_REVIEW,
    ClipStage.ACCEPTED,
    ClipStage.PUBLISHED,
]
REOPENED = [(ClipStage.ACCEPTED, ClipStage.IN_REVIEW), (ClipStage.PUBLISHED, ClipStage.IN_REVIEW)]


def test_a_clip_that_was_accepted_can_be_reopened() -> None:
    for old, new in REOPENED:
        clips.check_move("c", old, new)


def test_a_clip_walks_the_street_in_order() -> None:
    for old, new in pairwise(STREET):
        clips.check_move("c", old, new)


@pytest.mark.parametrize(("old", "new"), list(product(STREET, STREET)))
def test_no_stage_is_jumped_and_none_is_taken_back(old: ClipStage, new: ClipStage) -> None:
    if STREET.index(new) == STREET.index(old) + 1 or (old, new) in REOPENED:
        return
    with pytest.raises(IllegalMove, match=f"cannot go from {old} to {new}"):
        clips.check_move("c", old, new)


def test_from_the_end_there_is_no_way_on() -> None:
    with pytest.raises(IllegalMove, match="nowhere"):
        clips.check_move("c", ClipStage.REJECTED, ClipStage.CUT)


def test_every_stage_on_the_way_can_be_quarantined_and_come_back() -> None:
    for stage in STREET[:-1]:
        clips.check_move("c", stage, ClipStage.QUARANTINED)
        clips.check_move("c", ClipStage.QUARANTINED, stage)
