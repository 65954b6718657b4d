import json
from urllib.error import HTTPError, URLError

import numpy as np
import pytest

from oneclick import detectors
from oneclick.core.errors import DetectorUnavailable, UnknownName
from oneclick.detectors import networks
from oneclick.storage.workspace import Workspace
from tests.detectors import models
from tests.detectors.footage import noise


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def test_the_champion_answers_as_the_network_itself(workspace):
    import torch

    folder = models.train_nothing(workspace, "m7", champion=True)
    detector = detectors.create("model:champion", workspace, "cpu")
    assert (detector.name, detector.model_id) == ("model:champion", "model-m7")
    assert (detector.threshold, detector.names) == (0.4, ("person",))
    network = networks.build("fcos-tiny", ("person",)).eval()
    network.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    frame = noise()
    with torch.inference_mode():
        image = torch.from_numpy(frame.copy()).permute(2, 0, 1) / 255
        reference = network([image])[0]
    sides = reference["boxes"][:, 2:] - reference["boxes"][:, :2]
    people = (reference["labels"] == 1) & (sides > 0).all(1)  # label 0 is the background
    assert people.any()
    boxes, scores, _ = detector.detect([frame])[0]
    assert np.allclose(boxes, reference["boxes"][people].numpy(), atol=1e-2)
    assert np.allclose(scores, reference["scores"][people].numpy(), atol=1e-4)


def test_a_model_is_asked_for_by_its_id_and_has_the_champions_identity(workspace):
    models.train_nothing(workspace, "m7", champion=True)
    assert detectors.create("model:m7", workspace, "cpu").model_id == "model-m7"


def test_before_the_first_promotion_there_is_no_champion(workspace):
    with pytest.raises(DetectorUnavailable, match=r"no champion .* yet; train one first"):
        detectors.create("model:champion", workspace)


def test_a_model_without_a_workspace_is_refused():
    with pytest.raises(DetectorUnavailable, match="needs a workspace"):
        detectors.create("model:champion")


@pytest.mark.parametrize("name", ["nope", "../../etc", "m1/.."])
def test_a_model_that_is_not_there_is_named(workspace, name):
    with pytest.raises(DetectorUnavailable, match=r"card\.json is missing|no model"):
        detectors.create(f"model:{name}", workspace)


def card_without_arch(folder):
    (folder / "card.json").write_text('{"classes": ["person"]}')


def other_weights(folder):
    (folder / "model.pt").write_bytes(b"rubbish")


def no_weights(folder):
    (folder / "model.pt").unlink()


def unknown_arch(folder):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"arch": "fcos-nope"}))


def more_classes(folder):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"classes": ["person", "bed"]}))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (card_without_arch, "is broken"),
        (other_weights, "changed after training"),
        (no_weights, "is missing"),
        (unknown_arch, "no architecture is called"),
        (more_classes, "does not load"),
    ],
)
def test_a_damaged_model_says_in_one_line_what_is_wrong(workspace, damage, reason):
    damage(models.train_nothing(workspace, "m1"))
    with pytest.raises(DetectorUnavailable, match=reason) as excinfo:
        detectors.create("model:m1", workspace)
    assert "\n" not in str(excinfo.value)


def test_an_unknown_torchvision_model_lists_those_that_exist():
    with pytest.raises(UnknownName, match="fasterrcnn_resnet50_fpn"):
        detectors.create("torchvision:yolo")


def test_torchvision_weights_come_from_the_cache_with_coco_names(tmp_path):
    with models.cached_weights(tmp_path):
        detector = detectors.create(f"torchvision:{models.SMALL}", None, "cpu")
    assert detector.model_id == f"torchvision-{models.SMALL}"
    assert detector.names[1] == "person"
    assert len(detector.names) == 91


@pytest.mark.parametrize("content", [b"", b"rubbish"])
def test_broken_weights_in_the_cache_say_what_to_delete(tmp_path, content):
    with (
        models.cached_weights(tmp_path, content),
        pytest.raises(DetectorUnavailable, match=r"\.pth are broken .*delete them from") as excinfo,
    ):
        detectors.create(f"torchvision:{models.SMALL}", None, "cpu")
    assert "\n" not in str(excinfo.value)


@pytest.mark.parametrize(
    "error",
    [
        URLError("no route"),
        HTTPError("u", 503, "busy", None, None),  # type: ignore[arg-type]
        TimeoutError("slow"),
    ],
)
def test_a_download_that_fails_is_named_with_the_folder_to_put_it(tmp_path, monkeypatch, error):
    import torch

    def refuse(*_args, **_kwargs):
        raise error

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    with pytest.raises(DetectorUnavailable, match=r"cannot download .*\.pth .*checkpoints"):
        detectors.create(f"torchvision:{models.SMALL}", None, "cpu")
