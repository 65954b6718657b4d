"""Clips are taken out of datasets, trainings and exports, and come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from oneclick import report
from oneclick.catalog import Catalog, rebuild, verify
from oneclick.core.clips import ClipStage
from oneclick.core.errors import UnknownName
from oneclick.stages import exclude, export, maintain, publish, quarantine
from oneclick.storage import cards, datasets, exclusions
from oneclick.storage.workspace import Workspace
from tests.stages import accepted

CLASSES = ("person",)
SIDES = {"cam-1-a": "train", "cam-1-b": "train", "cam-1-c": "test"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    publish.publish(tmp_path, accepted.accept(tmp_path, SIDES), "", CLASSES)
    return tmp_path


def rebuild_catalog(home: Path) -> None:
    with Catalog.open(home) as catalog:
        cards.save_video_card(Workspace(home), catalog.video("cam-1"))
    rebuild.rebuild(home)


def clips_of_newest(home: Path) -> list[str]:
    version = datasets.find(Workspace(home))
    assert version
    return [clip.clip for clip in version.clips]


def test_the_next_version_leaves_an_excluded_clip_out_until_it_is_included(home: Path) -> None:
    (first,) = datasets.names(Workspace(home))
    assert exclude.exclude(home, ["cam-1-a"], "face visible").done == ["cam-1-a"]
    assert exclude.exclude(home, ["cam-1-a"], "again").skipped == ["cam-1-a"]
    assert publish.publish(home, [], "", CLASSES).new
    assert clips_of_newest(home) == ["cam-1-b", "cam-1-c"]
    publish.publish(home, accepted.accept(home, {"cam-1-d": "train"}), "", CLASSES)
    assert clips_of_newest(home) == ["cam-1-b", "cam-1-c", "cam-1-d"]
    assert publish.verify(home, first, "") == []
    assert publish.withdrawn_clips(home, first) == ["cam-1-a"]
    assert exclude.include(home, ["cam-1-a"]).done == ["cam-1-a"]
    assert exclude.include(home, ["cam-1-a"]).skipped == ["cam-1-a"]
    publish.publish(home, [], "", CLASSES)
    assert clips_of_newest(home) == ["cam-1-a", "cam-1-b", "cam-1-c", "cam-1-d"]


def test_a_rebuilt_catalog_knows_an_exclusion_and_the_report_tells_it(home: Path) -> None:
    exclude.exclude(home, ["cam-1-a"], "face visible")
    rebuild_catalog(home)
    publish.publish(home, [], "", CLASSES)
    assert [row.excluded for row in report.datasets(home)] == [1, 0]
    assert report.lap_summary(home).excluded == 1
    exclusion = exclusions.load(Workspace(home), "cam-1-a")
    assert exclusion
    assert exclusion.reason == "face visible"


def test_an_export_of_an_older_version_leaves_an_excluded_clip_out(home: Path) -> None:
    exclude.exclude(home, ["cam-1-a"], "face visible")
    outcome = export.export(home, home / "out", "yolo")
    assert (outcome.excluded, outcome.result.done) == (1, ["cam-1-b", "cam-1-c"])
    assert not list((home / "out").rglob("*cam-1-a*"))


def test_a_broken_exclusion_still_excludes_and_can_be_taken_back(home: Path) -> None:
    exclude.exclude(home, ["cam-1-a"], "face visible")
    Workspace(home).exclusion_file("cam-1-a").write_bytes(b"{")
    publish.publish(home, [], "", CLASSES)
    assert clips_of_newest(home) == ["cam-1-b", "cam-1-c"]
    assert exclude.include(home, ["cam-1-a"]).done == ["cam-1-a"]
    publish.publish(home, [], "", CLASSES)
    assert clips_of_newest(home) == ["cam-1-a", "cam-1-b", "cam-1-c"]


def test_what_was_never_published_or_excluded_is_named(home: Path) -> None:
    (reason,) = exclude.exclude(home, ["cam-1-x"], "?").failed.values()
    assert "cam-1-x is in no dataset version" in reason
    with pytest.raises(UnknownName, match="cam-1-b"):
        exclude.include(home, ["cam-1-b"])


def test_a_person_quarantines_a_clip_and_puts_it_back(home: Path) -> None:
    accepted.accept(home, {"cam-1-d": "train", "cam-1-e": "train"})
    result = quarantine.quarantine(home, ["cam-1-d", "cam-1-a"], "camera was\ncovered")
    assert result.done == ["cam-1-d"]
    assert "oneclick data exclude cam-1-a" in result.failed["cam-1-a"]
    assert quarantine.quarantine(home, ["cam-1-d"], "again").skipped == ["cam-1-d"]
    with Catalog.open(home) as catalog:
        assert catalog.clip("cam-1-d").error == "camera was covered"
    rebuild_catalog(home)
    assert accepted.standing(home, ClipStage.QUARANTINED) == ["cam-1-d"]
    assert maintain.retry(home, ["cam-1-d"]).done == ["cam-1-d"]
    assert accepted.standing(home, ClipStage.ACCEPTED) == ["cam-1-d", "cam-1-e"]


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_clip_whose_exclusion_is_damaged_or_lost_stays_out(home: Path, is_lost: bool) -> None:
    exclude.exclude(home, ["cam-1-a", "cam-1-b"], "face visible")
    path = Workspace(home).exclusion_file("cam-1-a")
    if is_lost:
        path.unlink()
    else:
        path.write_text(path.read_text().replace("face", "fact"))
    with Catalog.open(home) as catalog:
        lines = verify.verify(catalog)
    assert [line for line in lines if str(path) in line]
    assert publish.publish(home, [], "", CLASSES).new
    assert clips_of_newest(home) == ["cam-1-c"]
    assert exclude.include(home, ["cam-1-a"]).done == ["cam-1-a"]
    publish.publish(home, [], "", CLASSES)
    assert clips_of_newest(home) == ["cam-1-a", "cam-1-c"]
