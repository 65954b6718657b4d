"""Parts of a test set that a model may fail on while it does well on the whole.

A slice is named `family=value`. Five families come from what is known of every image:

    camera    where the clip was filmed
    trigger   what led to the clip, or `control`, `novelty`, `floor`, `imported`
    light     day or night, seen in the picture
    people    0, 1, 2 or 3+ true boxes in the image
    size      small, medium or large: height of the box beside the height of the picture

and one from each attribute of the labels, such as `posture=lying`. In a slice of boxes (size,
attributes) true boxes outside it are not asked for, and a detection that matched one counts neither
way. A detection that matched nothing has a size too, so in `size` it counts where it belongs, as in
COCO; it has no posture, so in a slice by attribute it counts in every image that shows a box of the
slice: an alarm beside the bed is a mistake about who lies in it, one in another room is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.core.datasets import DatasetClip
from oneclick.training.evaluation import average_precision, error_analysis
from oneclick.training.evaluation.average_precision import Matches

MEDIUM, LARGE = 0.2, 0.5
"""Heights of box over picture from which a box is medium and large."""
DARK = 50.0
"""Mean luma, 0 … 255, below which a picture counts as night."""
COLOURLESS = 6.0
"""Mean of the largest minus the smallest of R, G and B below which it counts as infrared: rendered
night cameras have 0, drab rooms by day 15."""
SKIP = 4
"""Every n-th pixel tells the light."""
MANY = 3
"""People from which an image is `people=3+`."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Facts:
    """What is known of the images of a test set, in order."""

    clips: tuple[str, ...]
    """Clip of each image."""
    night: Bools
    """(m,)."""
    heights: NDArray[np.float64]
    """(m,) px."""
    traits: tuple[tuple[str, ...], ...]
    """Attributes of each true box, image by image, as "posture=lying"."""


@dataclass(frozen=True)
class Score:
    """What a model is worth on a slice; None where nothing was to be found."""

    name: str
    map: float | None
    ap50: float | None
    recall: float | None
    """Share of true boxes found at IoU 0.5 with at least the operating score."""
    alarms: float
    """False boxes an image at the operating score."""
    images: int
    clips: int
    boxes: int
    """True boxes."""


@dataclass(frozen=True, eq=False)
class Slice:
    """A slice and its matches, for the bootstrap."""

    score: Score
    matches: Matches


def night(picture: NDArray[np.uint8]) -> bool:
    """Whether a picture (3, h, w) RGB is dark, or colourless as under infrared."""
    pixels = picture[:, ::SKIP, ::SKIP].astype(np.float32)
    luma = np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), pixels, 1).mean()
    chroma = (pixels.max(0) - pixels.min(0)).mean()
    return bool(luma < DARK or chroma < COLOURLESS)


def cut(
    matches: Matches, facts: Facts, threshold: float, clips: Sequence[DatasetClip] = ()
) -> tuple[Slice, ...]:
    """All slices but those that are the whole; camera and trigger need the manifest's lines.

    Args:
        threshold: operating score.
    """
    known = {line.clip: line for line in clips}
    found = []
    for name, images, asked, free in _all(matches, facts, known):
        if images.all() and asked.all() and free.all():
            continue
        part = average_precision.part(matches, asked, free)
        found.append(Slice(_score(name, part, images, facts, threshold), part))
    return tuple(found)


def _all(
    matches: Matches, facts: Facts, known: Mapping[str, DatasetClip]
) -> Iterator[tuple[str, Bools, Bools, Bools]]:
    """Name, images, true boxes and detections of each slice."""
    for family, values in _families(matches, facts, known).items():
        for value in sorted(set(values) - {""}):
            images = np.array([one == value for one in values])
            yield f"{family}={value}", images, images[matches.true.images], images[matches.images]
    yield from _sizes(matches, facts)
    yield from _traits(matches, facts)


def _families(
    matches: Matches, facts: Facts, known: Mapping[str, DatasetClip]
) -> dict[str, list[str]]:
    """Value of each image; empty where nobody knows."""
    lines = [known.get(clip) for clip in facts.clips]
    people = np.bincount(matches.true.images, minlength=len(lines)).tolist()
    return {
        "camera": [line.camera if line else "" for line in lines],
        "light": ["night" if dark else "day" for dark in facts.night.tolist()],
        "people": [f"{MANY}+" if n >= MANY else str(n) for n in people],
        "trigger": [(line.led_by or line.chosen_by) if line else "" for line in lines],
    }


def _sizes(matches: Matches, facts: Facts) -> Iterator[tuple[str, Bools, Bools, Bools]]:
    true = matches.true.heights / facts.heights[matches.true.images]
    made = matches.heights / facts.heights[matches.images]
    limits = {"small": (0.0, MEDIUM), "medium": (MEDIUM, LARGE), "large": (LARGE, np.inf)}
    for name, (least, below) in limits.items():
        asked = (true >= least) & (true < below)
        if asked.any():
            images = _holding(matches, facts, asked)
            yield f"size={name}", images, asked, (made >= least) & (made < below)


def _traits(matches: Matches, facts: Facts) -> Iterator[tuple[str, Bools, Bools, Bools]]:
    for name in sorted({name for traits in facts.traits for name in traits}):
        asked = np.array([name in traits for traits in facts.traits])
        images = _holding(matches, facts, asked)
        yield name, images, asked, images[matches.images]


def _holding(matches: Matches, facts: Facts, asked: Bools) -> Bools:
    """Images that show one of the true boxes asked for."""
    images = np.zeros(len(facts.clips), bool)
    images[matches.true.images[asked]] = True
    return images


def _score(name: str, part: Matches, images: Bools, facts: Facts, threshold: float) -> Score:
    found = average_precision.average(part)
    boxes = int(part.truths.sum())
    hits, false = error_analysis.counts(part, threshold)
    seen = int(images.sum())
    clips = len({facts.clips[k] for k in np.flatnonzero(images).tolist()})
    return Score(
        name,
        float(average_precision.mean(found)[0]) if boxes else None,
        float(np.nanmean(found[0, :, 0])) if boxes else None,
        hits / boxes if boxes else None,
        false / max(seen, 1),
        seen,
        clips,
        boxes,
    )
