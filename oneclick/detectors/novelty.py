"""Frames of one camera that show what it never saw: an autoencoder and a GAN say how strange.

Both learn to give the ordinary frame back, also where something was pasted into it, and both keep
a map of doubt beside the restored picture:
- Autoencoder: its decoder has a fourth channel, the log-odds that a place was not restored but
  replaced (after DRAEM, Zavrtanik et al., ICCV 2021, with one network instead of two);
- Ganomaly: the distance between the code of the frame and the code of the restored frame (Akçay et
  al., GANomaly, ACCV 2018), place by place.

A score is the highest doubt in the frame after the doubt that ordinary frames raise at that place,
plus a little of the reconstruction error in the same measure, over the level of the alarm.
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
from oneclick.detectors import novelty_nets
from oneclick.detectors.base import Frame
from oneclick.detectors.novelty_nets import BATCH, HEIGHT, KINDS, WIDTH, Floats, Kind
from oneclick.storage import files

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "HEIGHT",
    "KINDS",
    "WIDTH",
    "Floats",
    "Kind",
    "Novelty",
    "Scorer",
    "Usual",
    "evened",
    "load",
    "save",
]

DARK = 0.04
"""Brightness is compared where the background is lighter than this, 0 … 1."""
GAIN = (0.6, 1.6)
"""Brightness of a frame over that of the background is evened out within these limits."""
EVERY = 7
"""The median brightness of every so manyth pixel is near enough."""
ERROR_SHARE = 0.05
"""Weight of the reconstruction error beside the doubt."""


def shrink(frame: Frame) -> Frame:
    """(HEIGHT, WIDTH, 3) of a frame of any size.

    Of large frames every second, third … pixel is enough for an average: 1080p takes a tenth.
    """
    step = max(1, min(frame.shape[0] // (2 * HEIGHT), frame.shape[1] // (2 * WIDTH)))
    small = cv2.resize(frame[::step, ::step], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def evened(frames: Sequence[Frame] | NDArray[np.uint8], background: Floats) -> Floats:
    """Shrunk frames as (n, 3, HEIGHT, WIDTH) 0 … 1 (and a little over), as bright as usual.

    Args:
        background: (3, HEIGHT, WIDTH) 0 … 1, the camera's ordinary picture.
    """
    images = np.stack(list(frames)).transpose(0, 3, 1, 2).astype(np.float32) / 255
    flat, usual = images.reshape(len(images), -1)[:, ::EVERY], background.ravel()[::EVERY]
    light = usual > DARK
    gain = np.median(flat[:, light] / usual[light], axis=1) if light.any() else np.ones(len(flat))
    gain = np.clip(gain, *GAIN).astype(np.float32)
    return np.asarray(images / gain[:, None, None, None], np.float32)


@dataclass(frozen=True, eq=False)
class Usual:
    """What ordinary frames raise at each place; (h, w) each."""

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, maps: Floats) -> Usual:
        """From (n, h, w) maps of ordinary frames.

        Where nothing happened in them, the spread of the neighbourhood and of the whole picture
        count too: a place that nobody visited yet is not a place that nobody may visit.
        """
        near = cv2.blur(maps.var(0), (5, 5))
        return cls(maps.mean(0), np.sqrt(near + np.float32(4) * maps.var() + np.float32(1e-8)))

    def excess(self, maps: Floats) -> Floats:
        """(n, h, w) in spreads above the mean."""
        return np.asarray((maps - self.mean) / self.spread, np.float32)


@dataclass(eq=False)
class Novelty:
    """A network of one camera with what it needs to score frames; stateless."""

    kind: Kind
    network: nn.Module
    """In evaluation mode, on the CPU."""
    background: Floats
    """(3, HEIGHT, WIDTH) 0 … 1: the camera's ordinary picture."""
    doubt: Usual
    error: Usual
    level: float
    """Raw score of the strangest ordinary frames."""

    def score(self, frames: Sequence[Frame]) -> NDArray[np.float32]:
        """(n,) how strange each frame of any size is; 1 is the level of the alarm."""
        if not len(frames):
            return np.zeros(0, np.float32)
        return self.score_small(np.stack([shrink(frame) for frame in frames]))

    def score_small(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`score` of frames that are shrunk already, (n, HEIGHT, WIDTH, 3)."""
        doubt, error = novelty_nets.maps(self.network, evened(frames, self.background))
        strange = self.doubt.excess(doubt).max((1, 2))
        strange += ERROR_SHARE * self.error.excess(error).max((1, 2))
        return np.asarray(np.maximum(strange, 0) / self.level, np.float32)

    def state(self) -> dict[str, Any]:
        """Tensors, numbers and words: what `torch.save` writes and `weights_only` reads."""
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
    def from_state(cls, state: Mapping[str, Any]) -> Novelty:
        """The model that `state` was taken from.

        Raises:
            BadInput: it is not the state of such a model.
        """
        try:
            arrays = {name: value.numpy() for name, value in state["arrays"].items()}
            network = novelty_nets.build(state["kind"], arrays["background"])
            network.load_state_dict(state["weights"])
            doubt, error = (
                Usual(arrays[f"{name}_mean"], arrays[f"{name}_spread"])
                for name in ("doubt", "error")
            )
            level = float(state["level"])
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError, UnknownName):
            raise BadInput(
                "this is no model of novelty, or one of another version: train it again"
            ) from None
        return cls(state["kind"], network.eval(), arrays["background"], doubt, error, level)


class Scorer:
    """Scores the frames of one video as they pass, a batch at a time."""

    def __init__(self, model: Novelty) -> None:
        self.model = model
        self._waiting: list[Frame] = []
        self._scores: list[NDArray[np.float32]] = []

    def see(self, frame: Frame) -> None:
        """Take in the next frame."""
        self._waiting.append(shrink(frame))
        if len(self._waiting) == BATCH:
            self._flush()

    def signals(self) -> dict[str, NDArray[np.float32]]:
        """How strange each frame seen is, under the name of the kind of model."""
        self._flush()
        return {self.model.kind: np.concatenate([np.zeros(0, np.float32), *self._scores])}

    def _flush(self) -> None:
        if self._waiting:
            self._scores.append(self.model.score_small(np.stack(self._waiting)))
            self._waiting = []


def save(path: Path, model: Novelty, card: Mapping[str, Any]) -> None:
    """Write a model with its card, in one atomic step.

    Args:
        card: where it comes from; numbers, words, and lists of them.

    Raises:
        NoSpace, Unavailable: if the disk refuses; nothing half-written stays.
    """
    import torch

    content = io.BytesIO()
    torch.save({"card": dict(card), "model": model.state()}, content)
    files.write_atomic(path, content.getvalue())


def load(path: Path) -> tuple[Novelty, dict[str, Any]]:
    """A model and its card.

    Raises:
        BadInput: in one line, if the file is missing, broken or of another version.
    """
    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        return Novelty.from_state(found["model"]), dict(found["card"])
    except (OSError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError, EOFError):
        raise BadInput(f"{path} is no model of novelty: delete it and train it again") from None
