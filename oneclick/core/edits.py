"""What a human did to labels: tracks as sent, as shown and as they came back, told apart.

A platform gives back every box, touched or not, through numbers of its own: rounded, cut to the
picture, without the boxes that it could not show. Here a box nobody touched becomes the sent one
again, to the last bit, and only what a human did is called human.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core.labels import LabelTrack, Ranges
from oneclick.core.tracks import HUMAN

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
Frames = NDArray[np.int32]
Values = NDArray[np.object_]
"""(n,) the value of an attribute in each frame, None where it has none."""


@dataclass(frozen=True)
class Edits:
    """How much a human changed; every box counts once."""

    added: int = 0
    """Boxes drawn where the track had none."""
    deleted: int = 0
    """Boxes taken away."""
    moved: int = 0
    """Boxes whose place or size changed."""
    renamed: int = 0
    """Boxes that stayed in place under another class."""
    attributes: int = 0
    """Frames that were given another value, or lost theirs; summed over attributes."""

    @property
    def total(self) -> int:
        """Boxes edited."""
        return self.added + self.deleted + self.moved + self.renamed

    def __add__(self, other: Edits) -> Edits:
        return Edits(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def settle(
    sent: Sequence[LabelTrack],
    shown: Sequence[LabelTrack],
    back: Sequence[LabelTrack],
    tolerance: float = 0.5,
) -> tuple[tuple[LabelTrack, ...], Edits]:
    """The tracks after review, by id, and what the reviewer did to them.

    Boxes nobody touched are the sent ones exactly; boxes moved, added or renamed have the origin h
    and a score of 1. What could not be shown was not judged: it stays as it was sent while its
    track exists.

    Args:
        shown: the sent tracks as the platform could show them: boxes cut or left out, and tracks
            without boxes left out.
        back: the tracks as they came back, with the ids of `sent` where the platform knew them.
        tolerance: px that a side may be off without having been touched.
    """
    known, seen = ({track.id: track for track in tracks} for tracks in (sent, shown))
    after, edits = [], Edits()
    for track in back:
        base = known.get(track.id) or _none(track)
        done, change = _review(base, seen.get(track.id) or _none(base), track, tolerance)
        after.append(done)
        edits += change
    missing = known.keys() - {track.id for track in back}
    after += [known[key] for key in missing - seen.keys()]
    edits += Edits(deleted=sum(len(seen[key].frames) for key in missing & seen.keys()))
    return tuple(sorted(after, key=lambda track: track.id)), edits


def recognise(
    shown: Sequence[LabelTrack], back: Sequence[LabelTrack], tolerance: float = 0.5
) -> tuple[LabelTrack, ...]:
    """Tracks that came back under ids of their own get those they were sent under.

    A platform may give objects new names when it copies them. Known is a track of the same class
    that has more than half of its boxes where they were.
    """
    ids = {track.id for track in shown}
    missing = {track.id: track for track in shown if track.id not in {t.id for t in back}}
    found = []
    for track in back:
        alike = {key: _alike(one, track, tolerance) for key, one in missing.items()}
        best = max(alike, key=lambda key: alike[key], default=None)
        if track.id not in ids and best is not None and alike[best] > 0.5:
            del missing[best]
            track = replace(track, id=best)
        found.append(track)
    return tuple(found)


def _alike(shown: LabelTrack, back: LabelTrack, tolerance: float) -> float:
    """Share of boxes that two tracks have in the same place; 0 for two classes."""
    if shown.cls != back.cls:
        return 0.0
    _, there, here = np.intersect1d(
        shown.frames, back.frames, assume_unique=True, return_indices=True
    )
    same = (np.abs(shown.boxes[there] - back.boxes[here]) <= tolerance).all(axis=1)
    return float(same.sum()) / max(len(shown.frames), len(back.frames), 1)


def values(given: Ranges, frames: Frames) -> Values:
    """The value of an attribute in each of the frames, `(n,)`; `frames` rise."""
    found: Values = np.full(len(frames), None, object)
    for start, stop, value in given:
        low, high = np.searchsorted(frames, (start, stop))
        found[low:high] = value
    return found


def ranges(frames: Frames, found: Values) -> Ranges:
    """The value in each frame as half-open ranges; equal neighbours join, across gaps too."""
    if not len(frames):
        return ()
    starts = np.flatnonzero(np.append(True, found[1:] != found[:-1]))
    stops = np.append(starts[1:], len(frames)) - 1
    rows = zip(starts.tolist(), stops.tolist(), strict=True)
    return tuple(
        (int(frames[first]), int(frames[last]) + 1, found[first])
        for first, last in rows
        if found[first] is not None
    )


def rows_of(track: LabelTrack, rows: Rows | Mask) -> LabelTrack:
    """The same track with some of its boxes; key frames without a box go, attributes stay."""
    frames = track.frames[rows]
    left = set(frames.tolist())
    return replace(
        track,
        frames=frames,
        boxes=track.boxes[rows],
        scores=track.scores[rows],
        origins="".join(_letters(track)[rows]),
        keyframes=tuple(key for key in track.keyframes if key in left),
    )


def _none(track: LabelTrack) -> LabelTrack:
    """What was sent or shown of a track that was not: no box and no answer."""
    return replace(rows_of(track, np.zeros(0, np.intp)), attributes={})


def _review(
    sent: LabelTrack, shown: LabelTrack, back: LabelTrack, tolerance: float
) -> tuple[LabelTrack, Edits]:
    """One track that came back."""
    common, there, here = np.intersect1d(
        shown.frames, back.frames, assume_unique=True, return_indices=True
    )
    moved: Mask = (np.abs(shown.boxes[there] - back.boxes[here]) > tolerance).any(axis=1)
    still = here[~moved], np.searchsorted(sent.frames, common[~moved])
    done = _joined(_restored(sent, back, *still), rows_of(sent, _hidden(sent, shown, back)))
    attributes, answers = _attributes(sent, shown, back, done.frames)
    edits = Edits(
        added=len(back.frames) - len(common),
        deleted=len(shown.frames) - len(common),
        moved=int(moved.sum()),
        renamed=len(still[0]) if sent.cls != back.cls else 0,
        attributes=answers,
    )
    keyframes = _keyframes(sent, shown, back, done.frames)
    return replace(done, keyframes=keyframes, attributes=attributes), edits


def _restored(sent: LabelTrack, back: LabelTrack, here: Rows, there: Rows) -> LabelTrack:
    """`back` by a human, but for the boxes `here` that nobody moved: they are `there` in `sent`."""
    boxes, letters = back.boxes.copy(), np.full(len(back.frames), HUMAN)
    scores = np.ones(len(back.frames), np.float32)
    boxes[here] = sent.boxes[there]
    if sent.cls == back.cls:
        scores[here], letters[here] = sent.scores[there], _letters(sent)[there]
    return replace(back, boxes=boxes, scores=scores, origins="".join(letters))


def _hidden(sent: LabelTrack, shown: LabelTrack, back: LabelTrack) -> Mask:
    """(n,) boxes of `sent` that were not shown, and that nobody drew since."""
    return ~np.isin(sent.frames, np.concatenate([shown.frames, back.frames]))


def _joined(track: LabelTrack, more: LabelTrack) -> LabelTrack:
    """`track` with the boxes of `more`, in order of time."""
    frames = np.concatenate([track.frames, more.frames])
    order = np.argsort(frames)
    return replace(
        track,
        frames=frames[order],
        boxes=np.concatenate([track.boxes, more.boxes])[order],
        scores=np.concatenate([track.scores, more.scores])[order],
        origins="".join(np.concatenate([_letters(track), _letters(more)])[order]),
    )


def _keyframes(
    sent: LabelTrack, shown: LabelTrack, back: LabelTrack, frames: Frames
) -> tuple[int, ...]:
    """The sent ones unless the reviewer set others; those not shown stay with their boxes."""
    if set(back.keyframes) == set(shown.keyframes):
        return sent.keyframes
    hidden = set(frames.tolist()) - set(back.frames.tolist())
    return tuple(sorted({*back.keyframes, *hidden.intersection(sent.keyframes)}))


def _attributes(
    sent: LabelTrack, shown: LabelTrack, back: LabelTrack, frames: Frames
) -> tuple[dict[str, Ranges], int]:
    """The attributes on the frames after review, and how many answers are others."""
    came, seen = np.isin(frames, back.frames), np.isin(frames, shown.frames)
    after, others = dict(sent.attributes), dict[str, int]()
    for name in {**sent.attributes, **back.attributes}:
        theirs = back.attributes.get(name, ())
        was, now = values(sent.attributes.get(name, ()), frames), values(theirs, frames)
        # A box drawn without an answer says nothing against what was sent for its frame.
        said = seen | np.array([value is not None for value in now], np.bool_)
        other = came & said & (was != now)
        if other.any():
            after[name] = _settled(frames, np.where(other, now, was), theirs)
            others[name] = int(other.sum())
    left = {name: given for name, given in after.items() if given or name not in others}
    return left, sum(others.values())


def _settled(frames: Frames, found: Values, theirs: Ranges) -> Ranges:
    """The ranges as they came back, unless boxes that were not shown keep answers of their own."""
    return theirs if (values(theirs, frames) == found).all() else ranges(frames, found)


def _letters(track: LabelTrack) -> NDArray[np.str_]:
    return np.array(list(track.origins), "U1")
