"""`prompt:REPO?CLASS=TEXT`: detectors of Hugging Face that look for what a text says.

They label classes that no model knows yet. Grounding DINO and MM-Grounding DINO read one sentence
with all texts, and a class scores as its best word; OWL-ViT and OWLv2 read each text alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np

from oneclick.core import boxes as geometry
from oneclick.core.errors import DetectorUnavailable, UsageError
from oneclick.detectors import base, transformers
from oneclick.detectors.architectures import base as architectures
from oneclick.detectors.base import Frame, FrameDetections

KIND = "prompt"
THRESHOLDS = {"grounding-dino": 0.3, "mm-grounding-dino": 0.3, "owlv2": 0.2, "owlvit": 0.1}
"""Operating points that the authors of the families recommend, by type of the model."""
MAX_OVERLAP = 0.7
"""Boxes of one class that overlap more are the same object."""


def with_prompts(name: str, classes: Sequence[str], prompts: Mapping[str, str]) -> str:
    """Return the full name of a prompted detector, with a text for each class.

    Args:
        name: of any detector; others, and those that say their texts themselves, stay as they are.
        classes: to look for.
        prompts: text by class; by default the name of the class.

    Raises:
        UsageError: there is a text for something that is no class.
    """
    if not name.startswith(f"{KIND}:") or "?" in name:
        return name
    if unknown := prompts.keys() - set(classes):
        raise UsageError(
            f"detect.prompts has a text for {', '.join(sorted(unknown))}, which is none of the "
            f"classes {', '.join(classes)}: add it to classes"
        )
    texts = {class_name: prompts.get(class_name, class_name) for class_name in classes}
    return f"{name}?{urlencode(texts)}"


@dataclass(kw_only=True)
class PromptedDetector:
    """A network with its processor, and the texts that it looks for."""

    name: str
    model_id: str
    names: tuple[str, ...]
    texts: tuple[str, ...]
    """What to look for, by class."""
    threshold: float
    processor: Any
    """transformers.ProcessorMixin."""
    network: Any
    """torch.nn.Module on `device`."""
    device: Any
    """torch.device."""
    stateful: bool = False
    shrinks: bool = False

    def reset(self) -> None:
        """Do nothing: frames are independent."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect what the texts say in each frame; scores are the network's own."""
        if not frames:
            return []
        reads_sentence = self.network.config.model_type.endswith("grounding-dino")
        answers = self._by_word(frames) if reads_sentence else self._by_text(frames)
        detections = []
        for frame, (boxes, scores, classes) in zip(frames, answers, strict=True):
            corners, score, index = base.frame_detections(frame, boxes, scores, classes)
            kept = [
                rows[geometry.nms(corners[rows], score[rows], MAX_OVERLAP)]
                for rows in (np.flatnonzero(index == k) for k in range(len(self.names)))
            ]
            order = np.concatenate(kept)
            detections.append((corners[order], score[order], index[order]))
        return detections

    def _outputs(self, frames: Sequence[Frame], text: Any) -> tuple[Any, Any]:
        """Return the network's outputs for frames, and its inputs."""
        import torch

        inputs = self.processor(
            images=list(frames),
            text=[text] * len(frames),
            return_tensors="pt",
            input_data_format="channels_last",
        ).to(self.device)
        with torch.inference_mode():
            return self.network(**inputs), inputs

    def _by_text(self, frames: Sequence[Frame]) -> list[tuple[Any, Any, Any]]:
        """Return raw boxes, scores and classes of each frame, where each text is read alone."""
        outputs, _ = self._outputs(frames, list(self.texts))
        answers = self.processor.post_process_grounded_object_detection(
            outputs,
            threshold=base.LOWEST_SCORE,
            target_sizes=[frame.shape[:2] for frame in frames],
        )
        return [
            tuple(answer[key].float().cpu().numpy() for key in ("boxes", "scores", "labels"))
            for answer in answers
        ]

    def _by_word(self, frames: Sequence[Frame]) -> list[tuple[Any, Any, Any]]:
        """Return raw boxes, scores and classes of each frame, where all texts are one sentence."""
        import torch

        sentence, spans = join_texts(self.texts)
        outputs, _ = self._outputs(frames, sentence)
        words = self.processor.tokenizer(sentence, return_offsets_mapping=True)["offset_mapping"]
        scores = outputs.logits.float().sigmoid()
        by_class = []
        for start, stop in spans:
            tokens = [k for k, (a, b) in enumerate(words) if start <= a < b <= stop]
            by_class.append(scores[..., tokens].amax(-1))
        best = torch.stack(by_class, -1)
        centre, side = outputs.pred_boxes.float().split(2, -1)
        corners = torch.cat([centre - side / 2, centre + side / 2], -1).cpu().numpy()
        answers = []
        for frame, boxes, class_scores in zip(frames, corners, best.cpu().numpy(), strict=True):
            queries, classes = np.nonzero(class_scores >= base.LOWEST_SCORE)
            height, width = frame.shape[:2]
            size = np.array([width, height] * 2, np.float32)
            answers.append((boxes[queries] * size, class_scores[queries, classes], classes))
        return answers


def join_texts(texts: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Return the sentence that Grounding DINO reads, and where each text stands in it."""
    sentence, spans = "", []
    for text in texts:
        phrase = text.lower().strip().rstrip(".")
        spans.append((len(sentence), len(sentence) + len(phrase)))
        sentence += f"{phrase}. "
    return sentence.rstrip(), spans


def load(model: str, device: str = "auto") -> PromptedDetector:
    """Load a repository or a folder, for the texts that follow its name.

    Raises:
        DetectorUnavailable: naming the package, repository or folder that is missing, or texts
            that cannot be looked for.
        UsageError: if `device` is not there.
    """
    repo, _, query = model.partition("?")
    texts = dict(parse_qsl(query, keep_blank_values=True))
    if not texts:
        raise DetectorUnavailable(
            f"detector {KIND}:{repo}: no text to look for; write {KIND}:{repo}?CLASS=TEXT, or name "
            "it in detect.labellers, with the texts in detect.prompts"
        )
    blank = [name for name, text in texts.items() if not any(c.isalnum() for c in text)]
    if blank:
        raise DetectorUnavailable(
            f"detector {KIND}:{repo}: its text for {', '.join(blank)} has no word: write one in "
            "detect.prompts"
        )
    torch_device = base.torch_device(device)
    with transformers.loading(repo, KIND):
        from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

        processor = AutoProcessor.from_pretrained(repo)
        network, lost = transformers.load_network(AutoModelForZeroShotObjectDetection, repo)
        transformers.check_complete(f"{KIND}:{repo}", network, lost)
    family = network.config.model_type
    if family not in THRESHOLDS:
        raise DetectorUnavailable(
            f"detector {KIND}:{repo}: a model of type {family} cannot be used; families: "
            f"{', '.join(THRESHOLDS)}"
        )
    detector = PromptedDetector(
        name=f"{KIND}:{model}",
        model_id=f"{KIND}-{transformers.safe_name(repo)}-{identity(network, texts)}",
        names=tuple(texts),
        texts=tuple(texts.values()),
        threshold=THRESHOLDS[family],
        processor=processor,
        network=network.eval().to(torch_device),
        device=torch_device,
    )
    with transformers.loading(repo, KIND):
        check_length(detector)
        detector.detect([transformers.trial_frame()])
    return detector


def identity(network: Any, texts: Mapping[str, str]) -> str:
    """Return digits of the weights and of the texts, which tell two prompted detectors apart."""
    text_digest = hashlib.sha256(urlencode(texts).encode()).hexdigest()[:6]
    return f"{architectures.digest(network.state_dict())}-{text_digest}"


def check_length(detector: PromptedDetector) -> None:
    """Check that the network can read all texts.

    Raises:
        DetectorUnavailable: they have too many words.
    """
    config, tokenizer = detector.network.config, detector.processor.tokenizer
    most = getattr(config, "max_text_len", None)
    if most is None:
        most = config.text_config.max_position_embeddings
        lengths = [len(tokenizer(text)["input_ids"]) for text in detector.texts]
    else:
        lengths = [len(tokenizer(join_texts(detector.texts)[0])["input_ids"])]
    if max(lengths) > most:
        raise DetectorUnavailable(
            f"detector {detector.name}: its texts have {max(lengths)} tokens, and the network "
            f"reads {most}: shorten detect.prompts"
        )
