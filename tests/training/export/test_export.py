import errno
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
import pytest
import torch

from oneclick import detectors
from oneclick.core.errors import Unavailable, UnknownName, UsageError
from oneclick.detectors import graph_card, networks, own
from oneclick.detectors import onnx as onnx_detector
from oneclick.detectors.base import Frame, FrameDetections
from oneclick.detectors.graph_card import GraphFile, ParityReport
from oneclick.detectors.onnx import ExportedDetector
from oneclick.detectors.pytorch import TorchDetector
from oneclick.stages import predict
from oneclick.storage import sealed_files
from oneclick.storage.workspace import Workspace
from oneclick.training.export import exporter, graph, parity
from oneclick.training.export.parity import LabelledFrame
from tests.detectors import models


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Blocks of many colours and sizes, a little blurred."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 90, np.uint8)
    for _ in range(12):
        x, y = random.integers(0, width), random.integers(0, height)
        w, h = random.integers(2, max(3, width // 4)), random.integers(2, max(3, height // 2))
        picture[y : y + h, x : x + w] = random.integers(0, 256, 3)
    return np.asarray(cv2.blur(picture, (3, 3)), np.uint8)


@pytest.fixture
def workspace(tmp_path):
    """A champion that finds much of anything, and one clip of eight frames."""
    home = Workspace(tmp_path)
    models.train_nothing(home, "m1", champion=True, is_sure=True)
    folder = home.frames_dir("ward-1")
    folder.mkdir(parents=True)
    for k in range(8):
        cv2.imwrite(str(folder / f"{k:06d}.jpg"), scene(216, 288, k))
    return home


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A model in torch, and its graph."""
    home = Workspace(tmp_path_factory.mktemp("home"))
    models.train_nothing(home, "m1", is_sure=True)
    exported = exporter.export(home, "m1")
    return own.load_in_torch("model:m1", "m1", home, "cpu"), onnx_detector.load(str(exported.path))


@pytest.mark.parametrize(
    ("height", "width"),
    [
        pytest.param(576, 768, id="4:3"),
        pytest.param(540, 960, id="16:9"),
        pytest.param(768, 432, id="upright"),
        pytest.param(192, 320, id="as large as the network's"),
        pytest.param(100, 100, id="smaller, square"),
        pytest.param(60, 600, id="wide"),
        pytest.param(30, 40, id="tiny"),
    ],
)
def test_a_graph_answers_as_torch_at_any_size(both, height, width):
    frame = scene(height, width)
    (boxes, scores, classes), (expected, sure, labels) = (d.detect([frame])[0] for d in both[::-1])
    assert len(scores) == len(sure) > 0
    order, other = np.argsort(-scores, kind="stable"), np.argsort(-sure, kind="stable")
    assert np.allclose(scores[order], sure[other], atol=1e-4)
    report = parity.measure(both[0], both[1], [LabelledFrame(frame, None)])
    assert report.is_equal, report
    assert set(classes) == set(labels) == {0}
    assert expected.shape == boxes.shape


def test_a_frame_of_one_pixel_does_not_break_the_graph(both):
    assert both[1].detect([np.zeros((1, 1, 3), np.uint8)])[0][0].shape[1] == 4


def learn_statistics(network):
    """Normalise the features of random weights, so that places differ."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    network.train()
    with torch.inference_mode():
        pictures = np.stack([scene(320, 320, k) for k in range(4)]).transpose(0, 3, 1, 2)
        features = network.backbone(torch.from_numpy(pictures) / 127.5 - 1)
        network.head(list(features.values()))
    network.eval()


def test_a_network_that_stretches_images_is_exported_too():
    torch.manual_seed(0)
    network = networks.build(models.SMALL, ("person",))
    learn_statistics(network)
    card = graph_card.GraphCard(
        model="m", arch=models.SMALL, weights="", classes=("person",), threshold=0.5
    )
    model = graph.build(network, card)
    exported = onnx_detector.from_bytes(model.SerializeToString(), "graph")
    reference = TorchDetector(
        name="torch",
        model_id="torch",
        names=("person",),
        threshold=0.5,
        network=network,
        device=torch.device("cpu"),
        first_label=1,
    )
    report = parity.measure(reference, exported, [LabelledFrame(scene(216, 288), None)])
    assert report.boxes > 10
    assert report.holds, report


def test_the_card_in_the_graph_and_beside_it_says_all(workspace):
    exported = exporter.export(workspace, "m1")
    model = onnx.load(exported.path)
    onnx.checker.check_model(model, full_check=True)
    card = json.loads({p.key: p.value for p in model.metadata_props}["oneclick"])
    beside = json.loads(graph_card.beside(exported.path).read_text())
    assert beside["graph"] == card
    assert (card["model"], card["arch"], card["classes"]) == ("m1", "fcos-tiny", ["person"])
    assert card["threshold"] == 0.4
    assert "uint8 (height, width, 3)" in card["feed"]
    assert beside["parity"]["frames"] == 8
    detector = detectors.create(f"onnx:{exported.path}")
    assert (detector.names, detector.threshold) == (("person",), 0.4)
    assert detector.model_id.startswith("onnx-m1-fp32-")


def test_without_clips_nothing_is_claimed(tmp_path):
    home = Workspace(tmp_path)
    models.train_nothing(home, "m1", champion=True)
    assert exporter.export(home, "m1").file.parity is None
    with pytest.raises(UsageError, match="int8 is calibrated on frames of clips"):
        exporter.export(home, "m1", "int8")
    assert exporter.serve(home, "model:champion") == ""
    assert own.lacks_graph("model:champion", home, "cpu")


def test_labels_of_clips_are_the_truth_where_there_are_enough():
    boxes = np.tile(np.array([[2, 2, 30, 60]], np.float32), (24, 1))
    boxes[:, [0, 2]] += 40 * np.arange(24)[:, None]
    truth = (boxes, np.zeros(24, np.int64))

    class Finder:
        name = model_id = "finder"
        names: tuple[str, ...] = ("person",)
        threshold, stateful, shrinks = 0.5, False, False

        def __init__(self, shift, count):
            self.answer = (
                boxes[:count] + shift,
                np.full(count, 0.9, np.float32),
                np.zeros(count, np.int16),
            )

        def reset(self) -> None:
            pass

        def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
            return [self.answer for _ in frames]

    frame = LabelledFrame(np.zeros((80, 1000, 3), np.uint8), truth)
    report = parity.measure(Finder(0, 24), Finder(0.25, 12), [frame])
    assert (report.truth, report.boxes, report.unmatched) == ("labels", 36, 12)
    assert report.px == pytest.approx(0.25, abs=1e-3)
    assert report.ap_torch == pytest.approx(1)
    assert report.ap_graph == pytest.approx(0.5, abs=0.02)
    assert not report.holds


def test_int8_says_what_it_loses_and_is_smaller(workspace):
    logging.getLogger().setLevel(logging.WARNING)
    whole, small = exporter.export(workspace, "m1"), exporter.export(workspace, "m1", "int8")
    assert small.file.size < 0.8 * whole.file.size
    assert small.file.calibrated_on == 4
    assert small.file.parity
    assert small.file.parity.ap_loss == small.file.parity.ap_torch - small.file.parity.ap_graph
    assert logging.getLogger().level == logging.WARNING


def test_fp16_halves_the_weights_and_finds_the_same_within_a_pixel(workspace):
    whole, half = exporter.export(workspace, "m1"), exporter.export(workspace, "m1", "fp16")
    assert half.file.size < 0.65 * whole.file.size
    assert half.file.parity
    assert half.file.parity.px < 1


def foreign_file(path):
    path.write_bytes(b"mine")


def foreign_json(path):
    graph_card.beside(path).write_text("{}")


@pytest.mark.parametrize("write", [foreign_file, foreign_json])
def test_another_file_is_never_overwritten(workspace, tmp_path, write):
    out = tmp_path / "m.onnx"
    write(out)
    before = {path: path.read_bytes() for path in tmp_path.glob("m.onnx*")}
    with pytest.raises(UsageError, match="no earlier export of this model: name another file"):
        exporter.export(workspace, "m1", out=out)
    assert {path: path.read_bytes() for path in tmp_path.glob("m.onnx*")} == before


def test_the_same_export_is_written_again_and_another_precision_is_not(workspace, tmp_path):
    out = tmp_path / "m.onnx"
    exporter.export(workspace, "m1", out=out)
    graph_card.beside(out).unlink()  # killed between the two
    exporter.export(workspace, "m1", out=out)
    with pytest.raises(UsageError, match="no earlier export"):
        exporter.export(workspace, "m1", "fp16", out=out)
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize("model_id", ["m9", "../models/m1", "", "."])
def test_a_model_that_is_not_there_is_named(workspace, model_id):
    with pytest.raises(UnknownName, match="m1"):
        exporter.export(workspace, model_id)


def test_a_file_that_cannot_be_written_is_named(workspace, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(Unavailable, match=r"cannot write .*m\.onnx: Permission denied"):
        exporter.export(workspace, "m1", out=tmp_path / "m.onnx")


def test_a_champion_runs_as_a_graph_with_the_same_identity_and_answers(workspace):
    before = detectors.create("model:champion", workspace, "cpu")
    assert isinstance(before, TorchDetector)
    assert exporter.serve(workspace, "model:champion") == ""
    after = detectors.create("model:champion", workspace, "auto")
    assert isinstance(after, ExportedDetector)
    for attribute in ("name", "model_id", "names", "threshold", "shrinks", "stateful"):
        assert getattr(after, attribute) == getattr(before, attribute)
    frames = [LabelledFrame(scene(216, 288, k), None) for k in range(20, 24)]
    assert parity.measure(before, after, frames).is_equal
    assert not own.lacks_graph("model:champion", workspace, "cpu")


def lost(path):
    path.unlink()


def changed(path):
    path.write_bytes(path.read_bytes() + b" ")


def no_card(path):
    graph_card.beside(path).unlink()


def other_weights(path):
    file: GraphFile = sealed_files.read(graph_card.beside(path), GraphFile)
    card = msgspec.structs.replace(file.graph, weights="0" * 64)
    sealed_files.write(graph_card.beside(path), msgspec.structs.replace(file, graph=card))


def apart(path):
    file: GraphFile = sealed_files.read(graph_card.beside(path), GraphFile)
    assert file.parity
    report = msgspec.structs.replace(file.parity, px=0.2)
    sealed_files.write(graph_card.beside(path), msgspec.structs.replace(file, parity=report))


@pytest.mark.parametrize("damage", [lost, changed, no_card, other_weights, apart])
def test_a_graph_that_cannot_be_trusted_leaves_the_champion_in_torch(workspace, damage):
    exporter.serve(workspace, "model:champion")
    damage(own.graph_path(workspace.model_dir("m1")))
    assert isinstance(detectors.create("model:champion", workspace, "cpu"), TorchDetector)


@pytest.mark.parametrize("damage", [lost, changed, no_card])
def test_a_graph_that_is_lost_or_damaged_is_made_again(workspace, damage):
    exporter.serve(workspace, "model:champion")
    damage(own.graph_path(workspace.model_dir("m1")))
    assert own.lacks_graph("model:champion", workspace, "cpu")
    assert exporter.serve(workspace, "model:champion") == ""
    assert isinstance(detectors.create("model:champion", workspace, "cpu"), ExportedDetector)


@pytest.mark.parametrize(
    ("part", "error", "reason"),
    [
        (
            (graph, "build"),
            graph.ExportFailed("fcos-tiny cannot be written as a graph (no operator)"),
            "fcos-tiny cannot be written",
        ),
        ((parity, "measure"), RuntimeError("a shape"), "cannot export m1: RuntimeError: a shape"),
    ],
    ids=["refused", "unforeseen"],
)
def test_a_champion_that_cannot_be_exported_is_told_once_and_runs_in_torch(
    workspace, monkeypatch, part, error, reason
):
    def refuse(*_):
        raise error

    monkeypatch.setattr(*part, refuse)
    result = predict.predict(workspace.home, [], "model:champion", ("person",), "cpu")
    assert len(result.notes) == 1
    assert result.notes[0].startswith("model:champion runs in torch: ")
    assert reason in result.notes[0]
    assert "\n" not in result.notes[0]
    assert predict.predict(workspace.home, [], "model:champion", ("person",), "cpu").notes == []
    assert isinstance(detectors.create("model:champion", workspace, "cpu"), TorchDetector)


def test_a_graph_that_differs_is_told_and_not_used(workspace, monkeypatch):
    def differ(*_):
        return ParityReport(
            frames=1,
            boxes=1,
            unmatched=0,
            px=0.4,
            score=0.1,
            truth="torch",
            ap_torch=1,
            ap_graph=1,
            ms_torch=1,
            ms_graph=1,
        )

    monkeypatch.setattr(parity, "measure", differ)
    assert "its graph differs by 0.400 px, score 0.1000" in exporter.serve(workspace, "model:m1")
    assert isinstance(detectors.create("model:m1", workspace, "cpu"), TorchDetector)


def test_the_first_prediction_makes_the_graph(workspace):
    predict.predict(workspace.home, [], "model:champion", ("person",), "cpu")
    assert isinstance(detectors.create("model:champion", workspace, "cpu"), ExportedDetector)
