"""Novelty scores of one camera: how unlike its ordinary frames a frame is, by autoencoder or GAN.

Both learn to restore the ordinary frame, also where something was pasted into it, and both return
a map of doubt with the restored picture:
- Autoencoder: its decoder has a fourth channel, the log-odds that a place was not restored but
  replaced (after DRAEM, Zavrtanik et al., ICCV 2021, with one network instead of two);
- Ganomaly: the distance between the code of the frame and the code of the restored frame (Akçay et
  al., GANomaly, ACCV 2018), place by place.

A score is the highest doubt in the frame, in standard deviations above that of ordinary frames at
the same place, plus a little of the reconstruction error in the same unit, over the alarm level.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import BadInput, UnknownName
from oneclick.core.regions import WHOLE, Region
from oneclick.detectors import novelty_nets
from oneclick.detectors.base import Frame
from oneclick.detectors.novelty_nets import BATCH, HEIGHT, KINDS, WIDTH, Floats, NoveltyKind
from oneclick.storage import files, sealed_archives

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "HEIGHT",
    "KINDS",
    "WIDTH",
    "Floats",
    "NoveltyKind",
    "NoveltyModel",
    "NoveltyScorer",
    "PixelStatistics",
    "equalize_brightness",
    "load",
    "save",
]

DARK = 0.04
"""Brightness is compared where the background is lighter than this, 0 … 1."""
GAIN_LIMITS = (0.6, 1.6)
"""Brightness of a frame over that of the background is equalized within these limits."""
PIXEL_STRIDE = 7
"""The median brightness of every so manyth pixel is near enough."""
ERROR_SHARE = 0.05
"""Weight of the reconstruction error relative to the doubt."""


def shrink(frame: Frame) -> Frame:
    """Shrink a frame of any size to (HEIGHT, WIDTH, 3).

    Of large frames every second, third … pixel is enough for an average: 1080p takes a tenth.
    """
    step = max(1, min(frame.shape[0] // (2 * HEIGHT), frame.shape[1] // (2 * WIDTH)))
    small = cv2.resize(frame[::step, ::step], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def equalize_brightness(frames: Sequence[Frame] | NDArray[np.uint8], background: Floats) -> Floats:
    """Convert shrunk frames to (n, 3, HEIGHT, WIDTH) of about 0 … 1, as bright as the background.

    Args:
        background: (3, HEIGHT, WIDTH) 0 … 1, the camera's ordinary picture.
    """
    images = np.stack(list(frames)).transpose(0, 3, 1, 2).astype(np.float32) / 255
    pixels = images.reshape(len(images), -1)[:, ::PIXEL_STRIDE]
    reference = background.ravel()[::PIXEL_STRIDE]
    light, gain = reference > DARK, np.ones(len(pixels))
    if light.any():
        gain = np.median(pixels[:, light] / reference[light], axis=1)
    gain = np.clip(gain, *GAIN_LIMITS).astype(np.float32)
    return np.asarray(images / gain[:, None, None, None], np.float32)


@dataclass(frozen=True, eq=False)
class PixelStatistics:
    """Mean and spread of a map over ordinary frames, at each place; (h, w) each."""

    mean: Floats
    spread: Floats

    @classmethod
    def fit(cls, maps: Floats) -> PixelStatistics:
        """Compute the statistics of (n, h, w) maps of ordinary frames.

        Where nothing happened in them, the spread of the neighbourhood and of the whole picture
        count too: a place that was not visited yet may still be visited.
        """
        neighbourhood = cv2.blur(maps.var(0), (5, 5))
        variance = neighbourhood + np.float32(4) * maps.var() + np.float32(1e-8)
        return cls(maps.mean(0), np.sqrt(variance))

    def excess(self, maps: Floats) -> Floats:
        """Return (n, h, w) maps in spreads above the mean."""
        return np.asarray((maps - self.mean) / self.spread, np.float32)


@dataclass(eq=False, kw_only=True)
class NoveltyModel:
    """A network of one camera, with the statistics of its ordinary frames; stateless."""

    kind: NoveltyKind
    network: nn.Module
    """In evaluation mode, on the CPU."""
    background: Floats
    """(3, HEIGHT, WIDTH) 0 … 1: the camera's ordinary picture."""
    doubt: PixelStatistics
    error: PixelStatistics
    level: float
    """Alarm level: the raw score of the least ordinary training frames."""

    def score(self, frames: Sequence[Frame]) -> NDArray[np.float32]:
        """Return the novelty (n,) of frames of any size; 1 is the alarm level."""
        if not len(frames):
            return np.zeros(0, np.float32)
        return self.score_small(np.stack([shrink(frame) for frame in frames]))

    def score_small(self, frames: NDArray[np.uint8], region: Region = WHOLE) -> NDArray[np.float32]:
        """Return the novelty (n,) of shrunk frames, (n, HEIGHT, WIDTH, 3), within a region."""
        images = equalize_brightness(frames, self.background)
        doubt, error = novelty_nets.doubt_and_error(self.network, images)
        novelty = region.crop(self.doubt.excess(doubt)).max((1, 2))
        novelty += ERROR_SHARE * region.crop(self.error.excess(error)).max((1, 2))
        return np.asarray(np.maximum(novelty, 0) / self.level, np.float32)

    def state(self) -> dict[str, Any]:
        """Return tensors, numbers and strings that `torch.load(weights_only=True)` can read."""
        import torch

        arrays = {
            "background": self.background,
            "doubt_mean": self.doubt.mean,
            "doubt_spread": self.doubt.spread,
            "error_mean": self.error.mean,
            "error_spread": self.error.spread,
        }
        return {
            "kind": self.kind,
            "level": float(self.level),
            "weights": {name: value.clone() for name, value in self.network.state_dict().items()},
            "arrays": {name: torch.from_numpy(value.copy()) for name, value in arrays.items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> NoveltyModel:
        """Build the model that `state` was taken from.

        Raises:
            BadInput: it is not the state of such a model.
        """
        try:
            arrays = {name: value.numpy() for name, value in state["arrays"].items()}
            network = novelty_nets.build(state["kind"], arrays["background"])
            network.load_state_dict(state["weights"])
            return cls(
                kind=state["kind"],
                network=network.eval(),
                background=arrays["background"],
                doubt=PixelStatistics(arrays["doubt_mean"], arrays["doubt_spread"]),
                error=PixelStatistics(arrays["error_mean"], arrays["error_spread"]),
                level=float(state["level"]),
            )
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError, UnknownName):
            raise BadInput(
                "this is no model of novelty, or one of another version: train it again"
            ) from None


class NoveltyScorer:
    """Scores the frames of one video in order, a batch at a time."""

    def __init__(self, model: NoveltyModel) -> None:
        self.model = model
        self._batch: list[Frame] = []
        self._scores: list[NDArray[np.float32]] = []

    def add_frame(self, frame: Frame) -> None:
        """Score the next frame, together with a few others."""
        self._batch.append(shrink(frame))
        if len(self._batch) == BATCH:
            self._score_batch()

    def recent(self, frame: int) -> float:
        """Return the highest novelty in the last whole batch up to a frame; 0 before there is one.

        It does not depend on how many frames were added after that one.

        Args:
            frame: 0-based, one that was added.
        """
        batches = (frame + 1) // BATCH
        return float(self._scores[batches - 1].max()) if batches else 0.0

    def signals(self) -> dict[str, NDArray[np.float32]]:
        """Return the novelty of each frame so far, under the name of the kind of model."""
        self._score_batch()
        return {self.model.kind: np.concatenate([np.zeros(0, np.float32), *self._scores])}

    def _score_batch(self) -> None:
        if self._batch:
            self._scores.append(self.model.score_small(np.stack(self._batch)))
            self._batch = []


def save(path: Path, model: NoveltyModel, card: Mapping[str, Any]) -> None:
    """Write a model with its card atomically.

    Args:
        card: where the model comes from; numbers, strings, and lists of them.

    Raises:
        NoSpace: the device is full.
        Unavailable: the place cannot be written.
    """
    import torch

    content = io.BytesIO()
    torch.save({"card": dict(card), "model": model.state()}, content)
    files.write_atomic(path, sealed_archives.add_seal(content.getvalue()))


def load(path: Path) -> tuple[NoveltyModel, dict[str, Any]]:
    """Read a model and its card.

    Raises:
        BadInput: in one line, if the file is missing, broken or of another version.
    """
    import torch

    try:
        content = io.BytesIO(sealed_archives.read(path))
        document = torch.load(content, map_location="cpu", weights_only=True)
        return NoveltyModel.from_state(document["model"]), dict(document["card"])
    except (BadInput, OSError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError, EOFError):
        raise BadInput(f"{path} is no model of novelty: delete it and train it again") from None
