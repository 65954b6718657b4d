"""Graphs of networks of transformers, which look at a frame of fixed sides."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from oneclick import detectors
from oneclick.detectors import graph_card, own
from oneclick.detectors import onnx as onnx_detector
from oneclick.detectors.networks import NetworkPlan
from oneclick.detectors.pytorch import TorchDetector
from oneclick.storage.workspace import Workspace
from oneclick.training import model
from oneclick.training.export import exporter, graph, parity
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


def save_model(home: Workspace, network: torch.nn.Module, plan: NetworkPlan) -> None:
    """Save a network as the model m1."""
    folder = home.model_dir("m1")
    folder.mkdir(parents=True)
    torch.save(network.state_dict(), folder / "model.pt")
    card = {
        "id": "m1",
        "arch": plan.arch,
        "classes": plan.classes,
        "threshold": 0.4,
        "size": plan.size,
        "network": plan.options,
    }
    (folder / "card.json").write_text(json.dumps(card))


def test_a_champion_sees_turned_pictures_as_large_as_torch_does(tmp_path: Path) -> None:
    arch = f"transformers:{tiny_transformers.save(tmp_path / 'net', 'd_fine', bias=(-1.0, 1.0))}"
    home = Workspace(tmp_path / "home")
    network, origin = model.initialize(arch, CLASSES, None, pretrained=True)
    save_model(home, network, origin.plan)
    frames_dir = home.frames_dir("ward-1")
    frames_dir.mkdir(parents=True)
    cv2.imwrite(str(frames_dir / "000000.jpg"), scene(180, 320))
    assert exporter.serve(home, "model:m1") == ""
    champion = detectors.create("model:m1", home, "cpu")
    assert isinstance(champion, own.LandscapeGraph)
    reference = own.load_in_torch("model:m1", "m1", home, "cpu")
    frames = [scene(180, 320, 1), scene(320, 180, 2), scene(320, 180, 3), scene(240, 240, 4)]
    for answer, expected in zip(champion.detect(frames), reference.detect(frames), strict=True):
        assert len(expected[0]) > 10
        np.testing.assert_allclose(answer[1], expected[1], atol=1e-3)
