"""JSON that is spoiled anywhere: every reader says so in one line, or does without it."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from oneclick.catalog import Catalog, rebuild, schema
from oneclick.cli import flows
from oneclick.core.datasets import DatasetClip
from oneclick.core.detections import Detections
from oneclick.core.errors import OneclickError
from oneclick.core.labels import LabelSet
from oneclick.formats import coco_document
from oneclick.formats.base import Dialogue
from oneclick.platforms import registry
from oneclick.platforms.encord import webhook
from oneclick.report import progress
from oneclick.services import backup_store, prefect_access, prefect_settings, settings_file
from oneclick.services.backup_store import BackupStore
from oneclick.services.run_log import TrainingLog
from oneclick.services.training_server import ClipCompletion, FileStamp, RemoteFolder
from oneclick.stages import export
from oneclick.storage import (
    bounded_documents,
    cameras,
    cards,
    datasets,
    exclusions,
    files,
    labels,
    manifest_index,
    model_cards,
    model_registry,
    predictions,
    published_labels,
    retention,
    verdicts,
)
from oneclick.storage.bounded_documents import BrokenJson
from oneclick.storage.workspace import Workspace
from tests.catalog import samples
from tests.hostile import datasets as datasets_of_others

DEEP = b'{"a":' * 100_000
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
STRINGS = 30
"""Strings of a file that are spoiled, one after the other."""


def spoiled(content: bytes) -> Iterator[bytes]:
    """Yield a document with bytes that are no UTF-8 here and there, cut off, and nested deeply."""
    yield b"\xff\xfe{"
    yield b""
    yield content[: len(content) // 2]
    yield DEEP
    for match in list(_STRING.finditer(content))[:STRINGS]:
        yield content[: match.start() + 1] + b"\xff" + content[match.start() + 1 :]
        yield content[: match.start()] + DEEP + content[match.end() :]


def one_line(read: Callable[[], object]) -> str:
    """Return the line of the error with which something is refused; empty where it is not."""
    text = ""
    try:
        read()
    except OneclickError as error:
        text = str(error)
    assert "\n" not in text
    return text


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("bytes") / "home"
    samples.furnish(home)
    return home


def folder_of(read: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda path: read(path.parent)


FILES: dict[str, Callable[[Path], object]] = {
    "videos/*/*.json": cards.load_video_card,
    "hits/*.json": cards.load_hits,
    "clips/*/*/clip.json": cards.load_clip_card,
    "clips/*/*/labels/*.json": labels.load,
    "review/tasks/*.json": labels.load,
    "review/archive/*.json": lambda path: verdicts.read(path).verdict(),
    "datasets/*/version.json": folder_of(datasets.load),
    "datasets/*/manifest.jsonl": folder_of(datasets.load),
    "models/*/card.json": folder_of(model_cards.read),
    "generation.json": lambda path: Catalog.open(path.parent).close(),
}
"""Readers of the files of a workspace, by pattern of their paths."""


@pytest.mark.parametrize("pattern", FILES)
def test_a_spoiled_file_of_a_workspace_is_told_in_one_line(
    furnished: Path, tmp_path: Path, pattern: str
) -> None:
    home = shutil.copytree(furnished, tmp_path / "home")
    path = next(home.glob(pattern))
    lines = []
    for content in spoiled(path.read_bytes()):
        path.write_bytes(content)
        lines.append(one_line(lambda: FILES[pattern](path)))
    assert len(lines) > 6
    assert pattern == "generation.json" or all(lines[:4])


def manifest_lines(path: Path) -> object:
    one_line(lambda: datasets.read_documents(path.parent))
    one_line(lambda: manifest_index.open_index(path.parent, path.name, "train"))
    return list(export.read_manifest(path, None))


def published(path: Path) -> object:
    line = replace(LINE, label_digest=files.sha256(path))
    return published_labels.load(str(path), line, ("person",))


def stored_predictions(path: Path) -> object:
    """Read predictions whose metadata are what the file holds."""
    content, path = path.read_bytes(), path.with_suffix(".parquet")
    predictions.save(path, Detections.empty(3, 25.0, ("person",)))
    table = pq.read_table(path)
    metadata = {predictions.METADATA_KEY: content}
    pq.write_table(table.replace_schema_metadata(metadata), path, write_page_checksum=True)
    one_line(lambda: predictions.load_threshold(path))
    one_line(lambda: list(predictions.load_chunks(path, 2)))
    return predictions.load(path)


def coco(path: Path) -> object:
    document = coco_document.read(path, path.parent, {}, Dialogue())
    return [
        one_line(annotation.decode_attributes)
        for annotations in document.annotations.values()
        for annotation in annotations
    ]


def profile(path: Path) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_PROFILES_PATH", str(path))
        return prefect_settings.active_profile()


def placed(target: str, read: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a reader of a workspace in which the file lies at its place."""

    def read_placed(path: Path) -> object:
        (path.parent / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, path.parent / target)
        (path.parent / target).chmod(0o600)
        return read(path.parent)

    return read_placed


def up_record(folder: Path) -> object:
    return prefect_access.last_announced(folder / "home")


def signed(body: bytes) -> bool:
    moment = str(int(time.time()))
    signature = hmac.new(b"ours", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {webhook.TIMESTAMP: moment, webhook.SIGNATURE: signature}
    return webhook.reports_decision("ours", headers, body, time.time())


LINE = DatasetClip(
    clip="ward-0",
    camera="ward",
    revision=1,
    label_digest="",
    clip_digest="",
    split="train",
    frames=2,
    width=64,
    height=48,
    fps=25.0,
    origins={"d": 1},
    chosen_by="trigger",
)
EXCLUSION = exclusions.Exclusion(line=LINE, reason="dark", at=samples.NOON)
RUNNING = prefect_access.RunningServer(pid=1, machine="a", url="http://127.0.0.1:4200/api")
STATE = retention.RetentionState(
    at=samples.NOON,
    reading=retention.ClockReading(wall=samples.NOON, boot="a", uptime=1.0),
    births={"ward-0": samples.NOON},
)
PERIOD = model_registry.ServicePeriod(model="m1", since=samples.NOON, reason="a test")
CAMERAS = {"cameras": {"cam01": {"folder": "ward", "name": "Ward"}}, "sources": {"a": "b"}}
READERS: dict[str, tuple[object, Callable[[Path], object]]] = {
    "manifest": (LINE, manifest_lines),
    "published labels": (samples.label_set(samples.clip()), published),
    "metadata of predictions": ({"frames": 3, "fps": 25.0, "names": ["a"]}, stored_predictions),
    "COCO": (msgspec.Raw(datasets_of_others.coco_document(["1.jpg"]).encode()), coco),
    "COCO attributes": (
        msgspec.Raw(
            datasets_of_others.coco_document(["1.jpg"])
            .replace('"bbox"', '"attributes": {"track_id": "7"}, "bbox"')
            .encode()
        ),
        coco,
    ),
    "profile of Prefect": ("active", profile),
    "what up recorded": (RUNNING, placed("home/.prefect/server/up.json", up_record)),
    "settings": ("a", lambda path: settings_file.set_values(path, ["a"], {"b": 1})),
    "metrics": ({"step": 1, "loss": 0.5}, progress.loss_curve),
    "metrics of a training that goes on": (
        {"step": 1, "loss": 0.5},
        lambda path: TrainingLog(path, start=5),
    ),
    "completion": (
        ClipCompletion("a", "b", {"frames/0.jpg": FileStamp(1, "a")}),
        placed("clips/a/complete.json", lambda folder: RemoteFolder(str(folder)).completion("a")),
    ),
    "backup": (
        {"made_at": samples.NOON, "code": "1", "files": {}},
        placed("backups/20260101T000000Z.json", lambda folder: BackupStore(str(folder)).read()),
    ),
    "damaged objects of a backup": (
        backup_store.DamagedObjects(digests=("a" * 64,)),
        placed(backup_store.DAMAGED, lambda folder: BackupStore(str(folder)).damaged()),
    ),
    "retention": (STATE, retention.load),
    "exclusion": (
        EXCLUSION,
        placed("datasets/excluded/a.json", lambda home: exclusions.load(Workspace(home), "a")),
    ),
    "champion": (
        model_registry.ModelRegistry("m1", samples.NOON, (PERIOD,)),
        placed("models/champion.json", lambda home: model_registry.read(Workspace(home))),
    ),
    "cameras": (CAMERAS, placed("cameras.json", lambda home: cameras.load(Workspace(home)))),
    "webhook": ({"event_type": "a"}, lambda path: signed(path.read_bytes())),
    "parameter of a flow": (
        {"a": "b"},
        lambda path: flows.parse_parameter(f"a={os.fsdecode(path.read_bytes())}"),
    ),
}
"""What others may have changed, and who reads it."""


@pytest.mark.parametrize("name", READERS)
def test_spoiled_bytes_are_refused_in_one_line_or_done_without(name: str, tmp_path: Path) -> None:
    value, read = READERS[name]
    path = tmp_path / "file.json"
    document = labels.encode(value) if isinstance(value, LabelSet) else msgspec.json.encode(value)
    for content in spoiled(document):
        path.write_bytes(content)
        one_line(lambda: read(path))


@pytest.mark.parametrize("content", [*spoiled(b'{"a": "b"}'), "\udcff", b"9" * 5000])
def test_whatever_is_wrong_with_json_is_one_exception(content: bytes | str) -> None:
    with pytest.raises(BrokenJson) as excinfo:
        bounded_documents.parse_json(content, dict[str, str])
    assert "\n" not in str(excinfo.value)


def test_a_list_in_the_environment_that_is_no_json_is_a_wrong_setting() -> None:
    with pytest.raises(ValueError, match="people: "):
        registry.read_section("encord", {"people": "{1,"}, selected=False)


def test_a_damaged_row_of_the_catalog_is_told_and_mended_by_a_rebuild(
    furnished: Path, tmp_path: Path
) -> None:
    home = shutil.copytree(furnished, tmp_path / "home")
    before = samples.everything(home)
    clips, hits = schema.clips, schema.hits
    for changes in (
        sa.update(clips).values(hits='[{"'),
        sa.update(clips).values(stage="CUX"),
        sa.update(hits).values(boxes="[[1,"),
        sa.update(schema.label_revisions).values(origins='{"d":'),
        sa.update(schema.models).values(card='{"id":'),
    ):
        with Catalog.open(home) as catalog, catalog.transaction() as connection:
            connection.execute(changes)
        with pytest.raises(OneclickError, match=r"a row of the catalog is broken .* rebuild$"):
            samples.everything(home)
        rebuild.rebuild(home)
        assert samples.everything(home) == before
