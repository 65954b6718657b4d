"""Detectors that look for texts: real networks and processors, small, with random weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from oneclick import detectors, settings
from oneclick.core.errors import DetectorUnavailable, UsageError
from oneclick.detectors import prompted
from oneclick.flows import models
from tests.detectors import tiny_prompted, tiny_transformers
from tests.detectors.footage import noise

TEXTS = "?person=a+person+lying+on+the+floor&wheelchair=a+wheelchair"


@pytest.fixture(scope="module", params=tiny_prompted.FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_prompted.save(tmp_path_factory.mktemp("hf") / "tiny", request.param)


def test_it_finds_the_classes_of_its_texts_inside_the_picture(folder: Path) -> None:
    detector = detectors.create(f"prompt:{folder}{TEXTS}", None, "cpu")
    assert detector.names == ("person", "wheelchair")
    assert 0.1 <= detector.threshold <= 0.3
    frames = [noise(), noise(96, 128), noise(50, 200)]
    answers = detector.detect(frames)
    assert detector.detect([]) == []
    assert sum(len(scores) for _, scores, _ in answers) > 3
    for frame, (boxes, scores, classes) in zip(frames, answers, strict=True):
        height, width = frame.shape[:2]
        assert boxes.shape == (len(scores), 4)
        assert (boxes >= 0).all()
        assert (boxes <= [width, height, width, height]).all()
        assert ((scores >= 0.05) & (scores <= 1)).all()
        assert set(classes.tolist()) <= {0, 1}
    detections = detectors.run(detector, iter(frames[:1] * 2), 2, 10.0, ("wheelchair",))
    assert detections.names == ("wheelchair",)


def test_its_id_is_safe_and_follows_weights_and_texts(folder: Path) -> None:
    ids = [
        detectors.create(f"prompt:{folder}?person={text}", None, "cpu").model_id
        for text in ("a+person", "a+person", "somebody")
    ]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].startswith("prompt-tiny-")
    assert Path(ids[0]).name == ids[0]


def test_texts_that_are_too_long_are_refused_in_one_line(folder: Path) -> None:
    with pytest.raises(DetectorUnavailable, match=r"the network reads 32: shorten detect\.prompts"):
        detectors.create(f"prompt:{folder}?person={'a+' * 40}person", None, "cpu")


def test_a_class_scores_as_the_best_of_its_own_words(tmp_path: Path) -> None:
    folder = tiny_prompted.save(tmp_path / "net", "grounding-dino")
    frame = noise()
    both = detectors.create(f"prompt:{folder}{TEXTS}", None, "cpu")
    assert isinstance(both, prompted.PromptedDetector)
    sentence, spans = prompted.join_texts(both.texts)
    assert sentence == "a person lying on the floor. a wheelchair."
    assert [sentence[a:b] for a, b in spans] == ["a person lying on the floor", "a wheelchair"]
    outputs, inputs = both._outputs([frame], sentence)
    scores = outputs.logits[0].sigmoid().numpy()
    tokens = both.processor.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    chair = [k for k, token in enumerate(tokens) if token == "wheelchair"]
    second = [k for k, token in enumerate(tokens) if token == "a"][1:]
    expected = scores[:, chair + second].max()
    _, found, classes = both.detect([frame])[0]
    assert found[classes == 1].max() == pytest.approx(expected, abs=1e-5)


def test_the_settings_say_what_to_look_for_by_class() -> None:
    conf = settings.load(
        classes=["person", "wheelchair"],
        detect={
            "labellers": ["prompt:owner/net", "opencv:hog", "prompt:owner/net?person=own+text"],
            "prompts": {"wheelchair": "a wheelchair & its wheels"},
            "rival": "prompt:owner/net",
        },
    )
    full = "prompt:owner/net?person=person&wheelchair=a+wheelchair+%26+its+wheels"
    assert models.labellers(conf) == [full, "opencv:hog", "prompt:owner/net?person=own+text"]
    assert models.rival(conf) == full
    assert models.labellers(conf, ["prompt:other/net"]) == [full.replace("owner", "other")]


def test_a_text_for_what_is_no_class_is_refused() -> None:
    conf = settings.load(detect={"labellers": ["prompt:a/b"], "prompts": {"walker": "a walker"}})
    with pytest.raises(UsageError, match=r"text for walker, which is none of the classes person"):
        models.labellers(conf)


def test_without_a_text_there_is_nothing_to_look_for() -> None:
    with pytest.raises(DetectorUnavailable, match="no text to look for"):
        detectors.create("prompt:owner/net")


@pytest.mark.parametrize("text", ["", "+", ".", "%20-"])
def test_a_class_whose_text_has_no_word_is_named(text: str) -> None:
    with pytest.raises(DetectorUnavailable, match="its text for person has no word"):
        detectors.create(f"prompt:some/repo?bed=a+bed&person={text}", None, "cpu")


def test_a_folder_without_such_a_network_is_named(tmp_path: Path) -> None:
    folder = tiny_transformers.save(tmp_path / "net")
    for name in (folder, tmp_path):
        with pytest.raises(DetectorUnavailable, match=rf"detector prompt:{name}: no ") as raised:
            detectors.create(f"prompt:{name}?person=a")
        assert "\n" not in str(raised.value)


def test_weights_of_another_network_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = tiny_prompted.save(tmp_path / "net", "owlv2")
    tiny_transformers.swap_weights(folder, tiny_transformers.save(tmp_path / "other", "detr"))
    reason = rf"detector prompt:{folder}: its weights lack \d+ of \d+ tensors"
    with pytest.raises(DetectorUnavailable, match=reason) as raised:
        detectors.create(f"prompt:{folder}?person=a", None, "cpu")
    assert "\n" not in str(raised.value)


def test_a_broken_processor_is_refused_when_it_is_loaded_and_not_by_the_first_frame(
    tmp_path: Path,
) -> None:
    folder = tiny_prompted.save(tmp_path / "net", "owlv2")
    path = folder / "processor_config.json"
    document = json.loads(path.read_text())
    document["image_processor"]["size"] = {"height": 0, "width": 0}
    path.write_text(json.dumps(document))
    with pytest.raises(DetectorUnavailable, match="no object detector could be loaded") as raised:
        detectors.create(f"prompt:{folder}?person=a", None, "cpu")
    assert "\n" not in str(raised.value)


def test_a_missing_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(DetectorUnavailable, match=r"pip install 'oneclick\[transformers\]'"):
        detectors.create("prompt:owner/net?person=a")


def test_its_answers_repeat(folder: Path) -> None:
    detector = detectors.create(f"prompt:{folder}{TEXTS}", None, "cpu")
    first, second = (detector.detect([noise()])[0] for _ in range(2))
    for k in range(3):
        assert np.array_equal(first[k], second[k])
