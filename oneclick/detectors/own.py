"""`model:champion`, `model:ID` and `labeller:ARCHITECTURE`: models from our own training.

On a CPU a model runs as the graph that `training.export` made of it and found equal to torch; on a
GPU, and where there is no such graph, it runs in torch; so do portrait frames that it would shrink.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from oneclick import __version__
from oneclick.core.errors import BadInput, DetectorUnavailable, OneclickError
from oneclick.detectors import base, graph_card, networks, onnx
from oneclick.detectors.base import Detector, Frame, FrameDetections
from oneclick.detectors.graph_card import GraphFile
from oneclick.detectors.pytorch import TorchDetector
from oneclick.storage import files, model_cards, model_registry, sealed_files
from oneclick.storage.workspace import Workspace

CHAMPION = "champion"
GRAPH_FILE = "model.onnx"
"""Graph of a model, in its folder."""
GPU_FILES = (Path("/dev/nvidiactl"), Path("/dev/kfd"))
"""Exist where a driver for GPUs is loaded; without them torch need not be asked."""


UNLOADABLE = (OSError, ValueError, TypeError, RuntimeError, EOFError, pickle.UnpicklingError)
"""What torch raises for weights that are cut, empty, or of another network."""


class PartialModelCard(msgspec.Struct, frozen=True):
    """The fields of `storage.model_cards.ModelCard` that a detector needs.

    Cards that lack the others, from other versions or trainings, can be read too.
    """

    arch: str
    classes: tuple[str, ...]
    threshold: float
    size: tuple[int, int] | None = None
    """Height and width in px that images are fitted into; None is the architecture's own."""
    network: dict[str, Any] = {}
    """Configuration of a network whose name does not say all."""
    weights: str = ""
    """sha256 of model.pt; empty where it is not checked."""


def load(model: str, workspace: Workspace | None, device: str = "auto") -> Detector:
    """Load the champion or the model of that id from the workspace.

    Raises:
        DetectorUnavailable: naming what is missing: the workspace, a champion, or the model's file.
        UsageError: if `device` is not there.
    """
    if workspace is None:
        raise DetectorUnavailable(f"detector model:{model} needs a workspace; set --home")
    model_id = model_registry.champion(workspace) if model == CHAMPION else model
    if model_id is None:
        raise DetectorUnavailable(
            f"detector model:champion: no champion in {workspace.home} yet; "
            "train one first (oneclick train) or use opencv:hog"
        )
    return load_model(f"model:{model}", model_id, workspace, device)


def load_labeller(arch: str, workspace: Workspace | None, device: str = "auto") -> Detector:
    """Load the labeller in service of that architecture. Raises as `load`."""
    model_id = model_registry.champion(workspace, arch) if workspace else None
    if workspace is None or model_id is None:
        raise DetectorUnavailable(
            f"detector labeller:{arch}: none was promoted yet; "
            f"oneclick train --model {arch} --labeller"
        )
    return load_model(f"labeller:{arch}", model_id, workspace, device)


def load_model(name: str, model_id: str, workspace: Workspace, device: str) -> Detector:
    """Load a model by its id, as the detector called `name`. Raises as `load`."""
    graph = None if uses_gpu(device) else _load_graph(name, model_id, workspace)
    return graph or load_in_torch(name, model_id, workspace, device)


def _load_graph(name: str, model_id: str, workspace: Workspace) -> Detector | None:
    """Load the graph of a model; None where there is none that is whole and equal to torch."""
    folder = workspace.model_dir(model_id)
    path = graph_path(folder)
    try:
        file: GraphFile = sealed_files.read(graph_card.beside(path), GraphFile)
        card: PartialModelCard = sealed_files.read(folder / model_cards.CARD_FILE, PartialModelCard)
        is_equal = file.parity is not None and file.parity.is_equal
        model_cards.check_weights(folder)
        weights = card.weights or files.sha256(folder / model_cards.WEIGHTS_FILE)
        if not is_equal or weights != file.graph.weights or not _is_whole(path, file):
            return None
        detector = onnx.load(str(path), "cpu")
    except (OneclickError, OSError):
        return None  # torch says what is wrong with the model, if it is more than its graph
    detector.name, detector.model_id = name, f"model-{model_id}"
    detector.names, detector.threshold = card.classes, card.threshold
    if not has_landscape_sides(card):
        return detector
    return LandscapeGraph(detector, lambda: load_in_torch(name, model_id, workspace, "cpu"))


def has_landscape_sides(card: PartialModelCard) -> bool:
    """Check whether the graph of a model sees portrait frames smaller than torch does.

    Sides of networks of transformers are numbers in their graph, but for those that stretch.
    """
    return bool(card.network) and not card.network.get("canvas")


class LandscapeGraph:
    """A model as a graph of a landscape picture; torch looks at portrait frames.

    The graph would show them at little more than half the size: pictures that are turned for people
    who lie, above all.
    """

    def __init__(self, graph: Detector, load_torch: Callable[[], Detector]) -> None:
        self.name, self.model_id, self.names = graph.name, graph.model_id, graph.names
        self.threshold, self.stateful, self.shrinks = graph.threshold, False, graph.shrinks
        self._graph, self._load_torch = graph, functools.cache(load_torch)

    def reset(self) -> None:
        """Do nothing: frames are independent."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect the objects of each frame; torch is loaded for the first portrait frame."""
        is_portrait = [frame.shape[0] > frame.shape[1] for frame in frames]
        landscape = [k for k, portrait in enumerate(is_portrait) if not portrait]
        portraits = [k for k, portrait in enumerate(is_portrait) if portrait]
        answers = dict(
            zip(landscape, self._graph.detect([frames[k] for k in landscape]), strict=True)
        )
        if portraits:
            by_torch = self._load_torch().detect([frames[k] for k in portraits])
            answers.update(zip(portraits, by_torch, strict=True))
        return [answers[k] for k in range(len(frames))]


def _is_whole(path: Path, file: GraphFile) -> bool:
    """Check whether a graph is the one that its JSON tells of."""
    return path.is_file() and files.sha256(path) == file.sha256


def graph_path(folder: Path) -> Path:
    """Return the path of the graph in a model's folder."""
    return folder / GRAPH_FILE


def uses_gpu(device: str) -> bool:
    """Check whether torch would run on something else than the CPU, without loading it for that."""
    if device == "auto" and not any(path.exists() for path in GPU_FILES):
        return False
    return device != "cpu" and str(base.torch_device(device)) != "cpu"


def trained_model(name: str, workspace: Workspace) -> str | None:
    """Return the id of the model that a detector's name means; None if it is none of ours."""
    kind, _, model = name.partition(":")
    if kind == "labeller":
        return model_registry.champion(workspace, model)
    if kind != "model":
        return None
    return model_registry.champion(workspace) if model == CHAMPION else model


def lacks_graph(name: str, workspace: Workspace, device: str) -> bool:
    """Check whether a detector is a model of ours that could run as a graph, and has none yet.

    One that this version could not make, or found to differ, is not made again.
    """
    model_id = trained_model(name, workspace)
    if model_id is None or not (workspace.model_dir(model_id) / model_cards.CARD_FILE).exists():
        return False
    path = graph_path(workspace.model_dir(model_id))
    try:
        earlier: GraphFile = sealed_files.read(graph_card.beside(path), GraphFile)
        is_lost = bool(earlier.sha256) and not _is_whole(path, earlier)
    except BadInput:
        is_lost = True
    return (is_lost or earlier.graph.code != __version__) and not uses_gpu(device)


def load_in_torch(name: str, model_id: str, workspace: Workspace, device: str) -> TorchDetector:
    """Load a model by its id into torch. Raises as `load`."""
    folder = workspace.model_dir(model_id)
    path = folder / model_cards.CARD_FILE
    if not path.exists():
        raise DetectorUnavailable(
            f"detector {name}: {path} is missing; oneclick models list shows what there is"
        )
    try:
        card: PartialModelCard = sealed_files.read(path, PartialModelCard)
    except BadInput as error:
        raise DetectorUnavailable(f"detector {name}: {error}") from None
    return TorchDetector(
        name=name,
        model_id=f"model-{model_id}",
        names=card.classes,
        threshold=card.threshold,
        network=load_network(name, card, folder / model_cards.WEIGHTS_FILE),
        device=base.torch_device(device),
        first_label=1,
    )


def load_network(name: str, card: PartialModelCard, path: Path) -> Any:
    """Build the network of a card with the weights in `path`, checked by their digest.

    Raises:
        DetectorUnavailable: the weights are missing, changed, or not of that architecture.
    """
    import torch

    try:
        if not path.exists():
            raise FileNotFoundError
        model_cards.check_weights(path.parent)
        network = networks.build(card.arch, card.classes, card.size, card.network)
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise DetectorUnavailable(f"detector {name}: {path} is missing") from None
    except (OneclickError, *UNLOADABLE) as error:
        line = (str(error).splitlines() or ["empty"])[0]
        raise DetectorUnavailable(
            f"detector {name}: {path} does not load ({line}); oneclick models rollback"
        ) from None
    return network
