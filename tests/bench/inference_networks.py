"""Small networks that `tests.bench.inference` trains, and how far their graphs move boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.detectors import graph_card, networks
from oneclick.detectors.base import Detector, FrameDetections
from oneclick.detectors.pytorch import TorchDetector
from oneclick.training.export import parity
from oneclick.training.export.parity import LabelledFrame
from tests.detectors import footage

HALF = footage.FRAMES // 2
BATCH = 8
RT_DETR = "rt_detr_v2"
"""A network of transformers that trains in minutes; no weights are downloaded."""
SLOW = 2
"""Times as many steps as the others take: attention has to be learned first."""
MOST_PX = 0.5


def build(arch: str, folder: Path) -> torch.nn.Module:
    """Build a network with random weights; a folder holds the configuration of RT-DETR."""
    if arch != RT_DETR:
        return networks.build(arch, ("person",))
    import transformers

    backbone = transformers.RTDetrResNetConfig(
        embedding_size=32,
        hidden_sizes=[32, 64, 96, 128],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = transformers.RTDetrV2Config(
        backbone_config=backbone,
        freeze_backbone_batch_norms=False,
        encoder_in_channels=backbone.hidden_sizes[1:],
        decoder_in_channels=[64] * 3,
        d_model=64,
        encoder_hidden_dim=64,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_layers=1,
        decoder_layers=2,
        num_queries=50,
        num_denoising=40,
    )
    config.save_pretrained(folder)
    processor = transformers.RTDetrImageProcessor(size={"height": 224, "width": 288})
    processor.save_pretrained(folder)
    return networks.build_plan(networks.plan(f"{networks.TRANSFORMERS}{folder}", ("person",)))


def train(arch: str, folder: Path, steps: int) -> torch.nn.Module:
    """Train a network on the first half of the video, from random weights."""
    torch.manual_seed(0)
    network, samples = build(arch, folder).train(), training_samples()
    steps *= SLOW if arch == RT_DETR else 1
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    schedule = None
    if arch == RT_DETR:
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, steps, pct_start=0.1)
    random = np.random.default_rng(0)
    for step in range(steps):
        if step == steps // 2:  # MobileNet remembers more steps than there are
            for module in network.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.reset_running_stats()
                    module.momentum = None
        batch = [samples[k] for k in random.integers(0, len(samples), BATCH)]
        losses = network([image for image, _ in batch], [dict(target) for _, target in batch])
        optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if schedule:
            schedule.step()
    return network.eval()


def training_samples() -> list[tuple[torch.Tensor, dict[str, torch.Tensor]]]:
    """Return every fourth picture of the first half at half its size, and who is in it."""
    truth, samples = footage.truth(), []
    for number, frame in enumerate(footage.frames(HALF // 4, 4)):
        boxes = torch.tensor(truth.boxes[truth.rows(4 * number)])
        small = cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        image = torch.from_numpy(small).permute(2, 0, 1) / 255
        target = {"boxes": boxes / 2, "labels": torch.ones(len(boxes), dtype=torch.int64)}
        samples.append((image, target))
    return samples


@dataclass(frozen=True, kw_only=True)
class BoxMoves:
    """How far the boxes of a graph are from those of torch, both ways."""

    px: NDArray[np.float32]
    """(n,) of each box and its nearest partner, if it has one."""
    ties: int
    """Boxes further away than MOST_PX where torch, too, had the box of the graph, and suppressed it
    for one of nearly the same score."""

    @property
    def far(self) -> int:
        """Number of boxes further away than MOST_PX."""
        return int((self.px > MOST_PX).sum())


def measure_moves(
    reference: TorchDetector, exported: Detector, frames: Sequence[LabelledFrame]
) -> BoxMoves:
    """Compare the boxes of a graph with those of torch, and with those before suppression."""
    pictures = [frame.picture for frame in frames]
    expected = [reference.detect([picture])[0] for picture in pictures]
    answers = [exported.detect([picture])[0] for picture in pictures]
    candidates = detect_unsuppressed(reference, frames) or expected
    px, ties = [], 0
    for torch_boxes, graph_boxes, all_boxes in zip(expected, answers, candidates, strict=True):
        for a, b in ((torch_boxes, graph_boxes), (graph_boxes, torch_boxes)):
            rows = np.flatnonzero(a[1] >= graph_card.COMPARED_SCORE)
            if not len(rows) or not len(b[0]):
                continue
            partners = nearest(a, b)[rows]
            overlaps = geometry.iou_pairs(a[0][rows], b[0][partners])
            rows, partners = (each[overlaps >= parity.PARTNER_IOU] for each in (rows, partners))
            moves = np.abs(a[0][rows] - b[0][partners]).max(1)
            far = moves > MOST_PX
            of_graph = graph_boxes[0][rows[far] if a is graph_boxes else partners[far]]
            apart = np.abs(of_graph[:, None] - all_boxes[0][None]).max(2)
            ties += int((apart.min(1, initial=np.inf) <= MOST_PX).sum())
            px.append(moves)
    return BoxMoves(px=np.concatenate(px), ties=ties)


def nearest(a: FrameDetections, b: FrameDetections) -> NDArray[np.intp]:
    """Return the nearest row of `b` for each box of `a`, by place and score."""
    apart = np.abs(a[0][:, None] - b[0][None]).max(2) + np.abs(a[1][:, None] - b[1][None])
    return np.asarray(apart.argmin(1), np.intp)


def detect_unsuppressed(
    reference: TorchDetector, frames: Sequence[LabelledFrame]
) -> list[FrameDetections]:
    """Return what a network of torchvision sees without suppression; nothing of other networks."""
    network = reference.network
    if not hasattr(network, "nms_thresh"):
        return []
    earlier = network.nms_thresh, network.detections_per_img
    network.nms_thresh, network.detections_per_img = 1.0, 100_000
    detections = [reference.detect([frame.picture])[0] for frame in frames]
    network.nms_thresh, network.detections_per_img = earlier
    return detections
