"""Tiny networks of every trainable family of transformers, with random weights, in a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from oneclick.detectors import transformers

REASON = "needs the package transformers (pip install 'oneclick[transformers]')"
WEIGHTS = "model.safetensors"
SIDE = 128
"""Of the square that the saved image processors stretch to: a frame of 96×160 px."""


def library() -> Any:
    """The package, or a skip that names it."""
    return pytest.importorskip("transformers", reason=REASON)


def save(
    folder: Path,
    family: str = "d_fine",
    classes: Sequence[str] = ("bed", "person"),
    seed: int = 0,
    bias: Sequence[float] | None = None,
) -> Path:
    """Save a network of a family with its image processor; the folder.

    Args:
        folder: that is made.
        family: type of the model.
        classes: that it knows.
        seed: of its random weights.
        bias: logits of the classes, in families with a head for each decoder layer.
    """
    import torch

    hf = library()
    config = CONFIGS[family](hf)
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: k for k, name in enumerate(classes)}
    torch.manual_seed(seed)
    network = hf.AutoModelForObjectDetection.from_config(config)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if bias is not None and "class_embed" in name and name.endswith("bias"):
                value.copy_(torch.tensor(bias))
    with transformers.hide_progress_bar():
        network.save_pretrained(folder)
    processor = hf.RTDetrImageProcessor(size={"height": SIDE, "width": SIDE})
    processor.save_pretrained(folder)
    return folder


def damage(folder: Path, name: str, change: dict[str, Any]) -> None:
    """Change entries of one of a folder's JSON files."""
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


def swap_weights(folder: Path, other: Path) -> None:
    """Put the weights of another folder beside a folder's own configuration."""
    shutil.copyfile(other / WEIGHTS, folder / WEIGHTS)


def drop_weights(folder: Path, part: str) -> int:
    """Remove the tensors whose names hold `part` from a folder's weights; how many those were."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / WEIGHTS)
    rest = {name: value for name, value in tensors.items() if part not in name}
    save_file(rest, folder / WEIGHTS, metadata={"format": "pt"})
    return len(tensors) - len(rest)


def _resnet(hf: Any, stages: Sequence[int]) -> Any:
    return hf.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=[f"stage{k}" for k in stages],
    )


def _hybrid(hf: Any, name: str, backbone: Any) -> Any:
    width = ("encoder_hidden_dim", "d_model", "decoder_ffn_dim", "encoder_ffn_dim")
    config: Callable[..., Any] = getattr(hf, name)
    return config(
        backbone_config=backbone,
        **dict.fromkeys(width, 16),
        encoder_in_channels=[16] * 3,
        decoder_in_channels=[16] * 3,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_layers=1,
        decoder_layers=2,
        num_queries=20,
        num_denoising=10,
        initializer_range=0.2,
    )


def _rt_resnet(hf: Any) -> Any:
    return hf.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )


def _hgnet(hf: Any) -> Any:
    return hf.HGNetV2Config(
        stem_channels=[3, 8, 8],
        hidden_sizes=[8, 16, 16, 16],
        depths=[1, 1, 1, 1],
        stage_in_channels=[8, 8, 16, 16],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 16, 16, 16],
        stage_num_blocks=[1, 1, 1, 1],
        stage_downsample=[False, True, True, True],
        stage_light_block=[False, False, True, True],
        stage_kernel_size=[3, 3, 5, 5],
        stage_numb_of_layers=[2, 2, 2, 2],
        embedding_size=8,
        initializer_range=0.2,
        out_features=["stage2", "stage3", "stage4"],
    )


def _plain(hf: Any, name: str, stages: Sequence[int] = (4,), width: int = 16, **more: Any) -> Any:
    config: Callable[..., Any] = getattr(hf, name)
    return config(
        backbone_config=_resnet(hf, stages),
        d_model=width,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_queries=20,
        **more,
    )


def _windowed(hf: Any, name: str, backbone: Any, **more: Any) -> Any:
    config: Callable[..., Any] = getattr(hf, name)
    return config(
        backbone_config=backbone,
        projector_scale_factors=[1.0],
        d_model=16,
        decoder_layers=2,
        decoder_ffn_dim=16,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        num_queries=20,
        group_detr=2,
        **more,
    )


def _lw(hf: Any) -> Any:
    backbone = hf.LwDetrViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=64,
        pretrain_image_size=64,
        patch_size=16,
        window_block_indices=[0],
        num_windows=4,
        out_indices=[1, 2],
    )
    return _windowed(
        hf,
        "LwDetrConfig",
        backbone,
        projector_in_channels=[16],
        projector_out_channels=16,
        num_feature_levels=1,
    )


def _rf(hf: Any) -> Any:
    backbone = {
        "model_type": "rf_detr_dinov2",
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 64,
        "patch_size": 16,
        "num_register_tokens": 0,
        "num_windows": 2,
        "window_block_indexes": [0],
        "out_features": ["stage2"],
        "apply_layernorm": True,
        "reshape_hidden_states": True,
    }
    return _windowed(hf, "RfDetrConfig", backbone)


def _yolos(hf: Any) -> Any:
    return hf.YolosConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[96, 160],
        patch_size=16,
        num_detection_tokens=20,
    )


CONFIGS: dict[str, Callable[[Any], Any]] = {
    "conditional_detr": lambda hf: _plain(hf, "ConditionalDetrConfig"),
    "d_fine": lambda hf: _hybrid(hf, "DFineConfig", _hgnet(hf)),
    "dab-detr": lambda hf: _plain(hf, "DabDetrConfig", hidden_size=16),
    "deformable_detr": lambda hf: _plain(
        hf, "DeformableDetrConfig", (2, 3, 4), 32, num_feature_levels=3
    ),
    "deimv2": lambda hf: _hybrid(hf, "Deimv2Config", _hgnet(hf)),
    "detr": lambda hf: _plain(hf, "DetrConfig"),
    "lw_detr": _lw,
    "rf_detr": _rf,
    "rt_detr": lambda hf: _hybrid(hf, "RTDetrConfig", _rt_resnet(hf)),
    "rt_detr_v2": lambda hf: _hybrid(hf, "RTDetrV2Config", _rt_resnet(hf)),
    "table-transformer": lambda hf: _plain(hf, "TableTransformerConfig"),
    "yolos": _yolos,
}
"""A configuration by family."""
