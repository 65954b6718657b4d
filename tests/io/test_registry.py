from __future__ import annotations

from pathlib import Path

import pytest

from oneclick.core.errors import BadInput, OneclickError, UnknownName
from oneclick.io import registry
from oneclick.io.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name in "abc":
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "card.json").write_text("{}")
    return Workspace(tmp_path)


def test_before_the_first_promotion_nobody_serves(workspace: Workspace) -> None:
    assert registry.champion(workspace) is None
    assert not registry.served(workspace, "a")
    with pytest.raises(OneclickError, match="no earlier champion"):
        registry.rollback(workspace)


def test_promotions_grow_the_history_and_twice_is_once(workspace: Workspace) -> None:
    for name in ("a", "b", "b"):
        registry.promote(workspace, name, "better")
    found = registry.read(workspace)
    assert found
    assert (found.model, [term.model for term in found.history]) == ("b", ["a", "b"])
    assert found.since == found.history[-1].since


def test_rolling_back_goes_further_back_each_time(workspace: Workspace) -> None:
    for name in "abc":
        registry.promote(workspace, name, "better")
    assert registry.rollback(workspace) == "b"
    assert registry.rollback(workspace) == "a"
    with pytest.raises(OneclickError, match="no earlier champion"):
        registry.rollback(workspace)
    assert registry.served(workspace, "c")
    registry.promote(workspace, "c", "by hand")
    assert registry.rollback(workspace) == "a"


def test_labellers_and_the_deployed_model_do_not_meet(workspace: Workspace) -> None:
    registry.promote(workspace, "a", "first")
    registry.promote(workspace, "b", "first", "big-net")
    registry.promote(workspace, "c", "better", "big-net")
    assert registry.champion(workspace) == "a"
    assert registry.champion(workspace, "big-net") == "c"
    assert registry.rollback(workspace, "big-net") == "b"
    assert registry.served(workspace, "c", "big-net")
    assert not registry.served(workspace, "c")
    assert registry.champion(workspace, "other") is None


def test_only_a_complete_model_can_serve(workspace: Workspace) -> None:
    with pytest.raises(UnknownName, match="known: a, b, c"):
        registry.promote(workspace, "d", "hope")


def test_a_broken_registry_is_named(workspace: Workspace) -> None:
    workspace.champion_file.write_text('{"model"')
    with pytest.raises(BadInput, match=r"champion\.json"):
        registry.champion(workspace)
