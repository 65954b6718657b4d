"""The audit log: every change of it is noticed, whatever happens to processes and files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oneclick.core.errors import Unavailable
from oneclick.storage.workspace import Workspace
from oneclick.web.accounts import audit, audit_check
from oneclick.web.accounts.audit import AuditLog, Visitor
from tests.catalog.samples import Clock

ADA = Visitor("ada", "10.0.0.5")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


def written(workspace: Workspace, count: int = 6, clock: Clock | None = None) -> AuditLog:
    log = AuditLog(workspace, clock or Clock())
    for number in range(count):
        log.record(ADA, "edit", f"ward-{number}")
    return log


def problems(workspace: Workspace) -> list[str]:
    return audit_check.verify(workspace).problems


def test_a_log_that_nobody_touched_is_whole(workspace: Workspace) -> None:
    assert audit_check.verify(workspace) == audit_check.AuditVerification()
    clock = Clock()
    log = written(workspace, 3, clock)
    clock.on(40 * 86400)
    log.record(None, "start", detail="a\x1b[31mred\nline" + "x" * 500, durable=False)
    result = audit_check.verify(workspace)
    assert (result.entries, result.problems) == (4, [])
    names = [path.name for path in audit.log_files(workspace)]
    assert names == ["2026-03.jsonl", "2026-04.jsonl"]
    last = audit_check.read_entries(workspace)[-1]
    assert last.detail.startswith(r"a\x1b[31mred\nlinexxx")
    assert len(last.detail) < 300
    for path in (*audit.log_files(workspace), *workspace.keys_dir.iterdir()):
        assert path.stat().st_mode & 0o077 == 0


def test_a_clock_that_is_set_back_over_the_end_of_a_month_breaks_no_chain(
    workspace: Workspace,
) -> None:
    clock = Clock()
    log = written(workspace, 2, clock)
    clock.on(40 * 86400)
    log.record(ADA, "edit")
    clock.on(-40 * 86400)
    log.record(ADA, "edit")
    written(workspace, 1, clock)  # by another process
    result = audit_check.verify(workspace)
    assert (result.entries, result.problems) == (5, [])


Damage = Callable[[list[bytes]], list[bytes]]
DAMAGES: dict[str, tuple[Damage, str]] = {
    "a word changed": (
        lambda lines: [*lines[:2], lines[2].replace(b"ward-2", b"ward-9"), *lines[3:]],
        "line 3: entry 3 was changed",
    ),
    "an outcome changed": (
        lambda lines: [*lines[:5], lines[5].replace(b'"ok"', b'"no"')],
        "line 6: entry 6 was changed",
    ),
    "a line removed": (lambda lines: lines[:2] + lines[3:], "entry 3 before it is missing"),
    "lines removed": (lambda lines: lines[:1] + lines[4:], "entry 2 to 4 before it is missing"),
    "the first removed": (lambda lines: lines[1:], "entry 1 before it is missing"),
    "the last removed": (lambda lines: lines[:-1], "ends with entry 5, but 6 were written"),
    "all removed": (lambda lines: [], "ends with entry 0, but 6 were written"),
    "two swapped": (
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        "entry 2 stands after entry 3",
    ),
    "one twice": (lambda lines: [*lines, lines[5]], "entry 6 stands after entry 6"),
    "one cut": (lambda lines: [*lines[:5], lines[5][:-9]], "is broken or cut off"),
    "one of another": (
        lambda lines: [*lines, b'{"entry":7,"mac":"' + b"0" * 64 + b'"}\n'],
        "line 7 is broken",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_change_is_noticed_and_stays_so(
    workspace: Workspace, damage: Damage, message: str
) -> None:
    log = written(workspace)
    path = audit.log_files(workspace)[0]
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    assert any(message in problem for problem in problems(workspace)), problems(workspace)
    log.record(ADA, "edit", "one more")
    assert problems(workspace)
    written(workspace, 2)
    assert problems(workspace)


def test_a_lost_file_or_head_is_noticed(workspace: Workspace) -> None:
    clock = Clock()
    log = written(workspace, 3, clock)
    clock.on(40 * 86400)
    log.record(ADA, "edit")
    first, _ = audit.log_files(workspace)
    content = first.read_bytes()
    first.unlink()
    assert problems(workspace) == ["2026-04.jsonl line 1: entry 1 to 3 before it is missing"]
    first.write_bytes(content)
    audit.head_file(workspace).unlink()
    assert "the last entries may be too" in problems(workspace)[0]


def test_another_key_proves_nothing(workspace: Workspace) -> None:
    written(workspace)
    path = audit.key_file(workspace)
    path.write_text("00" * 32 + "\n")
    (problem,) = problems(workspace)
    assert problem == f"no entry fits the key: {path} was changed, or the log"


@pytest.mark.parametrize("content", ["nonsense", "", "00" * 31, None])
def test_without_its_key_the_log_is_neither_read_nor_written(
    workspace: Workspace, content: str | None
) -> None:
    written(workspace).close()
    path = audit.key_file(workspace)
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(Unavailable, match=r"audit\.key: .*restore it"):
        problems(workspace)
    with pytest.raises(Unavailable, match=r"audit\.key"):
        written(workspace, 1)


def test_the_torn_line_of_a_killed_process_is_cut_off(workspace: Workspace) -> None:
    written(workspace)
    with audit.log_files(workspace)[0].open("ab") as file:
        file.write(b'{"entry":7,"at":"2026-')
    written(workspace, 2)
    result = audit_check.verify(workspace)
    assert (result.entries, result.problems) == (8, [])


def test_a_process_killed_before_it_wrote_the_head_is_no_damage(workspace: Workspace) -> None:
    written(workspace)
    head = audit.head_file(workspace)
    old = head.read_bytes()
    written(workspace, 1)
    head.write_bytes(old)
    assert problems(workspace) == []
    written(workspace, 1)
    assert (audit_check.verify(workspace).entries, problems(workspace)) == (8, [])


def test_threads_and_logs_of_one_process_share_a_chain(workspace: Workspace) -> None:
    logs = [AuditLog(workspace), AuditLog(workspace)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: logs[k % 2].record(ADA, "edit", f"ward-{k}"), range(80)))
    result = audit_check.verify(workspace)
    assert (result.entries, result.problems) == (80, [])


PROGRAM = """
import sys
from pathlib import Path
from oneclick.storage.workspace import Workspace
from oneclick.web.accounts.audit import AuditLog, Visitor
log = AuditLog(Workspace(Path(sys.argv[1])))
for number in range(int(sys.argv[2])):
    log.record(Visitor("ada", "here"), "edit", f"ward-{number}", durable=False)
    print(number, flush=True)
"""


def test_processes_share_a_chain_and_a_kill_breaks_none(workspace: Workspace) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(workspace.home), str(count)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for count in (50, 10**9)
    ]
    out = children[1].stdout
    assert out is not None
    assert [out.readline() for _ in range(30)][-1] == "29\n"
    children[0].communicate()
    children[1].kill()
    children[1].communicate()
    written(workspace, 1, Clock(audit_check.read_entries(workspace)[-1].at))
    result = audit_check.verify(workspace)
    assert result.problems == []
    assert result.entries >= 81


def test_a_view_is_recorded_once_in_a_while(workspace: Workspace) -> None:
    clock = Clock()
    log = AuditLog(workspace, clock)
    for _ in range(5):
        log.record_view(ADA, "ward-1")
    log.record_view(ADA, "ward-2")
    log.record_view(Visitor("eve", "10.0.0.6"), "ward-1")
    clock.on(601)
    log.record_view(ADA, "ward-1")
    views = [(entry.user, entry.clip) for entry in audit_check.read_entries(workspace)]
    assert views == [("ada", "ward-1"), ("ada", "ward-2"), ("eve", "ward-1"), ("ada", "ward-1")]


def test_what_cannot_be_recorded_is_an_error(workspace: Workspace) -> None:
    log = written(workspace, 1)
    log.close()
    workspace.audit_dir.rename(workspace.home / "away")
    workspace.audit_dir.write_text("a file")
    with pytest.raises(Unavailable, match="cannot write"):
        log.record(ADA, "edit")
    workspace.audit_dir.unlink()
    (workspace.home / "away").rename(workspace.audit_dir)
    log.record(ADA, "edit")
    assert (audit_check.verify(workspace).entries, problems(workspace)) == (2, [])
