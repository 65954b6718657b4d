"""A file is whole or absent, and what a dead process left is found.

A number of a process that means another one elsewhere was looked for wherever a process is asked
whether it lives: leases, runs of flows and temporaries name host, namespace and, for the first two,
the start of the process; nothing else was found.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from oneclick.core.errors import BadInput, NoSpace, Unavailable, UsageError
from oneclick.storage import files, locks
from tests.waits import HANG_SECONDS


@dataclass(frozen=True)
class Note:
    text: str
    count: int = 0


def test_a_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    files.write_atomic(tmp_path / "a", "abc")
    assert files.sha256(tmp_path / "a").startswith("ba7816bf8f01cfea")


def test_writing_replaces_the_whole_file_and_leaves_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.txt"
    files.write_atomic(path, "long old text")
    files.write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_atomic(path, "old")
    with contextlib.suppress(ZeroDivisionError), files.atomic_file(path) as temporary:
        temporary.write_text("half of the n")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


REFUSALS = {
    "full": (errno.ENOSPC, NoSpace, "no space left"),
    "quota": (errno.EDQUOT, NoSpace, "no space left"),
    "file too large": (errno.EFBIG, NoSpace, "no space left"),
    "forbidden": (errno.EACCES, Unavailable, "Permission denied"),
    "read only": (errno.EROFS, Unavailable, "Read-only"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_disk_that_refuses_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    number, kind, words = REFUSALS[case]

    def refuse(*args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(Unavailable, match=words) as excinfo:
        files.write_atomic(tmp_path / "a.txt", "text")
    assert type(excinfo.value) is kind
    assert "a.txt" in str(excinfo.value)
    assert "\n" not in str(excinfo.value)
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_a_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot write"):
        files.write_atomic(tmp_path / "file" / "a.txt", "text")


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "clip"
    with files.atomic_dir(target) as folder:
        (folder / "one").write_text("1")
        assert not target.exists()
    assert [p.name for p in target.iterdir()] == ["one"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_failed_never_appears(tmp_path: Path) -> None:
    with contextlib.suppress(ZeroDivisionError), files.atomic_dir(tmp_path / "clip") as folder:
        (folder / "one").write_text("1")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_complete_folder_stays(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with files.atomic_dir(tmp_path / "clip", "one") as folder:
            (folder / "one").write_text(text)
    assert (tmp_path / "clip" / "one").read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["clip"]


@pytest.mark.parametrize("mark", ["", "one"])
def test_a_folder_that_others_filled_stays_and_is_told(tmp_path: Path, mark: str) -> None:
    target = tmp_path / "clip"
    target.mkdir()
    told = pytest.raises(UsageError, match=f"^{target} is not empty any more")
    with told, files.atomic_dir(target, mark):
        (target / ".DS_Store").write_text("2")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == [
        "clip", "clip/.DS_Store",
    ]  # fmt: skip


def test_a_full_disk_inside_a_folder_is_no_space(tmp_path: Path) -> None:
    with pytest.raises(NoSpace, match="clip"), files.atomic_dir(tmp_path / "clip"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_another_trouble_inside_a_folder_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.atomic_dir(tmp_path / "clip"):
        raise FileNotFoundError("a source")


@pytest.mark.parametrize("name", ["é" * 120, "a" * 250, ".hidden", "with space.json"])
def test_every_name_has_a_temporary(tmp_path: Path, name: str) -> None:
    files.write_atomic(tmp_path / name, "text")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_those_who_want_to_be_alone_take_turns(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def enter(k: int) -> None:
        with locks.file_lock(tmp_path / "new" / ".lock"):
            inside.append(k)
            time.sleep(0.01)
            most.append(len(inside))
            inside.remove(k)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(12)))
    assert most == [1] * 12
    with pytest.raises(ZeroDivisionError), locks.file_lock(tmp_path / "new" / ".lock"):
        raise ZeroDivisionError
    enter(0)


def test_json_comes_back_as_it_went(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    files.write_json(path, Note("größer", 3))
    assert files.read_json(path, Note) == Note("größer", 3)
    assert files.read_json(path) == {"text": "größer", "count": 3}


def test_json_bytes_do_not_depend_on_the_order_of_keys() -> None:
    assert files.to_json({"b": 1, "a": [2]}) == files.to_json({"a": [2], "b": 1})
    assert files.to_json(Note("x")) == b'{\n "text": "x",\n "count": 0\n}\n'


BROKEN = {
    "empty": b"",
    "half": b'{"text": "x", "co',
    "another type": b'{"text": 5}',
    "no UTF-8": b'{"text": "\xff\xfe"}',
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_json_file_is_named(tmp_path: Path, case: str) -> None:
    path = tmp_path / "note.json"
    path.write_bytes(BROKEN[case])
    with pytest.raises(BadInput, match=r"note\.json is broken") as excinfo:
        files.read_json(path, Note)
    assert "\n" not in str(excinfo.value)


def test_a_missing_json_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"note\.json: cannot be read"):
        files.read_json(tmp_path / "note.json", Note)


KILLED = """
import os, signal, sys
from pathlib import Path
from oneclick.storage import files, locks
home = Path(sys.argv[1])
with files.atomic_file(home / "models" / "a.pt") as file:
    file.write_text("half")
    for suffix in ("journal", "wal", "shm"):  # where it is a database that SQLite writes
        Path(f"{file}-{suffix}").write_text("half")
    with files.atomic_dir(home / "clips" / "b") as folder:
        (folder / "clip.mp4").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_sweep_removes_what_a_killed_process_left_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], timeout=HANG_SECONDS)
    notes = tmp_path / "clips" / ".notes.tmp"
    notes.write_text("somebody's own")
    with files.atomic_file(tmp_path / "clips" / "live") as live:
        live.write_text("being written")
        journal = Path(f"{live}-journal")
        journal.touch()
        assert files.sweep(tmp_path) == 5
        assert live.exists()
        assert journal.exists()
        journal.unlink()
    assert files.sweep(tmp_path) == 0
    names = sorted(p.name for p in tmp_path.rglob("*") if p.is_file())
    assert names == [".notes.tmp", "live"]


def test_what_another_host_left_goes_after_a_day(tmp_path: Path) -> None:
    other = tmp_path / ".a.json.elsewhere.1.0.tmp"
    other.touch()
    assert files.sweep(tmp_path) == 0
    two_days_ago = other.stat().st_mtime - 2 * 24 * 3600
    os.utime(other, (two_days_ago, two_days_ago))
    assert files.sweep(tmp_path) == 1


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="no pid namespaces here")
def test_a_temporary_of_another_pid_namespace_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two containers of one host name: a dead pid here may be alive there."""
    stat, namespace = Path.stat, Path("/proc/self/ns/pid")

    def stat_elsewhere(path: Path, follow_symlinks: bool = True) -> os.stat_result:
        return stat(Path("/") if path == namespace else path, follow_symlinks=follow_symlinks)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", stat_elsewhere)
        patch.setattr(os, "getpid", lambda: 2**22 - 1)
        files._host.cache_clear()
        with files.temporary_name(tmp_path / "a") as temporary:
            name = temporary.name
    files._host.cache_clear()
    (tmp_path / name).touch()
    assert files.sweep(tmp_path) == 0
    assert (tmp_path / name).exists()


def test_what_is_created_is_whole_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda k: files.create(path, f"{k}" * 9), range(8)))
    assert created.count(True) == 1
    assert path.read_text() == str(created.index(True)) * 9
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_file_systems_without_hard_links_create_once_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(number, "no links")

    monkeypatch.setattr(os, "link", link)
    assert files.create(tmp_path / "file", "first")
    assert not files.create(tmp_path / "file", "second")
    assert (tmp_path / "file").read_text() == "first"


def test_names_of_json_files_leave_out_hidden_and_other_ones(tmp_path: Path) -> None:
    for name in ("a.json", "b.1.json", ".c.json", "d.json.tmp", "e.txt"):
        (tmp_path / name).write_text("{}")
    assert sorted(files.json_names(tmp_path)) == ["a.json", "b.1.json"]
    assert files.json_names(tmp_path / "none") == []
    assert files.json_names(tmp_path / "e.txt") == []
