"""A foreign graph: how it is fed and read; its inputs are told from their names and types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import onnx_names
from oneclick.detectors.onnx_layouts import FinalLayout, OutputLayout, Outputs
from oneclick.detectors.onnx_pictures import PictureFormat
from oneclick.detectors.onnx_session import GraphSession

FLOATS: dict[str, type[np.floating[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}
NUMBERS: dict[str, type[np.number[Any]]] = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
}
MASKS, SIZES = ("pixel_mask",), ("orig_target_sizes", "orig_size", "target_sizes")
"""Names of inputs beside the picture."""
OUTPUT_FIELDS = ("output", "logits", "boxes", "scores", "labels")
"""Fields of layouts that name outputs."""


@dataclass(frozen=True, kw_only=True)
class ForeignGraph:
    """How a foreign graph is fed and read."""

    image: str
    """Name of the input of pictures."""
    dtype: type[np.floating[Any]]
    has_batch: bool
    """Whether the input has an axis for several pictures."""
    masks: tuple[tuple[str, tuple[int | None, int | None]], ...]
    """Inputs that tell where the picture is, with their fixed height and width."""
    sizes: tuple[tuple[str, type[np.number[Any]]], ...]
    """Inputs that tell the size of the frame, with their types."""
    picture: PictureFormat
    layout: OutputLayout
    names: tuple[str, ...]

    def feeds(
        self, pictures: list[NDArray[np.float32]], frames: list[tuple[int, int]]
    ) -> dict[str, NDArray[Any]]:
        """Return the inputs for pictures of one size.

        Args:
            pictures: (3, height, width) each.
            frames: height and width of each frame.
        """
        batch = np.stack(pictures) if self.has_batch else pictures[0]
        inputs: dict[str, NDArray[Any]] = {self.image: batch.astype(self.dtype, copy=False)}
        for name, fixed in self.masks:
            shape = [side or batch.shape[2 + k] for k, side in enumerate(fixed)]
            inputs[name] = np.ones((len(pictures), *shape), np.int64)
        for name, kind in self.sizes:
            inputs[name] = np.array([(width, height) for height, width in frames], kind)
        return inputs

    def of_picture(self, outputs: Outputs, place: int) -> Outputs:
        """Return the outputs of the picture at a place in the batch, without that axis."""
        if isinstance(self.layout, FinalLayout) and outputs[self.layout.scores].ndim == 1:
            return outputs
        return {name: value[place] for name, value in outputs.items() if value.ndim}

    @property
    def used_outputs(self) -> list[str]:
        """Return the names of the outputs that the layout reads."""
        fields = vars(self.layout).items()
        return sorted({value for key, value in fields if key in OUTPUT_FIELDS})


def with_inputs(session: GraphSession) -> ForeignGraph:
    """Return a graph whose inputs are known, and its outputs not yet.

    Raises:
        DetectorUnavailable: in one line, if it takes no picture, or something else beside it.
    """
    floats = [each for each in session.inputs if each.type in FLOATS and len(each.shape) in (3, 4)]
    images = [each for each in floats if each.shape[-3] == 3]
    if not images:  # the number of channels may be open
        images = [e for e in floats if len(e.shape) == 4 and not isinstance(e.shape[1], int)]
    masks = [e for e in session.inputs if e.name in MASKS and len(e.shape) == 3]
    sizes = [e for e in session.inputs if e.name in SIZES and e.type in NUMBERS]
    if len(images) != 1 or len(session.inputs) > 1 + len(masks) + len(sizes):
        shapes = ", ".join(f"{each.name} {each.shape} {each.type}" for each in session.inputs)
        raise DetectorUnavailable(
            f"detector onnx:{session.path}: unknown layout, inputs {shapes[:200]}; it must have "
            "one float input (batch, 3, height, width) of pictures"
        )
    image = images[0]

    def fixed(sides: list[int | str | None]) -> tuple[int | None, int | None]:
        height, width = (side if isinstance(side, int) else None for side in sides)
        return height, width

    height, width = fixed(image.shape[-2:])
    return ForeignGraph(
        image=image.name,
        dtype=FLOATS[image.type],
        has_batch=len(image.shape) == 4,
        masks=tuple((each.name, fixed(each.shape[1:])) for each in masks),
        sizes=tuple((each.name, NUMBERS[each.type]) for each in sizes),
        picture=PictureFormat(
            size=(height, width)
            if height and width
            else onnx_names.size_in_metadata(session.metadata)
        ),
        layout=FinalLayout("", "", "", 0),
        names=(),
    )
