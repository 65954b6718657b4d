"""`transformers:REPO`: an object detector of Hugging Face, such as RT-DETR, D-FINE or DETR."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from oneclick.core.errors import DetectorUnavailable, OneclickError
from oneclick.detectors import base
from oneclick.detectors.architectures import base as architectures
from oneclick.detectors.base import Frame, FrameDetections

THRESHOLD = 0.5
"""The usual operating point of this family."""
SAFE = string.ascii_letters + string.digits + "._-"
TRIAL_SIZE = (96, 160)
"""Height and width in px of the blank frame that a detector is tried on when it is loaded."""


@dataclass(kw_only=True)
class TransformersDetector:
    """A network with its own image processor; frames go through it as one batch."""

    name: str
    model_id: str
    names: tuple[str, ...]
    processor: Any
    """transformers.BaseImageProcessor."""
    network: Any
    """torch.nn.Module on `device`."""
    device: Any
    """torch.device."""
    threshold: float = THRESHOLD
    stateful: bool = False
    shrinks: bool = False

    def reset(self) -> None:
        """Do nothing: frames are independent."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect the objects of each frame; scores are the network's own."""
        import torch

        if not frames:
            return []
        inputs = self.processor(
            images=list(frames), return_tensors="pt", input_data_format="channels_last"
        )
        on_gpu = self.device.type == "cuda"
        precision = torch.autocast("cuda", torch.float16) if on_gpu else nullcontext()
        with torch.inference_mode(), precision:
            logits = self.network(**inputs.to(self.device))
        sizes = [frame.shape[:2] for frame in frames]
        outputs = self.processor.post_process_object_detection(
            logits, threshold=base.LOWEST_SCORE, target_sizes=sizes
        )
        detections = []
        for frame, output in zip(frames, outputs, strict=True):
            boxes, scores, labels = (
                output[key].float().cpu().numpy() for key in ("boxes", "scores", "labels")
            )
            detections.append(base.frame_detections(frame, boxes, scores, labels))
        return detections


def load(repo: str, device: str = "auto") -> TransformersDetector:
    """Load a repository, downloaded once, or a folder that `save_pretrained` wrote.

    Raises:
        DetectorUnavailable: naming the package, repository or folder that is missing.
        UsageError: if `device` is not there.
    """
    torch_device = base.torch_device(device)
    with loading(repo):
        processor, network = load_pretrained(repo)
        network = network.eval().to(torch_device)
        detector = TransformersDetector(
            name=f"transformers:{repo}",
            model_id=f"transformers-{safe_name(repo)}-{architectures.digest(network.state_dict())}",
            names=tuple(class_names(repo, network.config)),
            processor=processor,
            network=network,
            device=torch_device,
        )
        detector.detect([trial_frame()])
    return detector


def safe_name(repo: str) -> str:
    """Return the last part of a repository's or folder's name as a part of a file's name."""
    last_part = repo.rstrip("/").rsplit("/", 1)[-1]
    return "".join(c if c in SAFE else "-" for c in last_part)


def trial_frame() -> Frame:
    """Return a blank frame, on which a broken processor or network fails before any video does."""
    return np.zeros((*TRIAL_SIZE, 3), np.uint8)


def load_pretrained(repo: str) -> tuple[Any, Any]:
    """Load the image processor and the network of a repository. Raises as `load`."""
    with loading(repo):
        from transformers import AutoImageProcessor, AutoModelForObjectDetection

        processor = AutoImageProcessor.from_pretrained(repo)
        network, lost = load_network(AutoModelForObjectDetection, repo)
        check_complete(f"transformers:{repo}", network, lost)
        return processor, network


def load_network(auto_class: Any, repo: str, **options: Any) -> tuple[Any, set[str]]:
    """Load a network with `from_pretrained`.

    Args:
        auto_class: of transformers, such as AutoModelForObjectDetection.
        repo: repository or folder.
        options: of `from_pretrained`.

    Returns:
        The network, and the names of its tensors that the weights lack, which are random.
    """
    with hide_progress_bar(), hide_load_report():
        network, report = auto_class.from_pretrained(repo, output_loading_info=True, **options)
    # Tied tensors are one in memory, and the library reports only some of their names.
    places = {name: value.data_ptr() for name, value in network.state_dict().items()}
    missing = set(report["missing_keys"])
    # One of another shape is reported with both shapes.
    reshaped = {places[entry[0]] for entry in report.get("mismatched_keys") or ()}
    filled = {place for name, place in places.items() if name not in missing} - reshaped
    lost = {name for name in weight_names(network) if places[name] not in filled}
    return network, lost


def weight_names(network: Any) -> set[str]:
    """Return the names of a network's weights: its tensors without counters and index tables."""
    return {name for name, value in network.state_dict().items() if value.is_floating_point()}


def check_complete(name: str, network: Any, lost: Collection[str]) -> None:
    """Check that a network got all weights that it detects with.

    Args:
        name: of the detector, for the message.
        network: as loaded.
        lost: names of its tensors that stayed random.

    Raises:
        DetectorUnavailable: some are missing.
    """
    # The embedding of noised boxes serves only training; inference checkpoints may leave it out.
    if count := sum("denoising" not in tensor for tensor in lost):
        raise incomplete(name, count, len(weight_names(network)))


def incomplete(name: str, lost: int, weights: int) -> DetectorUnavailable:
    """Return the error for a repository or folder whose weights are not those of its network."""
    return DetectorUnavailable(
        f"detector {name}: its weights lack {lost} of {weights} tensors of this network: put the "
        "config.json and the weights of one model there, or name another"
    )


def class_names(repo: str, config: Any) -> list[str]:
    """Return the class of each row of a network's head.

    Raises:
        DetectorUnavailable: its configuration does not number the classes 0, 1, 2, …
    """
    labels = config.id2label
    if sorted(labels) != list(range(len(labels))):
        raise DetectorUnavailable(
            f"detector transformers:{repo}: id2label in its config.json numbers {len(labels)} "
            f"classes up to {max(labels)}: number them 0 to {len(labels) - 1} without gaps"
        )
    return [str(labels[k]) for k in range(len(labels))]


@contextmanager
def loading(repo: str, kind: str = "transformers") -> Iterator[None]:
    """Turn what goes wrong while a repository, a folder or a network is loaded into one line.

    Args:
        repo: repository, folder or family.
        kind: of the detector, for the message.

    Raises:
        DetectorUnavailable: naming the package, repository or folder that is missing.
    """
    try:
        import transformers  # noqa: F401
    except ImportError:
        raise DetectorUnavailable(
            f"detector {kind}:{repo}: the package transformers is not installed; "
            "run: pip install 'oneclick[transformers]'"
        ) from None
    try:
        yield
    except OneclickError:
        raise
    except Exception as error:  # files of others make the library raise anything
        line = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason")
        raise DetectorUnavailable(
            f"detector {kind}:{repo}: no object detector could be loaded ({line}); name a "
            "repository of Hugging Face or a folder made by save_pretrained"
        ) from None


@contextmanager
def hide_progress_bar() -> Iterator[None]:
    """Hide the bar that fills up while weights are copied; downloads still show theirs."""
    from transformers.utils import logging

    was_enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            logging.enable_progress_bar()


@contextmanager
def hide_load_report() -> Iterator[None]:
    """Hide the library's table of missing weights: `load_network` returns what it would tell."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
