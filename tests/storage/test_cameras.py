"""Names of people stay in one file, which can be erased.

Names of people were looked for wherever the name of a folder goes: fetch, import, live and edge
cameras, settings, logs of failures, parameters of Prefect and runs of Weights & Biases; the sources
of a run that was started by hand stood in Prefect's database as they were, and are codes now.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oneclick.core import ids
from oneclick.core.errors import UnknownName
from oneclick.storage import cameras
from oneclick.storage.workspace import Workspace

NAME = "Anna Schmidt"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


# text, policy, cameras with recordings, camera
CASES = {
    "device": ("Ward A", "auto", (), "ward_a"),
    "person": (NAME, "auto", (), "cam01"),
    "person, codes off": (NAME, "never", (), "anna_schmidt"),
    "device, codes always": ("ward_a", "always", (), "cam01"),
    "earlier camera of a person": (NAME, "auto", ("anna_schmidt",), "anna_schmidt"),
    "code that a device has": (NAME, "auto", ("cam01",), "cam02"),
    "no letter that ids have": ("山田", "auto", (), "cam01"),
    "camera": ("Camera", "auto", (), "camera"),
    "a corridor in Chinese": ("走廊", "auto", (), "zoulang"),
    "a room in Russian": ("Комната 1", "auto", (), "komnata_1"),
    "a person in Russian": ("Иван Петров", "auto", (), "cam01"),
    "a person in Korean": ("김철수", "auto", (), "cam01"),
    "an accent": ("Flur-Süd", "auto", (), "flur_sud"),
    "an accent, as earlier versions wrote it": ("Flur-Süd", "auto", ("flur_s_d",), "flur_s_d"),
    "a long name that is there": (
        "A" * 90,
        "auto",
        (ids.camera_name("a" * 90),),
        ids.camera_name("a" * 90),
    ),
    "an accent that tells it from another": ("Süd", "auto", ("sud",), "sud_7c2106"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_camera_of_a_name(workspace: Workspace, case: str) -> None:
    text, policy, known, camera = CASES[case]
    for _ in range(2):
        assert cameras.camera_of(workspace, text, known, policy) == camera  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [1, -1])
def test_names_that_sound_alike_are_cameras_of_their_own(workspace: Workspace, order: int) -> None:
    names = ["走廊", "走郎", "zoulang"][::order]
    in_use: set[str] = set()
    laps = []
    for _ in range(2):
        for name in names:
            in_use.add(cameras.camera_of(workspace, name, in_use, "never"))
        laps.append([cameras.camera_of(workspace, name, in_use, "never") for name in names])
    assert laps[0] == laps[1]
    assert laps[0][0] == "zoulang"
    assert len(in_use) == 3
    assert cameras.camera_of(workspace, "zoulang", in_use, is_typed=True) == "zoulang"


def test_the_file_is_the_owners_alone_and_survives_bytes_that_are_no_utf8(
    workspace: Workspace,
) -> None:
    text = b"Anna Schm\xffidt".decode("utf-8", "surrogateescape")
    assert cameras.camera_of(workspace, text, ()) == "cam01"
    assert cameras.camera_of(workspace, text, ()) == "cam01"
    assert workspace.cameras_file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_called_like_a_code_is_a_camera_of_its_own(workspace: Workspace) -> None:
    assert cameras.camera_of(workspace, NAME, ()) == "cam01"
    assert cameras.camera_of(workspace, "cam01", (), is_typed=True) == "cam01"
    assert cameras.camera_of(workspace, "cam01", ()) == "cam02"


def test_an_erased_name_is_in_no_file_and_its_code_is_not_given_again(
    workspace: Workspace,
) -> None:
    code = cameras.camera_of(workspace, NAME, ())
    (hidden,) = cameras.hide_sources(workspace, [f"/video/{NAME}"], "auto")
    cameras.rename(workspace, code, "Frau Schmidt")
    cameras.erase(workspace, code)
    assert all(b"Schmidt" not in p.read_bytes() for p in workspace.home.rglob("*") if p.is_file())
    assert cameras.camera_of(workspace, NAME, ()) == "cam02"
    with pytest.raises(UnknownName):
        cameras.reveal_sources(workspace, [hidden])
    with pytest.raises(UnknownName, match="cam02"):
        cameras.erase(workspace, "cam09")


def test_sources_with_a_name_are_hidden_and_found_again(workspace: Workspace) -> None:
    sources = ["/video/ward_a", f"/video/{NAME}/x.mp4", "sftp://anna@host/ward"]
    hidden = cameras.hide_sources(workspace, sources, "auto")
    assert hidden[0] == sources[0]
    assert not any("nna" in source for source in hidden)
    assert cameras.hide_sources(workspace, sources, "auto") == hidden
    assert cameras.reveal_sources(workspace, hidden) == sources
    assert cameras.hide_sources(workspace, sources, "never") == sources


def test_two_at_once_give_every_name_a_code_of_its_own(workspace: Workspace) -> None:
    names = [f"{first} {last}" for first in ("Anna", "Hans") for last in ("Schmidt", "Meier")] * 8
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda name: cameras.camera_of(workspace, name, ()), names))
    assert len(set(zip(names, codes, strict=True))) == 4
    assert sorted(set(codes)) == ["cam01", "cam02", "cam03", "cam04"]


def test_a_new_workspace_is_its_owners_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    Workspace(tmp_path / "deep" / "new").create()
    assert (tmp_path / "deep" / "new").stat().st_mode & 0o777 == 0o700
    (tmp_path / "shared").mkdir(mode=0o755)
    Workspace(tmp_path / "shared").create()
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o755
