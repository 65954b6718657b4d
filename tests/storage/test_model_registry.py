"""Models come into service, and go out of it, one at a time and with their history.

An act that is done twice when it is run again was looked for in all that a person may repeat:
promotions, exclusions, reopenings, settlements, erasures and retries change nothing the second
time, and a rollback neither if it names the model it goes back from, or was killed before it told.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oneclick.core.errors import BadInput, OneclickError, Unavailable, UnknownName, UsageError
from oneclick.storage import files, model_registry
from oneclick.storage.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name in "abc":
        complete(Workspace(tmp_path), name)
    return Workspace(tmp_path)


def complete(workspace: Workspace, name: str) -> None:
    """A model that is complete as far as the registry asks."""
    files.write_atomic(workspace.model_dir(name) / "card.json", "{}")


def test_before_the_first_promotion_nobody_serves(workspace: Workspace) -> None:
    assert model_registry.champion(workspace) is None
    assert not model_registry.was_in_service(workspace, "a")
    with pytest.raises(OneclickError, match="no earlier champion"):
        model_registry.rollback(workspace)


def test_promotions_grow_the_history_and_twice_is_once(workspace: Workspace) -> None:
    for name in ("a", "b", "b"):
        model_registry.promote(workspace, name, "better")
    registry = model_registry.read(workspace)
    assert registry
    assert (registry.model, [term.model for term in registry.history]) == ("b", ["a", "b"])
    assert registry.since == registry.history[-1].since


def test_rolling_back_goes_further_back_each_time(workspace: Workspace) -> None:
    for name in "abc":
        model_registry.promote(workspace, name, "better")
    assert model_registry.rollback(workspace) == "b"
    assert model_registry.rollback(workspace) == "a"
    with pytest.raises(OneclickError, match="no earlier champion"):
        model_registry.rollback(workspace)
    assert model_registry.was_in_service(workspace, "c")
    model_registry.promote(workspace, "c", "by hand")
    assert model_registry.rollback(workspace) == "a"


def test_labellers_and_the_deployed_model_do_not_meet(workspace: Workspace) -> None:
    model_registry.promote(workspace, "a", "first")
    model_registry.promote(workspace, "b", "first", "big-net")
    model_registry.promote(workspace, "c", "better", "big-net")
    assert model_registry.champion(workspace) == "a"
    assert model_registry.champion(workspace, "big-net") == "c"
    assert model_registry.rollback(workspace, "big-net") == "b"
    assert model_registry.was_in_service(workspace, "c", "big-net")
    assert not model_registry.was_in_service(workspace, "c")
    assert model_registry.champion(workspace, "other") is None


def test_a_model_labels_only_as_the_architecture_of_its_card(workspace: Workspace) -> None:
    files.write_atomic(workspace.model_dir("c") / "card.json", '{"arch": "tiny"}')
    with pytest.raises(UsageError, match="architecture tiny, no labeller transformers:d_fine"):
        model_registry.promote(workspace, "c", "by hand", "transformers:d_fine")
    assert model_registry.champion(workspace, "transformers:d_fine") is None
    model_registry.promote(workspace, "c", "by hand", "tiny")
    assert model_registry.champion(workspace, "tiny") == "c"


def test_only_a_complete_model_can_serve(workspace: Workspace) -> None:
    with pytest.raises(UnknownName, match="known: a, b, c"):
        model_registry.promote(workspace, "d", "hope")


def test_a_broken_registry_is_named(workspace: Workspace) -> None:
    workspace.champion_file.write_text('{"model"')
    with pytest.raises(BadInput, match=r"champion\.json"):
        model_registry.champion(workspace)


def test_no_promotion_is_lost_among_several_at_once(workspace: Workspace) -> None:
    names = [f"m{number}" for number in range(16)]
    for name in names:
        complete(workspace, name)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: model_registry.promote(workspace, name, "at once"), names))
    registry = model_registry.read(workspace)
    assert registry is not None
    assert sorted(period.model for period in registry.history) == sorted(names)
    assert registry.model == registry.history[-1].model


def test_a_promotion_over_another_champion_than_was_compared_is_refused(
    workspace: Workspace,
) -> None:
    model_registry.promote(workspace, "a", "first", instead_of=None)
    model_registry.promote(workspace, "b", "better", instead_of="a")
    with pytest.raises(Unavailable, match="model b came into service while c was compared with a"):
        model_registry.promote(workspace, "c", "better", instead_of="a")
    assert model_registry.champion(workspace) == "b"


def test_a_rollback_that_names_the_bad_model_can_be_said_twice(workspace: Workspace) -> None:
    for name in "abc":
        model_registry.promote(workspace, name, "better")
    assert model_registry.rollback(workspace, instead_of="c") == "b"
    assert model_registry.rollback(workspace, instead_of="c") == "b"
    assert model_registry.rollback(workspace) == "a"


def test_a_rollback_that_was_killed_before_it_told_goes_back_once(workspace: Workspace) -> None:
    for name in "abc":
        model_registry.promote(workspace, name, "better")
    with (
        pytest.raises(KeyboardInterrupt),
        model_registry.rollback_until_told(workspace) as model,
    ):
        raise KeyboardInterrupt
    for expected in ("b", "a"):
        with model_registry.rollback_until_told(workspace) as model:
            assert model == expected
    assert model_registry.champion(workspace) == "a"


def test_a_rollback_that_was_killed_before_it_began_is_done(workspace: Workspace) -> None:
    for name in "ab":
        model_registry.promote(workspace, name, "better")
    files.write_atomic(workspace.champion_file.with_suffix(".rollback"), "b")
    with model_registry.rollback_until_told(workspace) as model:
        assert model == "a"


def test_a_registry_that_is_lost_is_no_first_promotion(workspace: Workspace) -> None:
    """Without a champion, any candidate would be promoted."""
    model_registry.promote(workspace, "a", "first", instead_of=None)
    workspace.champion_file.unlink()
    with pytest.raises(BadInput, match=r"champion\.json is missing, but a model was in service"):
        model_registry.champion(workspace)
    with pytest.raises(BadInput, match="is missing"):
        model_registry.promote(workspace, "b", "better", instead_of=None)
    assert model_registry.champion(workspace, "big-net") is None
    model_registry.promote(workspace, "b", "by hand")
    assert model_registry.champion(workspace) == "b"


def test_a_changed_registry_is_noticed(workspace: Workspace) -> None:
    model_registry.promote(workspace, "a", "first")
    path = workspace.champion_file
    path.write_text(path.read_text().replace('"model": "a"', '"model": "b"'))
    with pytest.raises(BadInput, match="was changed after it was written"):
        model_registry.champion(workspace)
