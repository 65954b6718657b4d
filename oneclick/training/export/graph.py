"""One ONNX graph of a network: a frame of any size goes in, boxes in its own px come out.

The graph has three parts. The first resizes as the network's own input transform does, anti-aliased
where that is; the second is traced from torch, with its normalisation, padding, decoding and NMS;
the third scales boxes back to the frame.
"""

from __future__ import annotations

import copy
import io
import warnings
from dataclasses import dataclass
from typing import Any

import onnx
import torch
from onnx import compose, helper, parser
from torch import Tensor, nn

from oneclick.core.errors import OneclickError
from oneclick.detectors import graph_card
from oneclick.detectors.graph_card import GraphCard

OPSET = 18
"""The first in which Resize has anti-aliasing."""
IR_VERSION = 9
INPUT, RESIZE, OUTPUT = "input/", "resize/", "output/"
"""Beginnings of names in the first and the last part of a graph."""
NETWORK = "network/"
"""Beginning of the names in the part that was traced."""
_IMAGE, _COLUMNS = "image", ("found_boxes", "found_scores", "found_labels")


class ExportFailed(OneclickError):
    """A network that cannot be written as a graph; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Core:
    """The part of a network that is traced, and how frames are fitted into it."""

    module: nn.Module
    """Takes an image (3, h, w) in 0 … 1 that fits; returns boxes (n, 4) in its px, scores (n,) and
    labels (n,), 0-based."""
    limits: tuple[int, int] | None = None
    """Short and long side of the landscape frame that images are fitted into, proportions kept."""
    turns: bool = True
    """Whether that frame is turned upright for upright images."""
    fixed: tuple[int, int] | None = None
    """Or the height and width that all images are stretched to."""
    antialias: bool = True

    @property
    def example(self) -> Tensor:
        """Return an image to trace with, sides different and no multiple of a stride."""
        if self.fixed:
            return torch.rand(3, *self.fixed)
        assert self.limits
        short, long = self.limits
        return torch.rand(3, short - 2, min(long, short * 4 // 3))


def core(network: nn.Module) -> Core:
    """Return the part of a network that is traced; the network stays as it is.

    Raises:
        ExportFailed: networks of its kind are not exported.
    """
    if hasattr(network, "transform"):
        return _torchvision(network)
    if hasattr(network, "prepare") and hasattr(network, "detect"):
        return _transformers(network)
    raise ExportFailed(f"networks of the kind {type(network).__name__} are not exported")


def _torchvision(network: Any) -> Core:
    """Return the core of a detector of torchvision, which resizes in its `transform`."""
    transform = network.transform
    fixed = transform.fixed_size
    return Core(
        module=_TorchvisionCore(network).eval(),
        limits=None if fixed else (transform.min_size[-1], transform.max_size),
        fixed=(fixed[1], fixed[0]) if fixed else None,
        antialias=not fixed,
    )


def _transformers(network: Any) -> Core:
    """Return the core of a detector of transformers, which resizes in its `prepare`."""
    canvas = network.plan.options["canvas"]
    return Core(
        module=_TransformersCore(network).eval(),
        limits=None if canvas else tuple(network.plan.size),
        turns=False,  # position codes are those of one shape
        fixed=tuple(canvas) if canvas else None,
    )


class _FittedTransform(nn.Module):
    """The input transform of torchvision without its resizing."""

    def __init__(self, transform: Any) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, images: list[Tensor], targets: Any = None) -> tuple[Any, Any]:
        from torchvision.models.detection.image_list import ImageList

        image = self.transform.normalize(images[0])
        sizes = [(image.shape[-2], image.shape[-1])]
        return ImageList(
            self.transform.batch_images([image], self.transform.size_divisible), sizes
        ), None

    def postprocess(self, result: Any, sizes: Any, original_sizes: Any) -> Any:
        return result


class _TorchvisionCore(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu().eval()
        self.network.transform = _FittedTransform(self.network.transform)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        output = self.network([image])[0]
        return output["boxes"], output["scores"], output["labels"] - 1


class _TransformersCore(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu().eval()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        short, long = self.network.plan.options["canvas"] or self.network.plan.size
        pixels = (image - self.network.mean) / self.network.std
        missing = (0, long - image.shape[-1], 0, short - image.shape[-2])
        pixels = nn.functional.pad(pixels, missing).reshape(3, short, long)
        boxes, scores, labels = self.network.detect(pixels[None])
        return boxes[0], scores[0], labels[0] - 1


def build(network: nn.Module, card: GraphCard) -> onnx.ModelProto:
    """Build the graph of a network in evaluation mode, with its card in the metadata.

    Raises:
        ExportFailed: in one line, if it cannot be traced.
    """
    part = core(network)
    try:
        traced = trace(part)
        graph = compose.merge_models(input_part(part), traced, [(_IMAGE, NETWORK + _IMAGE)])
        columns = [(NETWORK + name, name) for name in _COLUMNS]
        ends = [*columns, (f"{INPUT}ratio", "ratio")]
        graph = compose.merge_models(graph, output_part(), ends)
        del graph.opset_import[:]  # one of each part
        graph.opset_import.append(helper.make_opsetid("", OPSET))
        helper.set_model_props(graph, {graph_card.KEY: graph_card.to_text(card)})
        graph.producer_name, graph.producer_version = "oneclick", card.code
        graph.graph.name, graph.doc_string = card.model, f"{card.feed}\n{card.read}"
        onnx.checker.check_model(graph)
    except Exception as error:  # torch and onnx raise whatever they met
        line = " ".join(str(error).split())[:200]
        raise ExportFailed(f"{card.arch} cannot be written as a graph ({line})") from error
    return graph


def trace(part: Core) -> onnx.ModelProto:
    """Trace a core with torch; sides of the image stay open where they are not fixed."""
    content = io.BytesIO()
    axes = None if part.fixed else {_IMAGE: {1: "image_height", 2: "image_width"}}
    with warnings.catch_warnings(), torch.inference_mode():
        # The tracer warns of each Python number; the parity check tells whether one matters.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            part.module,
            (part.example,),
            content,  # type: ignore[arg-type]
            dynamo=False,  # torch.export refuses NMS on an unknown number of boxes
            opset_version=OPSET,
            input_names=[_IMAGE],
            output_names=list(_COLUMNS),
            dynamic_axes=axes,
        )
    model = onnx.load_from_string(content.getvalue())
    model.ir_version = IR_VERSION
    return compose.add_prefix(model, NETWORK)


def input_part(part: Core) -> onnx.ModelProto:
    """Return the graph from a frame to the fitted image in 0 … 1, and px of frame per its px."""
    if part.fixed:
        size = f"fitted = Constant<value_ints = [{part.fixed[0]}, {part.fixed[1]}]>()"
    else:
        assert part.limits
        short, long = part.limits
        size = f"""
            limits = Constant<value = double[2] {{{short}, {long}}}>()
            sides = Cast<to = 11>(frame_size)
            {"least = ReduceMin(sides)" if part.turns else ""}
            {"most = ReduceMax(sides)" if part.turns else ""}
            both = {"Concat<axis = 0>(least, most)" if part.turns else "Identity(sides)"}
            ratios = Div(limits, both)
            factor = ReduceMin(ratios)
            exact = Mul(sides, factor)
            rounded = Round(exact)
            one = Constant<value = double[1] {{1}}>()
            whole = Max(rounded, one)
            fitted = Cast<to = 7>(whole)"""
    # Weights beyond the edge are left out, as torch and Pillow do.
    smooth = "antialias = 1, exclude_outside = 1, " if part.antialias else ""
    text = f"""<ir_version: {IR_VERSION}, opset_import: ["": {OPSET}]>
        input (uint8[height,width,3] frame)
        => (float[3,image_height,image_width] {_IMAGE}, float[4] ratio)
        {{
            frame_size = Shape<start = 0, end = 2>(frame)
            {size}
            planes = Transpose<perm = [2, 0, 1]>(frame)
            levels = Cast<to = 1>(planes)
            scale = Constant<value_float = 255.0>()
            image_levels = Div(levels, scale)
            axis = Constant<value_ints = [0]>()
            batch = Unsqueeze(image_levels, axis)
            channels = Constant<value_ints = [1, 3]>()
            shape = Concat<axis = 0>(channels, fitted)
            resized = Resize<mode = "linear", {smooth}coordinate_transformation_mode = "half_pixel">
                (batch, , , shape)
            {_IMAGE} = Squeeze(resized, axis)
            frame_sides = Cast<to = 1>(frame_size)
            image_sides = Cast<to = 1>(fitted)
            down_across = Div(frame_sides, image_sides)
            order = Constant<value_ints = [1, 0, 1, 0]>()
            ratio = Gather(down_across, order)
        }}"""
    model = parser.parse_model(text)
    return _prefix(model, INPUT, keep=(graph_card.FRAME, _IMAGE))


def output_part() -> onnx.ModelProto:
    """Return the graph from boxes in px of the image to boxes in px of the frame."""
    boxes, scores, labels = _COLUMNS
    text = f"""<ir_version: {IR_VERSION}, opset_import: ["": {OPSET}]>
        output (float[n,4] {boxes}, float[n] {scores}, int64[n] {labels}, float[4] ratio)
        => (float[n,4] {graph_card.BOXES}, float[n] {graph_card.SCORES},
            int64[n] {graph_card.LABELS})
        {{
            {graph_card.BOXES} = Mul({boxes}, ratio)
            {graph_card.SCORES} = Identity({scores})
            {graph_card.LABELS} = Identity({labels})
        }}"""
    return parser.parse_model(text)


def _prefix(model: onnx.ModelProto, prefix: str, keep: tuple[str, ...]) -> onnx.ModelProto:
    """Return a model whose names begin with `prefix`, but for those of the values to keep."""
    prefixed = compose.add_prefix(model, prefix)
    names = {prefix + name: name for name in keep}
    for node in prefixed.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*prefixed.graph.input, *prefixed.graph.output):
        value.name = names.get(value.name, value.name)
    return prefixed
