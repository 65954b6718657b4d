"""Commands that take a clip out, and those around names of cameras."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from oneclick import settings, video
from oneclick.cli import flows
from oneclick.core.errors import OneclickError
from oneclick.flows import environment, local_server
from oneclick.stages import publish
from oneclick.storage import cameras
from oneclick.storage.workspace import Workspace
from tests.cli.program import oneclick
from tests.corpus.video_cases import MIRROR
from tests.corpus.video_frames import Recorder, record
from tests.stages import accepted
from tests.video import recorders


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    publish.publish(
        home, accepted.accept(home, {"cam-1-a": "train", "cam-1-b": "test"}), "", ("person",)
    )
    return home


def test_a_published_clip_is_excluded_told_everywhere_and_included(home: Path) -> None:
    refusal = oneclick("clips", "quarantine", "cam-1-a", "--reason", "blurred", home=home)
    assert refusal.returncode == 3
    assert "oneclick data exclude cam-1-a" in refusal.stderr
    done = oneclick("data", "exclude", "cam-1-a", "--reason", "blurred", home=home)
    assert (done.returncode, done.stderr) == (0, "clips excluded: 1 done\n")
    assert "excluded   1 published clips" in oneclick("status", home=home).stdout
    assert (
        "1 clips of it are excluded, rejected or quarantined: cam-1-a"
        in oneclick("data", "verify", home=home).stderr
    )
    (row,) = json.loads(oneclick("data", "list", "--json", home=home).stdout)
    assert row["excluded"] == 1
    assert "v0002-" in oneclick("data", "publish", home=home).stderr
    assert oneclick("data", "include", "cam-1-a", home=home).returncode == 0
    assert "excluded   " not in oneclick("status", home=home).stdout
    assert oneclick("data", "include", "cam-1-b", home=home).returncode == 2


def test_a_published_clip_is_erased_everywhere(home: Path) -> None:
    command = ("review", "erase", "cam-1-a", "--everywhere", "--yes")
    done = oneclick(*command, home=home)
    assert (done.returncode, done.stderr) == (0, "clips erased everywhere: 1 done\n")
    assert not (home / "training-server/clips/cam-1-a").exists()
    assert "v0002-" in oneclick("data", "publish", home=home).stderr


def test_a_clip_is_quarantined_by_hand(home: Path) -> None:
    accepted.accept(home, {"cam-1-c": "train"})
    done = oneclick("clips", "quarantine", "cam-1-c", "--reason", "blurred", home=home)
    assert (done.returncode, done.stderr) == (0, "clips quarantined: 1 done\n")
    assert "blurred" in oneclick("clips", "list", "--stage", "QUARANTINED", home=home).stdout
    assert oneclick("clips", "quarantine", "x", "--reason", "?", home=home).returncode == 2


def test_a_camera_called_like_a_person_gets_a_code_and_one_line_says_so(
    home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in" / "Anna Schmidt"
    folder.mkdir(parents=True)
    video.write(folder / "a.mp4", recorders.scene(3), 10.0)
    added = oneclick("video", "add", str(tmp_path / "in"), home=home)
    assert added.returncode == 0
    assert (
        added.stderr.count("'Anna Schmidt' may be a person's name: the camera is called cam01") == 1
    )
    assert "cam01 (Anna Schmidt)" in oneclick("video", "list", home=home).stdout
    again = oneclick("video", "add", str(tmp_path / "in"), home=home)
    assert "may be a person" not in again.stderr
    assert oneclick("cameras", "rename", "cam01", "bed 4", home=home).returncode == 0
    assert json.loads(oneclick("cameras", "list", "--json", home=home).stdout) == {"cam01": "bed 4"}
    assert oneclick("cameras", "erase", "cam01", home=home).returncode == 0
    assert "Schmidt" not in oneclick("cameras", "list", home=home).stdout
    assert oneclick("cameras", "erase", "cam7", home=home).returncode == 2


def test_a_recording_is_shown_with_its_stretches_and_what_was_done_to_it(tmp_path: Path) -> None:
    def pause(k: int) -> float:
        return k + (k >= 25) * 90_000

    mirrored = Recorder(count=50, times=pause, matrix=MIRROR)
    path = record(tmp_path / "raw" / "a.mp4", mirrored)
    home = tmp_path / "home"
    assert oneclick("video", "add", str(path), home=home).returncode == 0
    (row,) = json.loads(oneclick("video", "list", "--json", home=home).stdout)
    assert (row["stretches"], row["fps"]) == (2, 25.0)
    assert row["notes"] == ["mirrored", "2 stretches: time jumps 1 ×"]
    detail = json.loads(oneclick("video", "show", row["id"], "--json", home=home).stdout)
    spans = [(part["start"], part["stop"], part["seconds"]) for part in detail["stretches"]]
    assert spans == [(0, 25, 0.0), (25, 50, 3601.0)]
    shown = oneclick("video", "show", row["id"], home=home).stdout
    assert "mirrored" in shown
    assert "3601.000" in shown
    assert "no video is called 'x'" in oneclick("video", "show", "x", home=home).stderr


def test_parameters_of_runs_which_prefect_keeps_hold_no_name_of_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, kept = [str(tmp_path / "Anna Schmidt")], dict[str, Any]()
    Path(sources[0]).mkdir()

    def one_click(**parameters: Any) -> None:
        kept.update(parameters)
        raise OneclickError("this is where Prefect begins")

    monkeypatch.setattr(environment, "prepare", lambda home: "")
    monkeypatch.setattr(local_server, "failures", contextlib.nullcontext)
    monkeypatch.setitem(
        sys.modules, "oneclick.flows.one_click", SimpleNamespace(one_click=one_click)
    )
    assert "where Prefect begins" in oneclick("run", *sources, home=tmp_path / "home").stderr
    by_hand = flows.parse_parameters(
        [f"sources={json.dumps(sources)}", "predictor=own:x"], settings.load(home=tmp_path / "home")
    )
    for parameters in (kept, by_hand):
        assert "Schmidt" not in str(parameters["sources"])
        revealed = cameras.reveal_sources(Workspace(tmp_path / "home"), parameters["sources"])
        assert revealed == sources
    assert by_hand["predictor"] == "own:x"
