"""Slices: parts of a test set that a model may fail on while it does well on the whole.

A slice is named `family=value`. Families from metadata of every image and every box:

    camera    where the clip was filmed
    trigger   what led to the clip, or `control`, `novelty`, `floor`, `imported`
    light     day or night, measured in the image
    people    0, 1, 2 or 3+ true boxes in the image
    size      small, medium or large: height of the box relative to the height of the image
    shape     wide or high: boxes wider than high show people who lie
    class     where there are several: a mean over classes hides that one is lost for another

and one from each attribute of the labels, such as `posture=lying`. In a slice of boxes (size,
shape, class, attributes) true boxes outside it are not selected, and a detection that matches one
is ignored. A detection that matches nothing has a size, a shape and a class too, so there it is a
false positive of its own size, shape or class, as in COCO; it has no posture, so in a slice by
attribute it is a false positive in every image that shows a box of the slice: one beside the bed is
a mistake about who lies in it, one in another room is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneclick.core.datasets import DatasetClip
from oneclick.training.evaluation import average_precision, error_analysis
from oneclick.training.evaluation.average_precision import Matches

MEDIUM, LARGE = 0.2, 0.5
"""Heights relative to the image from which a box is medium and large."""
DARK = 50.0
"""Mean luma, 0 … 255, below which an image counts as night."""
COLOURLESS = 6.0
"""Mean of the largest minus the smallest of R, G and B below which it counts as infrared: rendered
night cameras have 0, drab rooms by day 15."""
PIXEL_STRIDE = 4
"""Light is measured on every n-th pixel."""
MANY = 3
"""People from which an image is `people=3+`."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class ImageMetadata:
    """Metadata of the images of a test set, in order."""

    clips: tuple[str, ...]
    """Clip of each image."""
    night: Bools
    """(m,)."""
    heights: NDArray[np.float64]
    """(m,) px."""
    traits: tuple[tuple[str, ...], ...]
    """Attributes of each true box, image by image, as "posture=lying"."""


@dataclass(frozen=True, kw_only=True)
class SliceScore:
    """Scores of a model on a slice; None where it has no true box."""

    name: str
    map: float | None
    ap50: float | None
    recall: float | None
    """Share of true boxes matched at IoU 0.5 with at least the operating score."""
    alarms: float
    """False positives an image at the operating score."""
    images: int
    clips: int
    boxes: int
    """True boxes."""


@dataclass(frozen=True, eq=False)
class EvaluationSlice:
    """The score of a slice and its matches, for the bootstrap."""

    score: SliceScore
    matches: Matches


class Selection(NamedTuple):
    """The images and boxes of a slice."""

    name: str
    images: Bools
    """(m,)."""
    truths: Bools
    """(t,) true boxes of the slice."""
    false_positive_rows: Bools
    """(n,) detections that are false positives of the slice where they match nothing."""


def is_night(image: NDArray[np.uint8]) -> bool:
    """Check whether an image (3, h, w) RGB is dark, or colourless as under infrared."""
    pixels = image[:, ::PIXEL_STRIDE, ::PIXEL_STRIDE].astype(np.float32)
    luma = np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), pixels, 1).mean()
    chroma = (pixels.max(0) - pixels.min(0)).mean()
    return bool(luma < DARK or chroma < COLOURLESS)


def cut(
    matches: Matches,
    metadata: ImageMetadata,
    threshold: float,
    clips: Sequence[DatasetClip] = (),
    classes: Sequence[str] = (),
) -> tuple[EvaluationSlice, ...]:
    """Return all slices but those that are the whole test set.

    Args:
        threshold: operating score.
        clips: lines of the manifest; without them there is no slice by camera or trigger.
        classes: names; without them classes are called by their number.
    """
    all_slices = []
    by_clip = {line.clip: line for line in clips}
    for selection in selections(matches, metadata, by_clip, classes):
        if (
            selection.images.all()
            and selection.truths.all()
            and selection.false_positive_rows.all()
        ):
            continue
        part = average_precision.subset(matches, selection.truths, selection.false_positive_rows)
        score = score_slice(selection, part, metadata, threshold)
        all_slices.append(EvaluationSlice(score, part))
    return tuple(all_slices)


def selections(
    matches: Matches,
    metadata: ImageMetadata,
    lines: Mapping[str, DatasetClip],
    classes: Sequence[str] = (),
) -> Iterator[Selection]:
    """Yield the slices by image, size, shape, class and attribute; `lines` by clip."""
    for family, values in image_values(matches, metadata, lines).items():
        for value in sorted(set(values) - {""}):
            images = np.array([image_value == value for image_value in values])
            truths, false_positive_rows = images[matches.truths.images], images[matches.images]
            yield Selection(f"{family}={value}", images, truths, false_positive_rows)
    yield from size_selections(matches, metadata)
    yield from shape_selections(matches, metadata)
    yield from class_selections(matches, metadata, classes)
    for name in sorted({name for traits in metadata.traits for name in traits}):
        truths = np.array([name in traits for traits in metadata.traits])
        images = _images_with(matches, metadata, truths)
        yield Selection(name, images, truths, images[matches.images])


def image_values(
    matches: Matches, metadata: ImageMetadata, lines: Mapping[str, DatasetClip]
) -> dict[str, list[str]]:
    """Return the value of each image by family; empty where the manifest has no such clip."""
    clips = [lines.get(clip) for clip in metadata.clips]
    people = np.bincount(matches.truths.images, minlength=len(clips)).tolist()
    return {
        "camera": [clip.camera if clip else "" for clip in clips],
        "light": ["night" if dark else "day" for dark in metadata.night.tolist()],
        "people": [f"{MANY}+" if n >= MANY else str(n) for n in people],
        "trigger": [(clip.led_by or clip.chosen_by) if clip else "" for clip in clips],
    }


def size_selections(matches: Matches, metadata: ImageMetadata) -> Iterator[Selection]:
    """Yield the slices of small, medium and large boxes that the test set shows."""
    true_height = matches.truths.sizes[:, 1] / metadata.heights[matches.truths.images]
    height = matches.sizes[:, 1] / metadata.heights[matches.images]
    limits = {"small": (0.0, MEDIUM), "medium": (MEDIUM, LARGE), "large": (LARGE, np.inf)}
    for name, (least, below) in limits.items():
        truths = (true_height >= least) & (true_height < below)
        if truths.any():
            images = _images_with(matches, metadata, truths)
            false_positive_rows = (height >= least) & (height < below)
            yield Selection(f"size={name}", images, truths, false_positive_rows)


def shape_selections(matches: Matches, metadata: ImageMetadata) -> Iterator[Selection]:
    """Yield the slices of boxes wider than high and of the others that the test set shows."""
    true_wide, wide = (sizes[:, 0] > sizes[:, 1] for sizes in (matches.truths.sizes, matches.sizes))
    for name, truths, false_positive_rows in (
        ("wide", true_wide, wide),
        ("high", ~true_wide, ~wide),
    ):
        if truths.any():
            images = _images_with(matches, metadata, truths)
            yield Selection(f"shape={name}", images, truths, false_positive_rows)


def class_selections(
    matches: Matches, metadata: ImageMetadata, names: Sequence[str]
) -> Iterator[Selection]:
    """Yield the slices of the classes that the test set shows, where it shows several."""
    shown = np.unique(matches.truths.classes).tolist()
    for number in shown if len(shown) > 1 else []:
        truths = matches.truths.classes == number
        images = _images_with(matches, metadata, truths)
        name = names[number] if number < len(names) else str(number)
        yield Selection(f"class={name}", images, truths, matches.classes == number)


def _images_with(matches: Matches, metadata: ImageMetadata, truths: Bools) -> Bools:
    """Return which images (m,) show one of these true boxes (t,)."""
    images = np.zeros(len(metadata.clips), bool)
    images[matches.truths.images[truths]] = True
    return images


def score_slice(
    selection: Selection, part: Matches, metadata: ImageMetadata, threshold: float
) -> SliceScore:
    """Score the matches of one slice at the operating score."""
    precision = average_precision.average(part)
    true_boxes, images = int(part.truth_counts.sum()), int(selection.images.sum())
    hits, false_positives = error_analysis.count_matches(part, threshold)
    return SliceScore(
        name=selection.name,
        map=float(average_precision.mean(precision)[0]) if true_boxes else None,
        ap50=float(np.nanmean(precision[0, :, 0])) if true_boxes else None,
        recall=hits / true_boxes if true_boxes else None,
        alarms=false_positives / max(images, 1),
        images=images,
        clips=len({metadata.clips[k] for k in np.flatnonzero(selection.images).tolist()}),
        boxes=true_boxes,
    )
