"""Export of a model of the workspace: graph, check on frames of clips, files, and its service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
from google.protobuf.message import DecodeError

from oneclick import __version__
from oneclick.core.errors import BadInput, UnknownName, UsageError
from oneclick.core.labels import LabelSet, to_tracks
from oneclick.detectors import Detector, graph_card, onnx_session, own
from oneclick.detectors import onnx as onnx_detector
from oneclick.detectors.graph_card import GraphCard, GraphFile, Precision
from oneclick.storage import (
    bounded_files,
    failure_log,
    files,
    labels,
    locks,
    model_cards,
    sealed_files,
)
from oneclick.storage.workspace import Workspace
from oneclick.training.evaluation.matching import ImageTruth
from oneclick.training.export import graph, parity, precision
from oneclick.training.export.parity import LabelledFrame

FRAMES = 48
"""Frames of clips that a graph is compared on; int8 is calibrated on as many others."""
SERVICE_FRAMES = 16
"""Frames that the graph of a champion is compared on before it serves."""
MOST_INT8_LOSS = 0.01
"""mAP that int8 may lose before more of the network stays in float."""


@dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """A graph that was written, and what was found out about it."""

    path: Path
    file: GraphFile


def export(
    workspace: Workspace,
    model_id: str,
    kind: Precision = "fp32",
    out: Path | None = None,
    frames: int = FRAMES,
) -> ExportedModel:
    """Write a model as one ONNX graph, with its card inside and as JSON beside it.

    It is compared with torch on frames of the workspace's clips; without clips nothing is claimed.

    Args:
        workspace: that holds the model and the clips.
        model_id: of a trained model.
        kind: float32, float16, or int8 with float32 where that costs too much.
        out: file to write; by default `<model>-<kind>.onnx` in the model's folder.
        frames: most frames to compare on.

    Raises:
        UnknownName: there is no such model. DetectorUnavailable: its weights do not load.
        ExportFailed: it cannot be written as a graph.
        UsageError: another file is in the way, or int8 has no frames to be calibrated on.
        NoSpace, Unavailable: the file cannot be written.
    """
    folder = workspace.model_dir(model_id)
    is_id = Path(model_id).name == model_id
    if not (is_id and (folder / model_cards.CARD_FILE).exists()):
        card_files = workspace.home.glob(f"models/*/{model_cards.CARD_FILE}")
        raise UnknownName("model", model_id, sorted(path.parent.name for path in card_files))
    safe_name = "".join(c if c.isalnum() or c in "._-" else "-" for c in model_id)
    path = out or folder / f"{safe_name}-{kind}.onnx"
    reference = own.load_in_torch(f"model:{model_id}", model_id, workspace, "cpu")
    card = describe(folder, model_id, kind)
    check_target(path, card)
    pictures = sample_frames(workspace, 2 * frames if kind == "int8" else frames, card.classes)
    check, calibration = pictures, pictures[:0]
    if kind == "int8":
        if len(pictures) < 2:
            raise UsageError(
                "int8 is calibrated on frames of clips, and the workspace has none: run a lap first"
            )
        check, calibration = pictures[::2], pictures[1::2]
    # float32 first: the other precisions are made of it.
    model = graph.build(reference.network, card)
    excluded: tuple[str, ...] = ()
    if kind == "fp16":
        model = precision.to_half(model)
    elif kind == "int8":
        model, excluded = quantize(model, reference, check, [f.picture for f in calibration])
    with files.temporary_name(path) as temporary:
        with files.guard(path):
            temporary.write_bytes(model.SerializeToString())
        session = onnx_detector.load(str(temporary), "cpu")
        report = parity.measure(reference, session, check) if check else None
        file = GraphFile(
            graph=card,
            sha256=files.sha256(temporary),
            size=temporary.stat().st_size,
            parity=report,
            calibrated_on=len(calibration),
            excluded=excluded,
        )
        with files.guard(path):
            files.flush(temporary)
            temporary.replace(path)
    # Last: a graph without it is one that somebody killed, and is written again.
    sealed_files.write(graph_card.beside(path), file)
    return ExportedModel(path=path, file=file)


def precision_named(*, int8: bool, fp16: bool) -> Precision:
    """Return the precision that two switches stand for."""
    return "int8" if int8 else "fp16" if fp16 else "fp32"


def describe(folder: Path, model_id: str, kind: Precision) -> GraphCard:
    """Return the card of a graph of a model, from the model's own card.

    Raises:
        BadInput: that card is broken.
    """
    card: _ModelFacts = sealed_files.read(folder / model_cards.CARD_FILE, _ModelFacts)
    return GraphCard(
        model=model_id,
        arch=card.arch,
        weights=card.weights or files.sha256(folder / model_cards.WEIGHTS_FILE),
        classes=card.classes,
        threshold=card.threshold,
        dataset=card.dataset.get("name", ""),
        dataset_digest=card.dataset.get("digest", ""),
        precision=kind,
        code=__version__,
    )


class _ModelFacts(msgspec.Struct, frozen=True):
    """The fields of a model's card that its graphs carry; cards of other trainings lack some."""

    arch: str
    classes: tuple[str, ...]
    threshold: float
    weights: str = ""
    dataset: dict[str, str] = {}


def check_target(path: Path, card: GraphCard) -> None:
    """Check that a file may be written: it is absent, or the same export of an earlier time.

    Raises:
        UsageError: it is something else.
    """
    json_path = graph_card.beside(path)
    try:
        is_free = not path.exists() or _identity(_card_inside(path)) == _identity(card)
        if json_path.exists():
            earlier: GraphFile = sealed_files.read(json_path, GraphFile)
            is_free = is_free and _identity(earlier.graph) == _identity(card)
    except (BadInput, OSError, DecodeError):
        is_free = False
    if not is_free:
        raise UsageError(
            f"{path} exists and is no earlier export of this model: name another file with --out, "
            f"or remove it and {json_path.name}"
        )


def _card_inside(path: Path) -> GraphCard:
    """Read the card that a graph carries.

    Raises:
        BadInput: it carries none.
    """
    content = bounded_files.read_bytes(path, onnx_session.MAX_BYTES)
    properties = onnx.load_from_string(content).metadata_props
    card = graph_card.from_metadata({entry.key: entry.value for entry in properties})
    if card is None:
        raise BadInput(f"{path} carries no card")
    return card


def _identity(card: GraphCard) -> tuple[str, str, Precision]:
    return card.model, card.weights, card.precision


def quantize(
    model: onnx.ModelProto,
    reference: Detector,
    check: Sequence[LabelledFrame],
    calibration: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]],
) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """Return the graph in int8, with as much of it in float as its mAP needs, and what that is."""
    results: list[tuple[float, onnx.ModelProto, tuple[str, ...]]] = []
    for excluded in precision.EXCLUSIONS:
        smaller = precision.to_int8(model, calibration, excluded)
        candidate = onnx_detector.from_bytes(smaller.SerializeToString(), reference.name)
        loss = parity.measure(reference, candidate, check).ap_loss
        results.append((loss, smaller, excluded))
        if loss <= MOST_INT8_LOSS:
            break
    _, best, excluded = min(results, key=lambda result: result[0])
    return best, excluded


def sample_frames(workspace: Workspace, most: int, classes: tuple[str, ...]) -> list[LabelledFrame]:
    """Return frames of the workspace's clips, spread evenly over clips and time."""
    folders = sorted(path for path in workspace.clips_dir.glob("*/*/frames") if path.is_dir())
    if not folders:
        return []
    step = max(1, len(folders) // most)
    chosen = folders[::step][:most]
    share = -(-most // len(chosen))
    frames: list[LabelledFrame] = []
    for folder in chosen:
        paths = sorted(folder.glob("[!.]*.jpg"))
        numbers = np.unique(np.linspace(0, len(paths) - 1, min(share, len(paths))).astype(int))
        frames += _read(workspace, folder.parent.name, [paths[k] for k in numbers], classes)
    return frames[:most]


def _read(
    workspace: Workspace, clip_id: str, paths: Iterable[Path], classes: tuple[str, ...]
) -> list[LabelledFrame]:
    """Read frames of a clip with its newest labels; pictures that do not open are left out."""
    try:
        revision = labels.latest(workspace, clip_id)
    except BadInput:
        revision = None
    frames = []
    for path in paths:
        bgr = cv2.imread(str(path))
        if bgr is not None:
            rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
            truth = _truth(revision, int(path.stem), classes) if revision else None
            frames.append(LabelledFrame(rgb, truth))
    return frames


def _truth(revision: LabelSet, frame: int, classes: tuple[str, ...]) -> ImageTruth:
    """Return the labels of one frame, by the classes of a model."""
    tracks = to_tracks(revision, 1.0)
    rows = np.flatnonzero(tracks.frames == frame)
    numbers = [
        classes.index(name) if name in classes else -1
        for name in (tracks.names[k] for k in tracks.classes[rows])
    ]
    index = np.array(numbers, np.int64)
    return tracks.boxes[rows][index >= 0], index[index >= 0]


def serve(workspace: Workspace, name: str) -> str:
    """Make the graph that a model of ours runs as on a CPU, once; return why torch stays, if so.

    A graph that is not equal to torch on frames of clips is not used. What fails is told once, and
    tried again by another version of oneclick.

    Args:
        workspace: of the model.
        name: of the detector, as `model:champion`.
    """
    model_id = own.trained_model(name, workspace)
    if model_id is None:
        return ""
    path = own.graph_path(workspace.model_dir(model_id))
    with locks.file_lock(workspace.locks_dir / f"graph-{model_id}"):
        # Another process may have made it meanwhile; without clips nothing can be claimed yet.
        if not own.lacks_graph(name, workspace, "cpu") or not sample_frames(workspace, 1, ()):
            return ""
        for earlier in (path, graph_card.beside(path)):  # ours, damaged or of another version
            earlier.unlink(missing_ok=True)
        failed: dict[str, str] = {}
        # torch, onnx and onnxruntime raise whatever they meet, and torch can serve without them.
        with failure_log.isolate(failed, workspace, model_id, f"export {model_id}"):
            report = export(workspace, model_id, out=path, frames=SERVICE_FRAMES).file.parity
        if reason := failed.get(model_id):
            card = describe(workspace.model_dir(model_id), model_id, "fp32")
            sealed_files.write(graph_card.beside(path), GraphFile(graph=card, reason=reason))
            return f"{name} runs in torch: {reason}"
    if report and report.is_equal:
        return ""
    differences = f"{report.px:.3f} px, score {report.score:.4f}" if report else "not compared"
    return f"{name} runs in torch: its graph differs by {differences}"
