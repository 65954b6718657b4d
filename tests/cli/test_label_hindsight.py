"""`oneclick label hindsight` never writes over what it reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from oneclick.cli import label

DETECTIONS = "".join(f"{frame},-1,{10 + frame},20,30,40,0.9,-1,-1,-1\n" for frame in range(1, 21))
SEQINFO = "[Sequence]\nframeRate=10\nseqLength=20\n"
OUTPUTS = {
    "the file itself": "a.txt",
    "the second of two": "b.txt",
    "a symbolic link to it": "link.txt",
    "a hard link to it": "hard.txt",
    "a way round": "folder/../a.txt",
    "the description of the sequence": "seqinfo.ini",
}


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(DETECTIONS)
    (tmp_path / "seqinfo.ini").write_text(SEQINFO)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.txt").symlink_to("a.txt")
    (tmp_path / "hard.txt").hardlink_to(tmp_path / "b.txt")
    return tmp_path


@pytest.mark.parametrize("case", OUTPUTS)
def test_an_output_that_is_read_is_refused_in_one_line(case: str, inputs: Path) -> None:
    names = (inputs / "a.txt", inputs / "b.txt")
    before = {path: path.read_bytes() for path in inputs.glob("*.*")}
    arguments = ["hindsight", *map(str, names), "-o", str(inputs / OUTPUTS[case])]
    result = CliRunner().invoke(label.app, arguments)
    assert type(result.exception).__name__ == "UsageError"
    message = str(result.exception)
    assert "would overwrite" in message
    assert "name another file" in message
    assert "\n" not in message
    assert {path: path.read_bytes() for path in inputs.glob("*.*")} == before


def test_another_file_may_be_written_again(inputs: Path) -> None:
    out = inputs / "labels.txt"
    for _ in range(2):
        result = CliRunner().invoke(label.app, ["hindsight", str(inputs / "a.txt"), "-o", str(out)])
        assert result.exit_code == 0, result.output
    assert len(out.read_text().splitlines()) == 20
