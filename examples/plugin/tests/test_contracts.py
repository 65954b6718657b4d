"""The plug-ins keep the contracts of oneclick."""

from pathlib import Path

import pytest
from oneclick_example.border import Border
from oneclick_example.boxes_csv import FORMAT
from oneclick_example.bright import Bright
from oneclick_example.sheet import Sheet, SheetAdapter, fill_in
from oneclick_example.waiting import Waiting

from oneclick.core.plugins import DETECTORS, FORMATS, PANELS, PLATFORMS, TRIGGERS, installed
from oneclick.testing import (
    DetectorContract,
    FormatContract,
    PanelContract,
    PlatformContract,
    TriggerContract,
)


class TestBorder(TriggerContract):
    trigger = Border


class TestCsv(FormatContract):
    format = FORMAT


class TestWaiting(PanelContract):
    panel = Waiting


class TestBright(DetectorContract):
    @pytest.fixture
    def detector(self) -> Bright:
        return Bright(200)


class ReviewersOfASheet:
    """They write their decision into the table."""

    def __init__(self, folder: Path) -> None:
        self.platform = Sheet(folder)

    def pending(self) -> list[str]:
        return self.platform.pending()

    def give(self, verdict) -> None:
        fill_in(self.platform.table, verdict)


class TestSheet(PlatformContract):
    can_draw = False

    @pytest.fixture
    def reviewers(self, tmp_path: Path) -> ReviewersOfASheet:
        return ReviewersOfASheet(tmp_path)


def test_oneclick_sees_each_of_them() -> None:
    names = [
        plugin.name
        for group in (TRIGGERS, DETECTORS, PLATFORMS, FORMATS, PANELS)
        for plugin in installed(group)
    ]
    assert names == ["border", "bright", "sheet", "csv", "waiting"]
    assert SheetAdapter.name == "sheet"
