"""The contracts that plug-ins of others are tested with: our own triggers and formats pass them."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from oneclick import formats, triggers
from oneclick.core.plugins import ContractError
from oneclick.report.snapshot import Snapshot
from oneclick.testing import FormatContract, PanelContract, TriggerContract


def contracts() -> dict[str, type[Any]]:
    """Return a test class for each of our triggers and formats."""
    kinds = {
        f"Test_{name}": type(f"Test_{name}", (TriggerContract,), {"trigger": kind})
        for name, kind in triggers.registry().items()
    }
    for name in formats.names():
        kinds[f"Test_{name}"] = type(
            f"Test_{name}", (FormatContract,), {"format": formats.get(name)}
        )
    return kinds


globals().update(contracts())


class BusyHour:
    """A panel."""

    name: ClassVar[str] = "busy"
    screen: ClassVar[str] = "pipeline"
    heading: ClassVar[str] = "Busy"
    help: ClassVar[str] = "Hits by camera."

    def select(self, snapshot: Snapshot) -> object:
        return snapshot.heat.cameras, snapshot.reviewing.today

    def draw(self, content: Any, width: int, height: int) -> list[Any]:
        rows, today = content
        return [[(f"{row.camera} {row.hits}, {today}", "text bold")] for row in rows]


class TestPanel(PanelContract):
    panel = BusyHour


class Divides(BusyHour):
    def select(self, snapshot: Snapshot) -> object:
        return (), snapshot.heat.undated / snapshot.videos


class Overflows(BusyHour):
    def draw(self, content: Any, width: int, height: int) -> list[Any]:
        return [[("hits", "text")]] * 7


class Blinks(BusyHour):
    def draw(self, content: Any, width: int, height: int) -> list[Any]:
        return [[("hits", "text blond")]]


@pytest.mark.parametrize(("panel", "busy"), [(Divides, False), (Overflows, True), (Blinks, True)])
def test_a_panel_that_would_fail_fails_its_contract(panel: type[BusyHour], busy: bool) -> None:
    contract = type("Contract", (PanelContract,), {"panel": panel})()
    with pytest.raises((ZeroDivisionError, AssertionError, ContractError)):
        contract.test_any_snapshot_gives_rows_that_fit(busy)


@pytest.mark.parametrize("name", [*triggers.names(), *formats.names()])
def test_there_is_a_contract_for_each(name: str) -> None:
    assert f"Test_{name}" in globals()
