"""Labels of other tools go in exactly, or one line says why not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from oneclick import formats
from oneclick.core.errors import BadInput
from oneclick.formats import ImportedSequence
from oneclick.formats.base import Dialogue
from tests.corpus import labels_datumaro, labels_fiftyone, labels_labelstudio
from tests.corpus.label_case import Entry

CASES = {
    "labelstudio": labels_labelstudio.CASES,
    "datumaro": labels_datumaro.CASES,
    "fiftyone": labels_fiftyone.CASES,
}
NO_TRACK = "boxes without a track, each a track of its own"


def read(name: str, folder: Path) -> tuple[list[tuple[str, ImportedSequence]], list[str]]:
    """Return split and content of the sequences that go in, and why the rest does not."""
    failed: dict[str, str] = {}
    sequences: list[tuple[str, ImportedSequence]] = []
    problems: list[str] = []
    try:
        sources = formats.get(name).find_sequences(folder, ("person",), failed, Dialogue())
    except BadInput as error:
        return [], [str(error)]
    for source in sources:
        try:
            sequences.append((source.split, source.load("h")))
        except BadInput as error:
            problems.append(str(error))
    return sequences, [*failed.values(), *problems]


def boxes(sequence: ImportedSequence) -> list[tuple[Entry, str]]:
    """Return the boxes of a sequence by frame and x1, with their origins."""
    rows = [
        ((frame, track.cls, (box[0], box[1], box[2], box[3])), origin)
        for track in sequence.tracks
        for frame, box, origin in zip(
            track.frames.tolist(), track.boxes.tolist(), track.origins, strict=True
        )
    ]
    return sorted(rows, key=lambda row: (row[0][0], row[0][2]))


@pytest.mark.parametrize(
    ("name", "case"), [(name, case) for name, cases in CASES.items() for case in cases]
)
def test_labels_go_in_exactly_or_are_refused(name: str, case: str, tmp_path: Path) -> None:
    expected = CASES[name][case](tmp_path)
    sequences, problems = read(name, tmp_path)
    assert len(problems) == len(expected.problems), problems
    for problem, part in zip(problems, expected.problems, strict=True):
        assert part in problem
        assert "\n" not in problem
    rows = [boxes(sequence) for _, sequence in sequences]
    assert [[entry[:2] for entry, _ in row] for row in rows] == [
        [entry[:2] for entry in entries] for entries in expected.sequences
    ]
    for row, entries in zip(rows, expected.sequences, strict=True):
        assert np.allclose([e[2] for e, _ in row], [e[2] for e in entries], atol=0.01)
    notes = sum((sequence.notes for _, sequence in sequences), start=Counter[str]())
    assert {note: count for note, count in notes.items() if note != NO_TRACK} == expected.notes
    origins = "".join(origin for row in rows for _, origin in row)
    assert expected.origins in ("", origins)
    ids = tuple(track.id for _, sequence in sequences for track in sequence.tracks)
    assert expected.track_ids in ((), ids)
    assert expected.splits in ((), tuple(split for split, _ in sequences))
