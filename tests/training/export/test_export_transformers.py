"""Graphs of networks of transformers, which look at a frame of fixed sides."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from oneclick.detectors import graph_card
from oneclick.detectors import onnx as onnx_detector
from oneclick.detectors.pytorch import TorchDetector
from oneclick.training import model
from oneclick.training.export import graph, parity
from oneclick.training.export.parity import LabelledFrame
from tests.detectors import tiny_transformers
from tests.training.export.test_export import scene

CLASSES = ("person", "bed")


@pytest.mark.parametrize("family", ["d_fine", "rt_detr_v2", "detr", "deformable_detr", "lw_detr"])
def test_a_graph_finds_what_torch_finds_in_landscape_frames_of_any_shape(
    family: str, tmp_path: Path
) -> None:
    arch = f"transformers:{tiny_transformers.save(tmp_path / 'net', family)}"
    network, _ = model.initialize(arch, CLASSES, None, pretrained=True)
    network.eval()
    card = graph_card.GraphCard(model="m", arch=arch, weights="", classes=CLASSES, threshold=0.5)
    content = graph.build(network, card).SerializeToString()
    exported = onnx_detector.from_bytes(content, "graph")
    reference = TorchDetector(
        name="torch",
        model_id="torch",
        names=CLASSES,
        threshold=0.5,
        network=network,
        device=torch.device("cpu"),
        first_label=1,
    )
    for size in ((180, 320), (240, 240), (216, 288)):
        boxes, scores, _ = exported.detect([scene(*size)])[0]
        expected = reference.detect([scene(*size)])[0]
        torch.testing.assert_close(scores, expected[1], atol=1e-4, rtol=1e-3)
        assert len(boxes) == len(expected[0])
        report = parity.measure(reference, exported, [LabelledFrame(scene(*size), None)])
        assert report.px <= graph_card.MOST_PX, report
    upright = exported.detect([scene(320, 180)])[0][0]  # smaller than torch sees it, but right
    assert (upright >= 0).all()
    assert (upright <= [180, 320, 180, 320]).all()
