"""Tiny networks that look for texts, with random weights and real processors, in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oneclick.detectors import transformers
from tests.detectors import tiny_transformers

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "."]
WORDS = [*SPECIAL, "a", "person", "wheelchair", "lying", "on", "the", "floor"]
LETTERS = [chr(code) for code in range(33, 127)]
MOST_TOKENS = 32
"""That the networks read."""


def save(folder: Path, family: str, seed: int = 0) -> Path:
    """Save a network of a family with its processor; the folder."""
    import torch

    hf = tiny_transformers.library()
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    config, processor = FAMILIES[family](hf, folder)
    network = hf.AutoModelForZeroShotObjectDetection.from_config(config)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if "class_embed" in name and name.endswith("bias"):
                value.fill_(1.0)
    with transformers.hide_progress_bar():
        network.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _words(hf: Any, folder: Path) -> Any:
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return hf.BertTokenizer.from_pretrained(folder)


def _letters(hf: Any, folder: Path) -> Any:
    names = [*LETTERS, *(f"{c}</w>" for c in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {name: number for number, name in enumerate(names)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return hf.CLIPTokenizer.from_pretrained(folder, model_max_length=MOST_TOKENS)


def _grounding(hf: Any, folder: Path, name: str) -> tuple[Any, Any]:
    backbone = hf.SwinConfig(
        image_size=64,
        patch_size=4,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 1, 1],
        window_size=2,
        out_features=["stage2", "stage3", "stage4"],
    )
    text = hf.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=MOST_TOKENS,
    )
    config: Callable[..., Any] = getattr(hf, name)
    images = hf.GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 96})
    return config(
        backbone_config=backbone,
        text_config=text,
        d_model=32,
        num_queries=12,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_feature_levels=3,
        max_text_len=MOST_TOKENS,
    ), hf.GroundingDinoProcessor(images, _words(hf, folder))


def _owl(hf: Any, folder: Path, name: str) -> tuple[Any, Any]:
    config, text, vision, processor, images = (
        getattr(hf, f"{name}{part}")
        for part in ("Config", "TextConfig", "VisionConfig", "Processor", "ImageProcessor")
    )
    size = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    tokenizer = _letters(hf, folder)
    words = text(
        **size,
        vocab_size=len(tokenizer),
        max_position_embeddings=MOST_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=0,
    )
    pixels = vision(**size, image_size=64, patch_size=16)
    return config(
        text_config=words.to_dict(), vision_config=pixels.to_dict(), projection_dim=16
    ), processor(image_processor=images(size={"height": 64, "width": 64}), tokenizer=tokenizer)


FAMILIES: dict[str, Callable[[Any, Path], tuple[Any, Any]]] = {
    "grounding-dino": lambda hf, folder: _grounding(hf, folder, "GroundingDinoConfig"),
    "mm-grounding-dino": lambda hf, folder: _grounding(hf, folder, "MMGroundingDinoConfig"),
    "owlv2": lambda hf, folder: _owl(hf, folder, "Owlv2"),
    "owlvit": lambda hf, folder: _owl(hf, folder, "OwlViT"),
}
"""Configuration and processor by family."""
