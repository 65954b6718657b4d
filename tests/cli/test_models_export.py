"""`oneclick models export` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from oneclick import detectors
from oneclick.storage.workspace import Workspace
from tests.cli.program import oneclick
from tests.detectors import models


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a workspace with a champion and one clip."""
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    models.train_nothing(workspace, "m1", champion=True, is_sure=True)
    folder = workspace.frames_dir("ward-1")
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(4):
        blocks = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number:06d}.jpg"), cv2.resize(blocks, (192, 144)))
    return workspace.home


def test_the_champion_is_exported_and_the_comparison_is_said(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "graph.onnx"
    result = oneclick("models", "export", "--out", str(out), home=home)
    assert (result.returncode, result.stdout) == (0, f"{out}\n")
    assert "MB, fp32; its card is graph.onnx.json" in result.stderr
    assert "on 4 frames of clips" in result.stderr
    assert detectors.create(f"onnx:{out}").names == ("person",)


def test_json_has_the_file_and_what_was_compared(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "half.onnx"
    result = oneclick("models", "export", "m1", "--fp16", "--out", str(out), "--json", home=home)
    document = json.loads(result.stdout)
    assert (result.returncode, document["path"]) == (0, str(out))
    assert document["parity"]["frames"] == 4
    assert "mAP lost by fp16: " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("m9",), 2, "no model is called 'm9'; known: m1"),
        (("--int8", "--fp16"), 2, "--int8 and --fp16 are two graphs: export one after the other"),
        (("--to", "tflite"), 2, "'tflite' is not one of 'onnx'"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    home: Path, arguments: tuple[str, ...], code: int, text: str
) -> None:
    result = oneclick("models", "export", *arguments, home=home)
    assert result.returncode == code
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_a_workspace_without_a_champion_says_what_to_name(tmp_path: Path) -> None:
    result = oneclick("models", "export", home=tmp_path)
    assert result.returncode == 2
    assert "no model is in service: name one that oneclick models list shows" in result.stderr
