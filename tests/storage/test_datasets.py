from __future__ import annotations

import io
import pickle
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core.datasets import DatasetClip, DatasetVersion, Split
from oneclick.core.errors import BadInput, UnknownName
from oneclick.storage import datasets
from oneclick.storage.workspace import Workspace

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def line(clip: str, split: Split = "train", frames: int = 3) -> DatasetClip:
    return DatasetClip(
        clip=clip,
        camera="cam",
        revision=2,
        label_digest="ab",
        clip_digest="cd",
        split=split,
        frames=frames,
        width=64,
        height=48,
        fps=10.0,
        origins={"h": 2, "d": 1},
        chosen_by="trigger",
    )


def saved(home: Path, *lines: DatasetClip) -> tuple[DatasetVersion, Path]:
    version = datasets.build(len(datasets.names(Workspace(home))) + 1, None, ("person",), lines)
    datasets.save(Workspace(home), version.name, datasets.documents(version, NOW))
    return version, Workspace(home).dataset_dir(version.name)


def test_the_bytes_of_a_manifest_are_what_others_read() -> None:
    assert datasets.manifest([line("b"), line("a")]).splitlines()[0] == (
        b'{"clip":"a","camera":"cam","revision":2,"label_digest":"ab","clip_digest":"cd",'
        b'"split":"train","frames":3,"width":64,"height":48,"fps":10.0,'
        b'"origins":{"d":1,"h":2},"chosen_by":"trigger","led_by":""}'
    )


@given(st.lists(st.text("abc", min_size=1, max_size=3), unique=True, min_size=1), st.randoms())
def test_the_order_of_the_clips_changes_nothing(names: list[str], random: object) -> None:
    lines = [line(name) for name in names]
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert datasets.build(1, None, ("p",), lines) == datasets.build(1, None, ("p",), shuffled)


def test_a_version_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    version, folder = saved(tmp_path, line("b"), line("a", "test"))
    assert datasets.load(folder) == version == datasets.find(Workspace(tmp_path))
    assert version.name == f"v0001-{version.digest[:8]}"
    assert datasets.publication_time(folder) == NOW
    second, _ = saved(tmp_path, line("a"))
    assert datasets.names(Workspace(tmp_path)) == [version.name, second.name]
    assert datasets.find(Workspace(tmp_path)) == second
    assert datasets.find(Workspace(tmp_path), version.name) == version


def test_versions_are_ordered_by_their_number(tmp_path: Path) -> None:
    for number in (10_000, 9_999):
        version = datasets.build(number, None, ("person",), [line(f"clip-{number}")])
        datasets.save(Workspace(tmp_path), version.name, datasets.documents(version, NOW))
    assert [name.partition("-")[0] for name in datasets.names(Workspace(tmp_path))] == [
        "v9999",
        "v10000",
    ]
    newest = datasets.find(Workspace(tmp_path))
    assert newest
    assert newest.clips[0].clip == "clip-10000"


def test_an_index_reads_the_lines_of_one_split_only(tmp_path: Path) -> None:
    _, folder = saved(tmp_path, line("a", "test", 5), line("b"), line("c", "test", 7))
    index = datasets.open_index(folder, "test")
    assert index.frames.tolist() == [5, 7]
    assert [index.clip(k).clip for k in range(len(index))] == ["a", "c"]


def test_an_index_is_made_again_and_pickles_as_two_paths(tmp_path: Path) -> None:
    _, folder = saved(tmp_path, *(line(f"{k:04d}") for k in range(500)))
    before = (folder / "train.npy").read_bytes()
    (folder / "train.npy").unlink()
    index = datasets.open_index(folder, "train")
    assert (folder / "train.npy").read_bytes() == before
    assert len(pickle.dumps(index)) < 500
    assert pickle.loads(pickle.dumps(index)).clip(499) == index.clip(499) == line("0499")


def numbers() -> bytes:
    content = io.BytesIO()
    np.save(content, np.arange(3))
    return content.getvalue()


NUMBERS = numbers()
DAMAGE = {
    "emptied": lambda data: b"",
    "cut short": lambda data: data[:200],
    "something else": lambda data: NUMBERS,
    "zip": lambda data: b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_index_is_written_again_from_the_manifest(tmp_path: Path, case: str) -> None:
    _, folder = saved(tmp_path, line("a"), line("b"))
    path = folder / "train.npy"
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[case](whole))
    assert datasets.open_index(folder, "train").clip(0).clip == "a"
    assert path.read_bytes() == whole


def test_a_manifest_that_was_edited_is_named(tmp_path: Path) -> None:
    _, folder = saved(tmp_path, line("a"), line("b"))
    path = folder / "manifest.jsonl"
    path.write_bytes(b"\n\n" + path.read_bytes())
    with pytest.raises(BadInput, match=r"manifest\.jsonl was changed"):
        datasets.open_index(folder, "train").clip(0)


def test_an_unknown_version_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    assert datasets.find(Workspace(tmp_path)) is None
    version, _ = saved(tmp_path, line("a"))
    with pytest.raises(UnknownName, match=version.name):
        datasets.find(Workspace(tmp_path), "v0009-x")


BREAK = {
    "edited": lambda data: data.replace(b'"train"', b'"test"'),
    "cut short": lambda data: data[:-30],
    "a line lost": lambda data: data.splitlines(keepends=True)[0],
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("case", BREAK)
def test_a_manifest_changed_by_hand_is_refused(tmp_path: Path, case: str) -> None:
    _, folder = saved(tmp_path, line("a"), line("b"))
    path = folder / "manifest.jsonl"
    path.write_bytes(BREAK[case](path.read_bytes()))
    with pytest.raises(BadInput, match=r"manifest\.jsonl"):
        datasets.load(folder)
