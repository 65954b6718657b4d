"""Images and boxes of a dataset version, read on access.

Nothing is held per image: a clip's annotation is opened in `__getitem__`, decoded once per worker
and kept in a small cache. A worker starts as fast at ten million images as at ten thousand.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from oneclick.core import boxes as geometry
from oneclick.core.datasets import DatasetClip, Split
from oneclick.core.errors import BadInput, BadLabels
from oneclick.detectors import networks
from oneclick.storage import bounded_files, datasets, jpeg, published_labels
from oneclick.training import label_masking, laid_down, sample
from oneclick.training.augment import Image, augment
from oneclick.training.broken_pictures import BrokenPicture
from oneclick.training.sample import ImageSample, SamplingPlan, TrainingSampler, VisitIndex

CACHED_CLIPS = sample.WINDOW
"""Opened annotations that a worker keeps."""
CACHED_IMAGE_BYTES = 512 << 20
"""Decoded images that all workers together keep, where that holds the whole split: on two cores
decoding is a fifth of a step."""
NO_BOXES = np.zeros((0, 4), np.float32)
NO_IMAGE = np.zeros((1, 1, 3), np.uint8)
MAX_SUBSTITUTES = 100
"""Pictures that are tried in place of a broken one."""


class BrokenImage(BadInput):
    """A picture that cannot be used; others can."""


BoxAttributes: TypeAlias = tuple[tuple[str, ...], ...]
"""Attributes of each box as "posture=lying"."""


class LabelledImage(NamedTuple):
    """One image with its labels."""

    image: torch.Tensor
    """(3, h, w) uint8 RGB."""
    boxes: torch.Tensor
    """(n, 4) float32 px of the image."""
    labels: torch.Tensor
    """(n,) int64, 1 … number of classes."""
    key: tuple[str, int]
    """Clip and frame."""
    ignored: torch.Tensor
    """(k, 4) px: regions to ignore; greyed out and empty where the image is augmented."""
    traits: BoxAttributes
    """Of each box; empty where the image is augmented."""
    broken: tuple[BrokenPicture, ...] = ()
    """Pictures that could not be read in its place."""
    is_missing: bool = False
    """No other picture stands for the broken one: there is nothing to use here."""

    @classmethod
    def missing(cls, picture: BrokenPicture) -> LabelledImage:
        """Return the place of a picture that is left out."""
        key, classes = (picture.clip, picture.frame), np.zeros(0, np.int64)
        item = cls.from_arrays(NO_IMAGE, NO_BOXES, classes, key)
        return item._replace(broken=(picture,), is_missing=True)

    @classmethod
    def from_arrays(
        cls,
        image: Image,
        boxes: NDArray[np.float32],
        labels: NDArray[np.int64],
        key: tuple[str, int],
        ignored: NDArray[np.float32] = NO_BOXES,
        traits: BoxAttributes = (),
    ) -> LabelledImage:
        """Convert arrays to tensors, (h, w, 3) to (3, h, w); clip boxes to the image."""
        boxes = geometry.clip(boxes, image.shape[1], image.shape[0])
        # Boxes thinner than half a pixel have no area to learn, and torchvision refuses them.
        keep = np.asarray((boxes[:, 2:] - boxes[:, :2]) >= 0.5).all(axis=1)
        if not keep.all():
            boxes, labels = boxes[keep], labels[keep]
            traits = tuple(traits[k] for k in np.flatnonzero(keep).tolist()) if traits else ()
        return cls(
            image=torch.from_numpy(image).permute(2, 0, 1),
            boxes=torch.from_numpy(boxes),
            labels=torch.from_numpy(labels),
            key=key,
            ignored=torch.from_numpy(ignored),
            traits=traits,
        )


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images and targets for a network, and what evaluation needs besides."""

    images: list[torch.Tensor]
    targets: list[dict[str, torch.Tensor]]
    """`boxes` and `labels` of each image."""
    keys: list[tuple[str, int]]
    """Clip and frame of each image."""
    ignored: list[torch.Tensor]
    """(k, 4) px: regions to ignore in each image."""
    traits: list[BoxAttributes]
    broken: list[BrokenPicture] = field(default_factory=list)
    """Pictures that were left out."""


BatchLoader: TypeAlias = DataLoader[LabelledImage]
"""Yields a Batch at a time."""


@dataclass(frozen=True)
class ImageOptions:
    """Which frames of a dataset version are images, at which size and with which labels."""

    arch: str
    classes: tuple[str, ...]
    """Class k has the label k + 1; label 0 is the background."""
    stride: int = 1
    """Every n-th frame of a clip is an image."""
    origins: Mapping[str, float] | None = None
    """Weight of a box by the letter of its origin, 0 … 1; 1 for letters that are absent."""
    excluded: tuple[str, ...] = ()
    """Clips that are left out."""
    size: tuple[int, int] | None = None
    """Height and width in px of the frame that images are fitted into; None follows from `arch`."""
    turned: float = 0.0
    """Share of the augmented images that are turned by 90°."""
    laid: float = 0.0
    """Share of the augmented images in which a person who stands is copied, lying."""


class ClipImages(Dataset[LabelledImage]):
    """One split of a dataset version, indexed by an ImageSample or by number.

    A sample with a seed gives the augmented image, in which regions to ignore and boxes that are
    masked out by their origin are grey. Where a picture or the labels of its clip are broken, a
    sample with a seed gives another picture, drawn by that seed, and one without gives a missing
    one; either tells what is broken.

    Raises:
        BadInput: the manifest is missing or broken; on access by number, an image or a label file
            is; on access by sample, so many are that none was found in their place.
    """

    def __init__(
        self, root: Path, version: str, split: Split, options: ImageOptions, workers: int = 0
    ) -> None:
        self.root, self.options = root, options
        self.index = datasets.open_index(root / "datasets" / version, split, options.excluded)
        height, width = self.size = options.size or networks.input_size(options.arch)
        cache_bytes = CACHED_IMAGE_BYTES // max(1, workers)
        self._caches_images = len(self) * height * width * 3 <= cache_bytes
        self._clear_caches()

    def walk(self) -> VisitIndex:
        """Return an index that shows every image once, in order."""
        return VisitIndex(self.index.frames, self.options.stride)

    def visits(self, factors: Mapping[str, float]) -> VisitIndex:
        """Return the index that training draws from; `factors` as in `sample.clip_weights`."""
        visit = sample.visit_length(self.walk().images)
        weights = sample.clip_weights(self.index, factors)
        return VisitIndex(self.index.frames, self.options.stride, weights, visit)

    def __len__(self) -> int:
        return int((-(-self.index.frames // self.options.stride)).sum())

    def __getitem__(self, key: int | ImageSample) -> LabelledImage:
        if not isinstance(key, ImageSample):
            return self.load(self.sample_at(key))
        try:
            return self.load(key)
        except (BrokenImage, BadLabels) as error:
            picture = self.broken_picture(key, error)
        if key.seed is None:
            return LabelledImage.missing(picture)
        return self.substitute(picture, key.seed)

    def substitute(self, picture: BrokenPicture, seed: int) -> LabelledImage:
        """Return another picture than a broken one: the same on every rank and in every worker.

        Raises:
            BadInput: no other picture can be read either.
        """
        rng, broken = np.random.default_rng((seed, 2)), [picture]
        for number in rng.integers(0, len(self), MAX_SUBSTITUTES).tolist():
            position = dataclasses.replace(self.sample_at(number), seed=seed)
            try:
                return self.load(position)._replace(broken=tuple(broken))
            except (BrokenImage, BadLabels) as error:
                broken.append(self.broken_picture(position, error))
        raise BadInput(
            f"{picture.name}: {picture.reason}; {MAX_SUBSTITUTES} other pictures are broken too: "
            "oneclick data verify"
        )

    def broken_picture(self, position: ImageSample, error: BadInput) -> BrokenPicture:
        """Describe a picture that cannot be read."""
        return BrokenPicture(self.index.clip(position.clip).clip, position.frame, str(error))

    def load(self, position: ImageSample) -> LabelledImage:
        """Read one picture with its labels.

        Raises:
            BrokenImage: the picture is broken. BadLabels: the labels of its clip are.
            BadInput: a class is unknown.
        """
        clip, annotation = self.load_clip(position.clip)
        image, scale = self.load_image(clip, position.frame)
        labels = annotation.at(position.frame)
        classes = [self.options.classes.index(name) + 1 for name in labels.classes]
        arrays = image, labels.boxes * scale, np.array(classes, np.int64)
        name, ignored = (clip.clip, position.frame), labels.ignored * scale
        if position.seed is None:
            return LabelledImage.from_arrays(*arrays, name, ignored, labels.traits)
        arrays = self._augment(*arrays, ignored, labels.origins, position.seed)
        return LabelledImage.from_arrays(*arrays, name)

    def _augment(
        self,
        image: Image,
        boxes: NDArray[np.float32],
        classes: NDArray[np.int64],
        ignored: NDArray[np.float32],
        origins: str,
        seed: int,
    ) -> tuple[Image, NDArray[np.float32], NDArray[np.int64]]:
        """Mask regions and boxes out, then augment; image, boxes and labels."""
        if self.options.origins or len(ignored):
            # A stream of its own: what is masked does not change how the rest is augmented.
            rng = np.random.default_rng((seed, 1))
            masked = label_masking.sample_masked(origins, self.options.origins or {}, rng)
            hidden = np.concatenate([boxes[masked], ignored])
            boxes, classes = boxes[~masked], classes[~masked]
            image = label_masking.grey_out(image, hidden, boxes)
        # A stream of its own, likewise.
        rng = np.random.default_rng((seed, 4))
        if self.options.laid and rng.random() < self.options.laid:
            image, laid_box, row = laid_down.lay_down(image, boxes, rng)
            boxes = np.concatenate([boxes, laid_box])
            classes = np.append(classes, classes[row : row + 1] if row >= 0 else classes[:0])
        rng = np.random.default_rng(seed)
        image, boxes, visible = augment(image, boxes, rng, self.options.turned)
        return image, boxes, classes[visible]

    def __getstate__(self) -> dict[str, object]:
        state = {k: v for k, v in self.__dict__.items() if not k.startswith("_")}
        return state | {"_caches_images": self._caches_images}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._clear_caches()

    def _clear_caches(self) -> None:
        self._clips: OrderedDict[int, tuple[DatasetClip, published_labels.ClipAnnotation]] = (
            OrderedDict()
        )
        self._images: dict[tuple[str, int], tuple[Image, NDArray[np.float32]]] = {}
        self._walk: VisitIndex | None = None

    def sample_at(self, number: int) -> ImageSample:
        """Return the clip and frame of an image by its number in order; not augmented.

        Raises:
            IndexError: there is no such image.
        """
        if not 0 <= number < len(self):
            raise IndexError(number)
        self._walk = self._walk or self.walk()
        clips, frames = self._walk.at(np.array([number]), np.zeros(1, np.int64))
        return ImageSample(int(clips[0]), int(frames[0]))

    def load_clip(self, number: int) -> tuple[DatasetClip, published_labels.ClipAnnotation]:
        """Read a clip's manifest line and its annotation, from the cache where it is open."""
        if number not in self._clips:
            clip = self.index.clip(number)
            path = f"{self.root}/clips/{clip.clip}/{datasets.labels_name(clip.revision)}"
            self._clips[number] = clip, published_labels.load(path, clip, self.options.classes)
            if len(self._clips) > CACHED_CLIPS:
                self._clips.popitem(last=False)
        self._clips.move_to_end(number)
        return self._clips[number]

    def load_image(self, clip: DatasetClip, frame: int) -> tuple[Image, NDArray[np.float32]]:
        """Read an image as `read_image` does, from the cache where that holds the whole split."""
        entry = self._images.get((clip.clip, frame))
        if entry is None:
            path = f"{self.root}/clips/{clip.clip}/frames/{frame:06d}.jpg"
            entry = read_image(path, self.size, (clip.height, clip.width))
            if self._caches_images:
                self._images[clip.clip, frame] = entry
        return entry


def read_image(
    path: str, frame: tuple[int, int], size: tuple[int, int]
) -> tuple[Image, NDArray[np.float32]]:
    """Read an image fitted into a frame: (h, w, 3) RGB, and the factor per box side (4,).

    A JPEG much larger than that is decoded at a half, a quarter or an eighth, which is faster.

    Args:
        frame: height and width of a landscape frame in px.
        size: height and width of the image as it was published.

    Raises:
        BrokenImage: it is missing or incomplete, does not decode or has another size.
    """
    height, width = size
    new_height, new_width = networks.fitted_size(frame, height, width)
    shrink = min(height / new_height, width / new_width)
    factor = next(factor for factor in jpeg.FACTORS if factor <= max(shrink, 1))
    content = bounded_files.read_bytes(Path(path), jpeg.MAX_BYTES, BrokenImage)
    try:
        image = jpeg.decode(content, path, size, factor)
    except BadInput as error:
        raise BrokenImage(str(error)) from None
    small = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_AREA)
    scale = np.array([new_width / width, new_height / height] * 2, np.float32)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8), scale


def collate(images: Sequence[LabelledImage]) -> Batch:
    """Collect images into a Batch; sizes may differ, images without boxes stay."""
    usable = [item for item in images if not item.is_missing]
    return Batch(
        images=[item.image for item in usable],
        targets=[{"boxes": item.boxes, "labels": item.labels} for item in usable],
        keys=[item.key for item in usable],
        ignored=[item.ignored for item in usable],
        traits=[item.traits for item in usable],
        broken=[picture for item in images for picture in item.broken],
    )


def training_batches(
    images: ClipImages, visits: VisitIndex, plan: SamplingPlan, workers: int = 0, passes: int = 1
) -> BatchLoader:
    """Load augmented images, `passes` batches for each step of `plan`."""
    sampler = TrainingSampler(visits, plan)
    return _loader(images, sampler.share // passes, sampler, workers)


def plain_batches(
    images: ClipImages, batch: int, workers: int = 0, most: int | None = None
) -> BatchLoader:
    """Load every image once, or `most` spread over all; not augmented, in order."""
    return _loader(images, batch, sample.plain_samples(images.walk(), most), workers)


def _loader(images: ClipImages, batch: int, sampler: Any, workers: int) -> BatchLoader:
    return DataLoader(
        images,
        batch,
        sampler=sampler,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_use_one_thread if workers else None,
        # A fork of a process that runs threads may hang; spawned workers start clean.
        multiprocessing_context="spawn" if workers else None,
    )


def _use_one_thread(worker: int) -> None:
    cv2.setNumThreads(1)
