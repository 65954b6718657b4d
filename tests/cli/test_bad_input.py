"""Bad input on the command line: one clear line each, and the rest of the work goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from oneclick import video
from tests.cli.program import oneclick, oneclick_apart

pytestmark = pytest.mark.e2e


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recordings = tmp_path / "cam_1"
    recordings.mkdir()
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (8, 48, 64, 3), np.uint8)
    video.write(recordings / "good.mp4", iter(pictures), 10.0)
    (recordings / "text.mp4").write_text("this is no video")
    (recordings / "empty.mp4").touch()
    (recordings / "headless.mp4").write_bytes((recordings / "good.mp4").read_bytes()[500:])
    return recordings


def test_good_recordings_come_in_and_each_bad_one_is_named_with_its_reason(
    folder: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    process = oneclick("video", "add", str(folder), home=home)
    assert process.returncode == 3
    assert "videos: 1 done" in process.stderr
    for name in ("text.mp4", "empty.mp4", "headless.mp4"):
        (line,) = [line for line in process.stderr.splitlines() if name in line]
        assert len(line) > len(name) + 20, "a reason follows the name"
    assert "Traceback" not in process.stderr
    listed = json.loads(oneclick("video", "list", "--json", home=home).stdout)
    assert [row["frames"] for row in listed] == [8]
    leftovers = [path.name for path in home.rglob("*") if path.name.endswith(".tmp")]
    assert leftovers == [], "nothing half-written stays"


def test_a_lap_over_nothing_but_missing_files_ends_before_it_begins(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = oneclick("run", "nosuch.mp4", str(tmp_path / "no folder"), home=home)
    assert process.returncode == 3
    (line,) = process.stderr.splitlines()
    assert line.endswith(f"no file or folder nosuch.mp4, {tmp_path / 'no folder'}: check the path")
    assert not home.exists()


def test_adding_the_same_recording_again_says_so_and_copies_nothing(
    folder: Path, tmp_path: Path
) -> None:
    home, good = tmp_path / "home", str(folder / "good.mp4")
    oneclick("video", "add", good, home=home)
    (raw,) = (home / "videos").rglob("*.mp4")
    before = raw.stat()
    again = oneclick("video", "add", good, home=home)
    assert again.returncode == 0
    assert "0 done, 1 already done" in again.stderr
    assert raw.stat().st_ino == before.st_ino


def test_a_full_disk_stops_with_one_line_and_exit_code_4(folder: Path, tmp_path: Path) -> None:
    home, large = tmp_path / "home", folder / "large.mp4"
    noise = np.random.default_rng(1).integers(0, 255, (20, 240, 320, 3), np.uint8)
    video.write(large, iter(noise), 10.0)
    assert large.stat().st_size > 512 * 1200
    oneclick("status", home=home)
    # The file-size limit of the shell is as final as a full device, and needs no second disk.
    process = oneclick_apart("video", "add", str(large), home=home, blocks=1200)
    assert process.returncode == 4, process.stderr
    assert "no space left" in process.stderr
    assert "Traceback" not in process.stderr
    assert not list((home / "videos").rglob("*.mp4"))


def test_an_unknown_detector_is_refused_with_the_known_ones(folder: Path, tmp_path: Path) -> None:
    home, source = tmp_path / "home", str(folder / "good.mp4")
    process = oneclick("run", source, "--predictor", "opencv:eyes", home=home)
    assert process.returncode == 2, process.stderr
    assert "opencv:hog" in process.stderr
    assert process.stderr.count("\n") == 1
    assert not home.exists(), "nothing is started for it"


@pytest.mark.parametrize("address", ["memory://ward", "zip://ward", "simplecache::s3://ward"])
def test_a_backup_where_nothing_stays_is_refused(address: str, tmp_path: Path) -> None:
    process = oneclick("backup", address, home=tmp_path)
    assert process.returncode == 2
    assert "keeps no files for others" in process.stderr
    assert list(tmp_path.iterdir()) == []
