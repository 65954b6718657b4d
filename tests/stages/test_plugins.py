"""Stages go on without a plug-in that fails: it is named once, and its traceback is in a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from oneclick.core import plugins
from oneclick.core.clips import ClipStage
from oneclick.core.errors import UsageError
from oneclick.core.plugins import PluginFailure
from oneclick.stages import autolabel, import_
from oneclick.stages.trigger import TriggerOptions
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace
from tests.detectors.test_plugins import SOURCE as EYES
from tests.fakes.packages import Install
from tests.stages import test_autolabel as labelling
from tests.stages import test_trigger as scanning
from tests.triggers.test_plugins import put, source

RAISES = source("        raise RuntimeError('lost')")


def test_a_trigger_that_raises_is_left_out_of_its_scenes(tmp_path: Path, install: Install) -> None:
    scanning.add(tmp_path, scanning.video("ward-a"), (200, 700))
    put(install, RAISES)
    options = TriggerOptions(min_clips=4, enabled=("flicker", "shout"))
    result = scanning.look(tmp_path, options, None)
    line = (
        "plug-in acme-shout 1.2: trigger 'shout': raised while it ran: RuntimeError: lost; "
        "left out of 1 scene"
    )
    log = Workspace(tmp_path).logs_dir / "trigger-shout.log"
    assert result.failed == {"trigger shout": f"{line}; traceback in {log}"}
    assert (result.videos, result.hits) == (["ward-a"], {"flicker": 2})
    assert "RuntimeError: lost" in log.read_text()


def test_a_repaired_plug_in_scans_again_what_it_missed(tmp_path: Path, install: Install) -> None:
    scanning.add(tmp_path, scanning.video("ward-a"), (200, 700))
    options = TriggerOptions(min_clips=4, enabled=("flicker", "shout"))
    put(install, "import acme_is_away")
    assert scanning.look(tmp_path, options, None).videos == ["ward-a"]
    (tmp_path / "site-packages" / "acme_shout.py").write_text(source())
    plugins.refresh()
    again = scanning.look(tmp_path, options, None)
    assert (again.videos, again.failed) == (["ward-a"], {})
    assert again.hits["shout"] == 1


EYE = EYES.replace("acme:corner", "acme:eye")
GOOD = EYE.replace(
    "ANSWER",
    "return [(np.array([[1, 1, 20, 20.0]]), np.array([0.9]), np.array([0]))] * len(frames)",
)
BROKEN = EYE.replace("ANSWER", "raise RuntimeError('blind')")


def test_a_labeller_that_raises_is_left_out_and_the_others_label(
    tmp_path: Path, install: Install
) -> None:
    clip = labelling.extracted(tmp_path, 1)
    install("acme-blind", BROKEN, {"blind": "KIND"}, plugins.DETECTORS)
    install("acme-eyes", GOOD, {"acme": "KIND"}, plugins.DETECTORS)
    result = autolabel.autolabel(tmp_path, [clip.id], ["blind:x", "acme:x"], ("person",))
    assert result.done == [clip.id]
    log = Workspace(tmp_path).logs_dir / "acme-corner.log"
    assert list(result.failed) == ["labeller acme:eye"]
    assert result.failed["labeller acme:eye"] == (
        "plug-in acme-blind 1.2: detector 'blind': raised while it ran: RuntimeError: blind; "
        f"left out; traceback in {log}"
    )
    label_set = labels.latest(Workspace(tmp_path), clip.id)
    assert label_set
    assert label_set.boxes() == 10


def test_a_labeller_that_cannot_be_imported_is_left_out(tmp_path: Path, install: Install) -> None:
    clip = labelling.extracted(tmp_path, 1)
    install("acme-away", "import acme_is_away", {"away": "KIND"}, plugins.DETECTORS)
    install("acme-eyes", GOOD, {"acme": "KIND"}, plugins.DETECTORS)
    result = autolabel.autolabel(tmp_path, [clip.id], ["away:x", "acme:x"], ("person",))
    assert result.done == [clip.id]
    assert "ModuleNotFoundError" in result.failed["labeller away:x"]


@pytest.mark.parametrize("text", ["import acme_is_away", BROKEN])
def test_without_any_labeller_the_clips_stay_where_they_are(
    tmp_path: Path, install: Install, text: str
) -> None:
    clip = labelling.extracted(tmp_path, 1)
    install("acme-blind", text, {"blind": "KIND"}, plugins.DETECTORS)
    with pytest.raises(UsageError, match="no labeller"):
        autolabel.autolabel(tmp_path, [clip.id], ["blind:x"], ("person",))
    assert labelling.stage(tmp_path, clip.id) is ClipStage.EXTRACTED


OPTIONS = import_.ImportOptions(camera="hall")
FORMAT = """
from oneclick.core.errors import BadInput
from oneclick.formats import ExchangeFormat, SequenceSource

def find(path, classes, failed):
    return [SequenceSource("ward", "train", load)]

def load(origin):
    BODY

FORMAT = ExchangeFormat(lambda root, classes: None, find, lost="")
"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return 1 / 0", "raised while it ran: ZeroDivisionError: division by zero; left out"),
        ("return 3", "load must return an ImportedSequence; left out"),
        ("raise BadInput('the file is torn')", "the file is torn"),
    ],
)
def test_a_sequence_that_a_format_cannot_load_names_its_package(
    tmp_path: Path, install: Install, body: str, reason: str
) -> None:
    install("acme-tables", FORMAT.replace("BODY", body), {"tables": "FORMAT"}, plugins.FORMATS)
    result = import_.import_(tmp_path, tmp_path, "tables", ("person",), OPTIONS)
    package = "" if "torn" in body else "plug-in acme-tables 1.2: format 'tables': "
    (line,) = result.result.failed.values()
    assert line.startswith(package + reason)


def test_a_format_that_finds_no_list_is_named(tmp_path: Path, install: Install) -> None:
    source = FORMAT.replace('return [SequenceSource("ward", "train", load)]', "return 3")
    install("acme-tables", source, {"tables": "FORMAT"}, plugins.FORMATS)
    with pytest.raises(PluginFailure, match="format 'tables': find must return a list"):
        import_.import_(tmp_path, tmp_path, "tables", ("person",), OPTIONS)
