"""Networks of transformers as architectures: how they are planned, built and started."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import networks
from oneclick.detectors.architectures import transformers_models
from oneclick.training import loop, model
from oneclick.training.config import TrainingConfig, model_id
from oneclick.training.distributed import ProcessContext
from tests.detectors import tiny_transformers
from tests.training import toy

CLASSES = ("person", "wheelchair")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_transformers.save(tmp_path_factory.mktemp("hf") / "tiny")


def targets(counts: list[int]) -> list[dict[str, torch.Tensor]]:
    """Boxes of the first class in the middle of a picture."""
    return [
        {
            "boxes": torch.tensor([[20.0, 20.0, 60.0, 70.0]]).repeat(n, 1),
            "labels": torch.ones(n, dtype=torch.int64),
        }
        for n in counts
    ]


def test_every_family_of_the_library_that_can_be_trained_has_a_case_here() -> None:
    tiny_transformers.library()
    assert transformers_models.families() == sorted(tiny_transformers.CONFIGS)


@pytest.mark.parametrize("family", tiny_transformers.CONFIGS)
def test_a_family_learns_and_answers_alike_alone_and_in_a_batch(
    family: str, tmp_path: Path
) -> None:
    arch = f"transformers:{tiny_transformers.save(tmp_path / 'net', family)}"
    network, origin = model.initialize(arch, CLASSES, None, pretrained=True)
    assert origin.start
    assert origin.start.classes == ("person",)
    assert origin.start.tensors > 20
    wide, tall = torch.rand(3, 90, 160), torch.rand(3, 160, 100)
    network.train()
    for counts in ([1, 2], [0, 0]):
        losses = network([wide, tall], targets(counts))
        losses["detection"].backward()
        assert torch.isfinite(losses["detection"])
    network.eval()
    with torch.inference_mode():
        together = network([wide, tall, wide])
        alone = network([tall])[0]
    for name in ("boxes", "scores", "labels"):
        torch.testing.assert_close(together[1][name], alone[name], atol=1e-3, rtol=1e-3)
    for image, output in zip((wide, tall), together, strict=False):
        height, width = image.shape[-2:]
        assert len(output["boxes"]) == len(output["scores"]) == len(output["labels"])
        assert (output["boxes"] >= 0).all()
        assert (output["boxes"] <= torch.tensor([width, height] * 2)).all()
        assert set(output["labels"].tolist()) <= {1, 2}
    again = networks.build_plan(
        msgspec.convert(msgspec.to_builtins(origin.plan), type(origin.plan))
    )
    again.load_state_dict(network.state_dict())
    with torch.inference_mode():
        rebuilt = again.eval()([wide, tall, wide])[0]
    assert torch.equal(rebuilt["scores"], together[0]["scores"])


def test_a_head_keeps_the_classes_it_knows_by_name_and_is_new_in_the_others(folder: Path) -> None:
    published = transformers_models.published(networks.plan(f"transformers:{folder}", ("bed",)))
    assert published
    network, origin = model.initialize(f"transformers:{folder}", CLASSES, None, pretrained=True)
    state = network.state_dict()
    rows = {name for name in published.by_class if name in state}
    assert len(rows) > 5
    for name in rows:
        assert torch.equal(state[name][0], published.tensors[name][1]), name  # person was second
    for name, value in state.items():
        if name not in rows:
            assert torch.equal(value, published.tensors[name]), name
    assert origin.start
    assert set(origin.start.fresh) == rows
    assert origin.start.tensors == len(state) - len(rows)
    same, _ = model.initialize(f"transformers:{folder}", ("bed", "person"), None, pretrained=True)
    for name, value in same.state_dict().items():
        assert torch.equal(value, published.tensors[name]), name


def test_unknown_classes_of_the_same_number_take_nothing_of_the_head(folder: Path) -> None:
    others = ("chair", "table")
    network, origin = model.initialize(f"transformers:{folder}", others, None, pretrained=True)
    assert origin.start
    assert origin.start.classes == ()
    bias = network.state_dict()["network.class_embed.0.bias"]
    assert torch.sigmoid(bias).tolist() == pytest.approx([0.01] * 2, abs=1e-3)


def test_without_published_weights_the_same_network_starts_at_random(folder: Path) -> None:
    torch.manual_seed(5)
    network, origin = model.initialize(f"transformers:{folder}", CLASSES, None, pretrained=False)
    assert origin.start is None
    backbone = "network.model.backbone.model.embedder.stem1.convolution.weight"
    published = transformers_models.published(origin.plan)
    assert published
    assert not torch.equal(network.state_dict()[backbone], published.tensors[backbone])
    assert not TrainingConfig(arch="transformers:d_fine").from_published
    assert TrainingConfig(arch=f"transformers:{folder}").from_published
    assert TrainingConfig(arch="transformers:owner/name").from_published
    # A folder beside, removed since the training began: its backbone stays frozen in what is left.
    gone = TrainingConfig(arch="transformers:a-folder-that-is-gone", backbone=0)
    assert (gone.from_published, gone.backbone_factor) == (True, 0)


@pytest.mark.parametrize(("factor", "moves"), [(0.0, False), (0.1, True), (1.0, True)])
def test_a_backbone_is_frozen_or_adapted_as_it_is_set(
    factor: float, moves: bool, folder: Path, tmp_path: Path
) -> None:
    arch = f"transformers:{folder}"
    network, _ = model.initialize(arch, ("person",), None, pretrained=True)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    config = TrainingConfig(arch=arch, steps=1, warmup=0, backbone=factor, weight_decay=0.0)
    schedule = loop.Schedule.from_config(config, 1, finetuning=False)
    training = loop.Trainer(network, schedule, ProcessContext(torch.device("cpu")))
    training.step(0, [toy.batch(tmp_path)])
    moved = {n for n, value in network.state_dict().items() if not torch.equal(value, before[n])}
    assert any(networks.is_backbone(name) for name in moved) == moves
    assert any(not networks.is_backbone(name) for name in moved)
    rates = {group["factor"]: group["lr"] for group in training.optimizer.param_groups}
    assert rates[1.0] == pytest.approx(1e-4)
    if factor == 0.1:
        assert rates[0.1] == pytest.approx(1e-5)


def test_an_answer_that_is_not_finite_becomes_a_loss_that_names_the_images(
    folder: Path, tmp_path: Path
) -> None:
    network, _ = model.initialize(f"transformers:{folder}", ("person",), None, pretrained=True)
    with torch.no_grad():
        network.get_parameter("network.class_embed.1.bias").fill_(torch.nan)
    losses = loop.batch_losses(network.train(), toy.batch(tmp_path), torch.device("cpu"))
    assert torch.isnan(losses["detection"])


def test_ids_of_models_are_safe_in_a_path_and_keep_what_earlier_models_have() -> None:
    config = TrainingConfig(arch="transformers:org/d_fine+x 1", steps=2)
    assert model_id(config, "v1") == f"transformers-d_fine-x-1-v1-{config.key()}"
    assert TrainingConfig(steps=2, batch=2, stride=3, turned=0, laid=0).key() == "043c64"
    assert TrainingConfig(backbone=0.5).key() != TrainingConfig().key()
    other = TrainingConfig(arch="transformers:org/x", transformers_lr=1.0)
    assert other.key() != TrainingConfig(arch="transformers:org/x").key()


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("config.json", {"model_type": "bert"}, "type bert is no detector to train"),
        ("config.json", {"model_type": "d_coarse"}, "no object detector could be loaded"),
        ("config.json", {"num_queries": "many"}, "no object detector could be loaded"),
        ("preprocessor_config.json", {"image_processor_type": "No"}, "could be loaded"),
        ("preprocessor_config.json", {"size": {"height": "x", "width": 9}}, "could be loaded"),
        ("preprocessor_config.json", {"do_normalize": True, "image_mean": None}, "is None: write"),
        ("preprocessor_config.json", {"do_normalize": True, "image_mean": [0.5]}, "mean .* write"),
        ("preprocessor_config.json", {"do_normalize": True, "image_std": [0] * 3}, "std .* write"),
        (
            "config.json",
            {"id2label": {"0": "bed", "5": "person"}, "label2id": {"bed": 0, "person": 5}},
            "numbers 2 classes up to 5: number them 0 to 1 without gaps",
        ),
    ],
)
def test_a_folder_that_holds_no_detector_is_refused_in_one_line(
    name: str, change: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    tiny_transformers.save(tmp_path / "net")
    tiny_transformers.damage(tmp_path / "net", name, change)
    with pytest.raises(DetectorUnavailable, match=reason) as raised:
        model.initialize(f"transformers:{tmp_path / 'net'}", CLASSES, None, pretrained=True)
    assert "\n" not in str(raised.value)


def test_weights_of_another_network_start_no_training(tmp_path: Path) -> None:
    folder = tiny_transformers.save(tmp_path / "net", "d_fine")
    tiny_transformers.swap_weights(folder, tiny_transformers.save(tmp_path / "other", "detr"))
    with pytest.raises(DetectorUnavailable, match=r"its weights lack \d+ of \d+ tensors") as raised:
        model.initialize(f"transformers:{folder}", CLASSES, None, pretrained=True)
    assert "\n" not in str(raised.value)


def lack_head(folder: Path) -> None:
    assert tiny_transformers.drop_weights(folder, "class_embed") > 1
    assert tiny_transformers.drop_weights(folder, "enc_score_head") == 2


def reshape_head(folder: Path) -> None:
    names = ("person", "bed", "chair")
    change = {"id2label": dict(enumerate(names)), "label2id": {n: k for k, n in enumerate(names)}}
    tiny_transformers.damage(folder, "config.json", change)


@pytest.mark.parametrize("spoil", [lack_head, reshape_head])
def test_weights_whose_head_is_missing_or_of_other_classes_start_with_a_new_head(
    spoil: Any, tmp_path: Path
) -> None:
    folder = tiny_transformers.save(tmp_path / "net", "d_fine")
    whole = transformers_models.published(networks.plan(f"transformers:{folder}", CLASSES))
    assert whole
    spoil(folder)
    network, origin = model.initialize(f"transformers:{folder}", CLASSES, None, pretrained=True)
    assert origin.start
    assert origin.start.classes == ()
    assert set(origin.start.fresh) == whole.by_class
    for name, value in network.state_dict().items():
        if name not in whole.by_class:
            assert torch.equal(value, whole.tensors[name]), name


def lose(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("spoil", [lose, truncate])
def test_weights_that_are_missing_or_truncated_are_refused_in_one_line(
    spoil: Any, tmp_path: Path
) -> None:
    folder = tiny_transformers.save(tmp_path / "net")
    spoil(folder)
    with pytest.raises(DetectorUnavailable, match="no object detector could be loaded") as raised:
        model.initialize(f"transformers:{folder}", CLASSES, None, pretrained=True)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("transformers:d_coarse", "neither a folder here, nor a repository .* families: .*d_fine"),
        ("transformers:", "neither a folder"),
    ],
)
def test_a_name_that_is_nothing_lists_the_families(name: str, reason: str) -> None:
    tiny_transformers.library()
    with pytest.raises(DetectorUnavailable, match=reason):
        networks.plan(name, CLASSES)


def test_a_repository_that_cannot_be_downloaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_transformers.library()
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DetectorUnavailable, match=r"transformers:owner/net: .*\(.*\)") as raised:
        networks.plan("transformers:owner/net", CLASSES)
    assert "\n" not in str(raised.value)


def test_a_missing_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(DetectorUnavailable, match=r"pip install 'oneclick\[transformers\]'"):
        networks.plan("transformers:owner/net", CLASSES)
