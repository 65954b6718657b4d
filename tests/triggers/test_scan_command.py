import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oneclick import triggers as library
from oneclick.cli import triggers
from oneclick.core.errors import BadLabels, UsageError

GOLDEN = Path(__file__).parents[1] / "golden"
DATA = Path(__file__).resolve().parents[2].parent / "shared/data/mot"
SEQINFO = "[Sequence]\nframeRate=10\nseqLength=40\nimWidth=640\nimHeight=480\n"


def mot(path: Path, rows: list[tuple[int, float, float]]) -> Path:
    lines = [f"{k + 1},-1,{x},200,40,100,{score},-1,-1,-1\n" for k, x, score in rows]
    path.write_text("".join(lines))
    return path


@pytest.fixture
def lead_file(tmp_path: Path) -> Path:
    walk = [(k, 100.0 + 3 * k, 0.9) for k in range(40) if k not in (10, 11)]
    return mot(tmp_path / "own.txt", [*walk, (20, 400.0, 0.7), (30, 500.0, 0.45)])


@pytest.fixture
def rival(tmp_path: Path) -> Path:
    walk = [(k, 100.0 + 3 * k, 0.8) for k in range(40)]
    return mot(tmp_path / "rival.txt", walk)


def scan(*arguments: object) -> str:
    result = CliRunner().invoke(triggers.app, ["scan", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("name", "options"), [("hits", []), ("frames", ["--budget", "0.1"])], ids=["hits", "budget"]
)
def test_json_lines_are_what_others_read(
    lead_file: Path, rival: Path, name: str, options: list[str]
) -> None:
    (lead_file.parent / "seqinfo.ini").write_text(SEQINFO)
    out = scan(lead_file, "--against", rival, "--min-score", 0.5, "--json", *options)
    assert out == (GOLDEN / f"triggers_scan_{name}.jsonl").read_text()


def test_hits_count_from_zero_and_half_open(lead_file: Path) -> None:
    first = json.loads(scan(lead_file, "--fps", 10, "--min-score", 0.5, "--json").splitlines()[0])
    assert list(first) == ["trigger", "start", "stop", "score", "boxes", "why"]
    assert (first["trigger"], first["start"], first["stop"]) == ("flicker", 10, 12)
    assert [box[0] for box in first["boxes"]] == [10, 11]


def test_the_frame_rate_is_looked_up_beside_the_file_or_one_above(tmp_path: Path) -> None:
    (tmp_path / "det").mkdir()
    rows = [(k, 100.0, 0.9) for k in range(40) if not 10 <= k < 18]
    path = mot(tmp_path / "det/a.txt", rows)
    assert "flicker" in scan(path)  # 25 frames/s: a hole of 0.3 s
    (tmp_path / "seqinfo.ini").write_text(SEQINFO)
    assert "flicker" not in scan(path)  # 10 frames/s: 0.8 s
    assert "flicker" in scan(path, "--fps", 25)


def test_a_table_for_people_says_the_same(lead_file: Path) -> None:
    out = scan(lead_file, "--fps", 10, "--min-score", 0.5)
    assert out.splitlines()[0].split() == ["trigger", "start", "stop", "score", "boxes", "why"]
    assert "flicker" in out


def test_no_detections_are_no_hits(tmp_path: Path) -> None:
    empty = mot(tmp_path / "empty.txt", [])
    assert scan(empty, "--json") == ""
    assert scan(empty, "--json", "--budget", 0.5) == ""


def test_a_broken_seqinfo_is_ignored(lead_file: Path) -> None:
    (lead_file.parent / "seqinfo.ini").write_text("frameRate: soon")
    assert scan(lead_file, "--json")


def test_a_broken_line_is_named_by_its_number(lead_file: Path) -> None:
    lead_file.write_text(lead_file.read_text() + "1,-1,nothing\n")
    with pytest.raises(BadLabels, match=r"own.txt line 41"):
        scan(lead_file)


@pytest.mark.parametrize("content", [b"1,-1,nothing\n", b"\xff\xfe\n", None])
def test_a_broken_second_file_does_not_end_the_scan(
    lead_file: Path, rival: Path, content: bytes | None
) -> None:
    alone = scan(lead_file, "--fps", 10, "--json")
    rival.unlink() if content is None else rival.write_bytes(content)
    words = ["scan", str(lead_file), "--against", str(rival), "--fps", "10", "--json"]
    result = CliRunner().invoke(triggers.app, words)
    assert (result.exit_code, result.stdout) == (3, alone)
    assert result.stderr.splitlines()[-1].startswith(f"{rival}")
    assert result.stderr.endswith("; scanned without it\n")


def test_a_frame_rate_of_nothing_is_refused(lead_file: Path) -> None:
    with pytest.raises(UsageError, match="fps"):
        scan(lead_file, "--fps", 0)


def test_the_list_names_every_trigger_with_its_parameters() -> None:
    result = CliRunner().invoke(triggers.app, ["list", "--json"])
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert list(rows) == library.names()
    assert len(rows) == 23
    assert rows["flicker"]["parameters"] == {"hole": 0.5, "join": 1.0}
    assert "low_confidence" in CliRunner().invoke(triggers.app, ["list"]).stdout


@pytest.mark.skipif(not DATA.exists(), reason="the shared evaluation data is not beside the tree")
def test_flicker_on_real_video_is_right_four_times_of_five() -> None:
    from tests.bench import triggers as bench

    case = bench.case(DATA, "PETS09-S2L1", "yoloxnano", "nanodet")
    precision, count = bench.precision_table([case])["flicker"]
    assert count >= 40
    assert precision >= 0.8


def test_the_list_has_the_parameters_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(triggers.app, ["set", "jump", "--set", "step=0.5"]).exit_code == 0
    rows = json.loads(runner.invoke(triggers.app, ["list", "--json"]).stdout)
    (jump,) = [row["parameters"] for row in rows if row["name"] == "jump"]
    assert jump == library.parameters(library.registry()["jump"]) | {"step": 0.5}


def test_the_list_has_the_defaults_where_the_settings_are_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("oneclick.toml").write_text("[triggers.params.jump]\nstep = 'far'\n")
    result = CliRunner().invoke(triggers.app, ["list"])
    assert result.exit_code == 0
    assert "step=0.25" in result.stdout
    assert "these are the defaults: " in result.stderr
    assert "triggers.params.jump" in result.stderr
