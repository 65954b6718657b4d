"""Detectors of other packages: used like ours, and one line where they break the contract."""

from __future__ import annotations

import numpy as np
import pytest

from oneclick import detectors
from oneclick.core import plugins
from oneclick.core.errors import DetectorUnavailable, UnknownName
from oneclick.core.plugins import PluginFailure
from oneclick.testing import samples
from tests.fakes.packages import Install

SOURCE = """
import numpy as np
from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import DetectorKind

class Corner:
    name, model_id, names, threshold = "acme:corner", "acme-corner", ("person",), 0.5
    stateful = shrinks = False

    def detect(self, frames):
        ANSWER

    def reset(self):
        pass

def load(model, workspace, device):
    if model == "away":
        raise DetectorUnavailable("detector acme:away: fetch it first")
    return Corner()

KIND = DetectorKind(load, ("NAME",))
"""
BOX = "return [(np.array([[-5, 0, 20, 20]]), np.array([0.9]), np.array([0])) for _ in frames]"


def put(install: Install, answer: str = BOX, **changes: str) -> None:
    text = SOURCE.replace("ANSWER", answer)
    for old, new in changes.items():
        text = text.replace(old, new)
    install("acme-eyes", text, {"acme": "KIND"}, plugins.DETECTORS)


def test_it_is_listed_loaded_and_its_boxes_are_clipped(install: Install) -> None:
    put(install)
    assert detectors.known()[-1] == "acme:NAME"
    detections = detectors.run(
        detectors.create("acme:corner"), samples.walking_block(3), 3, 10.0, ("person",)
    )
    assert np.array_equal(detections.boxes, [[0, 0, 20, 20]] * 3)


def test_what_it_says_is_missing_is_said_in_its_own_words(install: Install) -> None:
    put(install)
    with pytest.raises(DetectorUnavailable, match="detector acme:away: fetch it first"):
        detectors.create("acme:away")
    with pytest.raises(UnknownName, match="acme:NAME"):
        detectors.create("other:corner")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"import numpy as np": "import acme_is_away"}, "cannot be imported: ModuleNotFoundError"),
        ({'("NAME",)': "3"}, "models is 3; it must be a tuple of texts"),
        ({"DetectorKind(load": 'DetectorKind("load"'}, "load cannot be called"),
        ({"threshold = ": "limit = "}, "its detector has threshold = None"),
        ({'"acme-corner"': '"acme/corner"'}, "its detector has a model_id with a slash"),
        ({"    def reset(self):": "    def clear(self):"}, "its detector has no method reset"),
        ({"return Corner()": "raise OSError(5)"}, "raised while it was loaded: OSError: 5"),
    ],
)
def test_one_that_cannot_be_loaded_is_one_line(
    install: Install, changes: dict[str, str], reason: str
) -> None:
    put(install, **changes)
    with pytest.raises(PluginFailure) as failure:
        detectors.create("acme:corner")
    assert str(failure.value).startswith("plug-in acme-eyes 1.2: detector 'acme': ")
    assert reason in str(failure.value)
    assert detectors.create("opencv:hog").name == "opencv:hog"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("raise RuntimeError('no eyes')", "raised while it ran: RuntimeError: no eyes"),
        ("return None", "detect must answer a list of 1, one per frame"),
        ("return [3]", "an answer must be a tuple of boxes, scores and classes"),
        (
            BOX.replace("[0.9]", "[0.9, 0.8]"),
            "an answer has boxes (1, 4), scores (2,), classes (1,)",
        ),
        (BOX.replace("([0])", "([1])"), "an answer has a class that is none of person"),
    ],
)
def test_one_that_answers_nonsense_is_one_line(install: Install, answer: str, reason: str) -> None:
    put(install, answer)
    detector = detectors.create("acme:corner")
    with pytest.raises(PluginFailure) as failure:
        detector.detect(samples.walking_block(1))
    assert reason in str(failure.value)
