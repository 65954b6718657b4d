"""What went wrong with an item is one line for the user and a traceback without private names."""

from __future__ import annotations

from pathlib import Path

import pytest

from oneclick.core.errors import BadInput, NoSpace, UnknownName, UsageError
from oneclick.storage import failure_log
from oneclick.storage.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


def fail(error: Exception, workspace: Workspace, item: str = "cam-1") -> dict[str, str]:
    failed: dict[str, str] = {}
    with failure_log.isolate(failed, workspace, item, f"extract {item}"):
        raise error
    return failed


def test_an_unforeseen_error_is_one_line_that_names_its_log(workspace: Workspace) -> None:
    (line,) = fail(ValueError("boom\nagain"), workspace).values()
    log = workspace.logs_dir / "cam-1.log"
    assert line == f"cannot extract cam-1: ValueError: boom again; traceback in {log}"
    assert "ValueError: boom\nagain" in log.read_text()
    assert "Traceback (most recent call last)" in log.read_text()


def test_an_error_of_ours_that_says_everything_leaves_no_log(workspace: Workspace) -> None:
    assert fail(BadInput("cam-1 is empty"), workspace) == {"cam-1": "cam-1 is empty"}
    assert fail(UnknownName("clip", "cam-1"), workspace)
    assert not workspace.logs_dir.exists()


def test_an_error_of_ours_with_a_cause_keeps_the_cause(workspace: Workspace) -> None:
    error = BadInput("cam-1 is broken")
    error.__cause__ = ZeroDivisionError("deep inside")
    fail(error, workspace)
    assert "deep inside" in (workspace.logs_dir / "cam-1.log").read_text()


@pytest.mark.parametrize("error", [NoSpace("full"), UsageError("wrong"), KeyboardInterrupt()])
def test_what_concerns_every_item_ends_the_batch(
    workspace: Workspace, error: BaseException
) -> None:
    with pytest.raises(type(error)), failure_log.isolate({}, workspace, "cam-1", "extract"):
        raise error


def test_entries_follow_each_other_and_a_long_log_is_put_beside(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failure_log, "LARGEST", 1000)
    for number in range(4):
        fail(ValueError(f"error {number} {'x' * 600}"), workspace)
    newest = (workspace.logs_dir / "cam-1.log").read_text()
    older = (workspace.logs_dir / "cam-1.old.log").read_text()
    assert "error 3" in newest
    assert "error 2" in older + newest


@pytest.mark.parametrize("item", ["Müller, Anna", "../../etc/passwd", "a/b", "", "x" * 300])
def test_names_that_are_no_ids_do_not_become_file_names(workspace: Workspace, item: str) -> None:
    path = failure_log.log_file(workspace, item)
    assert path.parent == workspace.logs_dir
    assert path.name.startswith("item-")
    assert len(path.name) < 40


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("cannot read /data/Anna Müller/a.mp4", "cannot read <path>.mp4"),
        ("cannot read '/data/anna/a.mp4'", "cannot read '<path>.mp4'"),
        ("at {home}/clips/c1/clip.mp4", "at <home>/clips/c1/clip.mp4"),
        ("cannot open /data/Anna Müller: no such file", "cannot open <path>: no such file"),
        ("ratio 3/4 and a/b stay", "ratio 3/4 and a/b stay"),
    ],
)
def test_folders_outside_the_workspace_are_hidden(tmp_path: Path, text: str, clean: str) -> None:
    assert failure_log.scrub(text.format(home=tmp_path), tmp_path) == clean


def test_a_full_disk_costs_only_the_traceback(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.home.mkdir()
    workspace.logs_dir.write_text("a file where the folder should be")
    (line,) = fail(ValueError("boom"), workspace).values()
    assert line == "cannot extract cam-1: ValueError: boom"
