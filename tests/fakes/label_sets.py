"""Label sets of every kind, for hypothesis."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import strategies as st

from oneclick.core.labels import IGNORE, LabelSet, LabelTrack, Ranges
from oneclick.core.tracks import ORIGINS

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
CLASSES = ("person", "Pflegebett é", "車椅子")
ATTRIBUTES = {"posture": ("lying", "sitting up", "läuft"), "wo?": ("Bett", "Flur")}


def label_set(
    tracks: list[LabelTrack], frames: int = 10, size: tuple[int, int] = (640, 480)
) -> LabelSet:
    width, height = size
    return LabelSet(
        clip="clip-1",
        revision=1,
        kind="auto",
        parent=None,
        made_by="hindsight:x",
        made_at=NOON,
        frames=frames,
        width=width,
        height=height,
        classes=CLASSES,
        tracks=(*tracks,),
    )


@st.composite
def label_sets(
    draw: st.DrawFn, frames: int | None = None, size: tuple[int, int] | None = None
) -> LabelSet:
    """Boxes in and beyond the picture, gaps, single frames, empty tracks, no tracks."""
    frames = frames or draw(st.integers(1, 9))
    size = size or draw(st.sampled_from([(1920, 1080), (640, 480), (64, 48), (1, 1)]))
    ids = draw(st.lists(st.integers(0, 10**9), max_size=4, unique=True))
    return label_set([draw(tracks(key, frames, size)) for key in ids], frames, size)


@st.composite
def tracks(draw: st.DrawFn, key: int, frames: int, size: tuple[int, int]) -> LabelTrack:
    at = np.array(sorted(draw(st.sets(st.integers(0, frames - 1)))), np.int32)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ends = rng.uniform(-0.5, 1.5, (len(at), 2, 2)) * size
    ends[rng.random(ends.shape) < 0.1] = 0
    return LabelTrack(
        id=key,
        cls=draw(st.sampled_from([*CLASSES, IGNORE])),
        frames=at,
        boxes=np.sort(ends, axis=1).reshape(-1, 4).astype(np.float32),
        scores=rng.random(len(at), np.float32),
        origins="".join(rng.choice(ORIGINS, len(at))),
        keyframes=tuple(at[rng.random(len(at)) < 0.3].tolist()),
        attributes={name: draw(answers(options, frames)) for name, options in ATTRIBUTES.items()},
    )


@st.composite
def answers(draw: st.DrawFn, options: tuple[str, ...], frames: int) -> Ranges:
    """Ranges that may touch, leave gaps and reach beyond the boxes."""
    cuts = sorted(draw(st.sets(st.integers(0, frames), max_size=5)))
    values = [draw(st.sampled_from([None, *options, "not in the ontology"])) for _ in cuts[1:]]
    ranges = zip(cuts, cuts[1:], values, strict=False)
    return tuple((start, stop, value) for start, stop, value in ranges if value is not None)


def assert_same(actual: tuple[LabelTrack, ...], labels: LabelSet) -> None:
    """Equal to the last bit, in the order of ids."""
    expected = sorted(labels.tracks, key=lambda track: track.id)
    assert [track.id for track in actual] == [track.id for track in expected]
    for track, other in zip(actual, expected, strict=True):
        for name in ("frames", "boxes", "scores"):
            np.testing.assert_array_equal(getattr(track, name), getattr(other, name))
        for name in ("cls", "origins", "keyframes", "attributes"):
            assert getattr(track, name) == getattr(other, name)
