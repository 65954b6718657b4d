"""Edits that are done again after those of others: ids that both chose, what is not possible."""

from __future__ import annotations

from typing import Any

import pytest

from oneclick.editing.history import History
from oneclick.editing.operations import DeleteTrack, DrawTrack, Operation
from oneclick.editing.state import EditState
from oneclick.web import pages
from tests.web.browser.conftest import OpenPage
from tests.web.browser.review_site import ATTRIBUTES, FPS, faulty_labels

pytestmark = pytest.mark.browser
RUN = """async ([folder, saved, operations, news]) => {
  const { History } = await import(`${folder}/history.js`);
  const { rebase } = await import(`${folder}/rebase.js`);
  const edits = operations.map((op, k) => ({ key: String(k), op }));
  const refused = edits[news.refused];
  const { kept, lost } = rebase(new History(saved), edits, { others: news.others, refused });
  return { kept: kept.map((each) => each.op), lost: lost.map((each) => Number(each.key)) };
}"""
Op = dict[str, Any]
UNDO, REDO = {"op": "undo"}, {"op": "redo"}


def drawn(track: int) -> Op:
    box = [10.0 * track, 160.0, 10.0 * track + 24, 220.0]
    return {
        "op": "draw",
        "track": track,
        "cls": "person",
        "frame": 5,
        "box": box,
        "carry": False,
        "carried": None,
    }


def moved(track: int, frame: int = 5) -> Op:
    return {"op": "move", "track": track, "frame": frame, "box": [40, 30, 60, 80]}


def classified(track: int) -> Op:
    return {"op": "classify", "track": track, "cls": "wheelchair"}


def answered(question: str) -> Op:
    return {"op": "answer", "question": question, "answer": "wrong"}


def split(track: int, new: int) -> Op:
    return {"op": "split", "track": track, "frame": 20, "new": new}


DRAWN = (DrawTrack(track=4, cls="person", frame=5, box=(40, 160, 64, 220), carry=False),)
DELETED = (DeleteTrack(3),)
REDRAWN = (*DELETED, DrawTrack(track=3, cls="person", frame=5, box=(40, 160, 64, 220), carry=False))
OTHERS: dict[str, tuple[tuple[Operation, ...], list[Op]]] = {
    "nobody": ((), []),
    "drew": (DRAWN, [drawn(4)]),
    "deleted": (DELETED, [{"op": "delete", "track": 3}]),
    "redrew": (REDRAWN, [{"op": "delete", "track": 3}, drawn(3)]),
}
CASES: dict[str, tuple[str, list[Op], list[Op], list[int]]] = {
    "a drawn person gets a fresh id, which later edits follow": (
        "drew",
        [drawn(4), classified(4), moved(1), answered("track:4")],
        [drawn(4) | {"track": 5}, classified(5), moved(1), answered("track:5")],
        [],
    ),
    "so do two of them": (
        "drew",
        [drawn(4), drawn(5), classified(4), classified(5)],
        [drawn(4) | {"track": 5}, drawn(5) | {"track": 6}, classified(5), classified(6)],
        [],
    ),
    "so does the new part of a split": (
        "drew",
        [split(1, 4), {"op": "swap", "track": 4, "other": 2, "frame": 25}],
        [split(1, 5), {"op": "swap", "track": 5, "other": 2, "frame": 25}],
        [],
    ),
    "after an undo the id stands for the one of before": (
        "drew",
        [drawn(4), UNDO, split(1, 4), classified(4), UNDO, UNDO, REDO, moved(4, 30)],
        [
            drawn(4) | {"track": 5},
            UNDO,
            split(1, 5),
            classified(5),
            UNDO,
            UNDO,
            REDO,
            moved(5, 30),
        ],
        [],
    ),
    "without a collision nothing changes": (
        "deleted",
        [drawn(4), classified(4)],
        [drawn(4), classified(4)],
        [],
    ),
    "an edit of a track that is gone is lost, and what follows from it": (
        "deleted",
        [moved(3), answered("0"), UNDO, moved(1), answered("1")],
        [moved(1), answered("1")],
        [0, 1, 2],
    ),
    "an id that somebody gave to another person is not touched": (
        "redrew",
        [classified(3), answered("track:3"), moved(1)],
        [moved(1)],
        [0, 1],
    ),
    "what others did is not taken back": (
        "drew",
        [UNDO, moved(1), UNDO, REDO],
        [moved(1), UNDO, REDO],
        [0],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_edits_are_done_again_after_those_of_others(
    open_page: OpenPage, case: tuple[str, list[Op], list[Op], list[int]]
) -> None:
    page = open_page("/login", name="")
    others, operations, operations_after, dropped = case
    history = History(EditState.from_labels(faulty_labels("c"), FPS, ATTRIBUTES), OTHERS[others][0])
    saved = history.state.to_document()
    news = {"others": OTHERS[others][1]}
    outcome = page.evaluate(RUN, [pages.load().address, saved, operations, news])
    assert outcome == {"kept": operations_after, "lost": dropped}


def test_what_depends_on_a_refused_edit_is_dropped_with_it(open_page: OpenPage) -> None:
    page = open_page("/login", name="")
    saved = EditState.from_labels(faulty_labels("c"), FPS, ATTRIBUTES).to_document()
    operations = [drawn(4), classified(4), answered("track:4"), UNDO, UNDO, UNDO, moved(1)]
    outcome = page.evaluate(RUN, [pages.load().address, saved, operations, {"refused": 0}])
    # The undo of a refused edit would take back the one before it.
    assert outcome == {"kept": [moved(1)], "lost": [0, 1, 2, 3, 4, 5]}
