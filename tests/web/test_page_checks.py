"""What the doctor says about the review pages: one line, or what is wrong with its remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from oneclick.cli import checks
from oneclick.core.errors import OneclickError, PlatformAway
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.local.options import LocalOptions
from oneclick.settings import Settings
from oneclick.storage.workspace import Workspace
from oneclick.web import page_checks
from oneclick.web.accounts import audit
from oneclick.web.accounts.audit import AuditLog
from oneclick.web.accounts.users import Role, Users
from tests.catalog.samples import Clock

SET = LocalOptions()
Change = Callable[[Workspace], object]


def people(*roles: Role, passwords: bool = True) -> Change:
    """Return what adds a user of each role."""

    def add(workspace: Workspace) -> None:
        for number, role in enumerate(roles):
            Users(workspace).add(f"{role}-{number}", role, password="x" if passwords else None)

    return add


def lead_without_password(workspace: Workspace) -> None:
    people("annotator")(workspace)
    Users(workspace).add("lea", "lead")


def readable_users(workspace: Workspace) -> None:
    people("admin")(workspace)
    workspace.users_file.chmod(0o644)


def changed_log(workspace: Workspace) -> None:
    log = AuditLog(workspace, Clock())
    for clip in ("ward-1", "ward-2", "ward-3"):
        log.record(None, "edit", clip)
    (path,) = audit.log_files(workspace)
    path.write_bytes(path.read_bytes().replace(b"ward-2", b"ward-7"))


@pytest.mark.parametrize(
    ("change", "options", "line"),
    [
        pytest.param(people(), SET, "nobody has a password yet: oneclick review serve", id="new"),
        pytest.param(
            people("annotator", "lead"),
            SET,
            "users: 2, of whom 1 lead; at 127.0.0.1:8321; audit log whole, 0 entries",
            id="a team",
        ),
        pytest.param(people("admin"), SET, "users: 1, of whom 1 lead", id="an admin leads"),
        pytest.param(
            people("lead", passwords=False),
            replace(SET, issuer="https://sign-on.example", client="pages"),
            "users: 1, of whom 1 lead",
            id="the hospital signs on",
        ),
        pytest.param(
            people("admin"),
            replace(SET, public_url="https://review.example"),
            "at https://review.example",
            id="behind a proxy",
        ),
    ],
)
def test_pages_that_work_are_one_line(
    tmp_path: Path, change: Change, options: LocalOptions, line: str
) -> None:
    workspace = Workspace(tmp_path)
    change(workspace)
    assert line in page_checks.check(workspace, options)


@pytest.mark.parametrize(
    ("change", "options", "remedy"),
    [
        pytest.param(people("annotator"), SET, "users roles annotator-0 lead", id="no lead"),
        pytest.param(lead_without_password, SET, "users passwd lea", id="no password for a lead"),
        pytest.param(readable_users, SET, "chmod 600", id="users readable by others"),
        pytest.param(changed_log, SET, "oneclick review audit verify", id="changed log"),
        pytest.param(
            people(), replace(SET, at="10.0.0.5:8321"), "users add NAME", id="open, no users"
        ),
        pytest.param(
            people("admin"), replace(SET, at="10.0.0.5:8321"), "review.local.certificate", id="TLS"
        ),
        pytest.param(
            people("admin"),
            replace(SET, certificate="no.pem", key="no.key"),
            "no.pem",
            id="certificate missing",
        ),
        pytest.param(people("admin"), replace(SET, at="somewhere"), "host:port", id="no address"),
    ],
)
def test_what_is_wrong_has_its_remedy(
    tmp_path: Path, change: Change, options: LocalOptions, remedy: str
) -> None:
    workspace = Workspace(tmp_path)
    change(workspace)
    with pytest.raises(OneclickError) as error:
        page_checks.check(workspace, options)
    assert remedy in str(error.value)


@pytest.mark.parametrize("name", ["journal", "desk", "verdicts"])
def test_a_queue_that_cannot_keep_edits_is_no_queue(tmp_path: Path, name: str) -> None:
    queue = LocalPlatform(Workspace(tmp_path).review_dir())
    assert "0 clips wait" in queue.check()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "review").mkdir()
    (tmp_path / "review" / name).write_text("no folder")
    with pytest.raises(PlatformAway, match=f"{name} cannot be written"):
        queue.check()


def test_the_doctor_has_a_row(tmp_path: Path) -> None:
    people("annotator")(Workspace(tmp_path))
    with pytest.raises(OneclickError, match="nobody leads"):
        checks.CHECKS["review pages"](Settings(home=tmp_path))
    Users(Workspace(tmp_path)).add("lea", "lead", password="x")
    row = checks.CHECKS["review pages"](Settings(home=tmp_path))
    assert (row.name, row.ok) == ("review pages", True)
