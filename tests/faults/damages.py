"""A workspace with a file of every kind, and what may happen to a file on an old disk."""

from __future__ import annotations

import io
import os
import random
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick import detectors
from oneclick.catalog import Catalog, verify
from oneclick.core.clips import ClipStage
from oneclick.core.errors import OneclickError
from oneclick.core.review import Verdict
from oneclick.editing.operations import DrawTrack, Operation, Undo
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.local.workbench import EditRequest
from oneclick.stages import erase, exclude, import_, maintain, publish, reopen, review
from oneclick.stages.quarantine import quarantine_clip
from oneclick.storage import (
    cameras,
    failure_log,
    files,
    inventories,
    predictions,
    sealed_archives,
    verdicts,
)
from oneclick.storage.inventories import Inventory
from oneclick.storage.workspace import Workspace
from oneclick.web.accounts import audit_check
from oneclick.web.accounts.audit import AuditLog, Visitor
from oneclick.web.accounts.users import Users
from tests.faults import camera_files, laps
from tests.platforms.local.desk import Server

KINDS = {
    "catalog": "catalog.sqlite",
    "generation of the catalog": "generation.json",
    "card of a video": "videos/ward/*.json",
    "recording": "videos/ward/*.mp4",
    "source of a recording": "videos/ward/*.source",
    "index of a recording": "videos/ward/.*.mp4.index",
    "predictions": "predictions/*/*.parquet",
    "signal": "signals/*/*.parquet",
    "hits": "hits/*.json",
    "card of a clip": "clips/ward/*/clip.json",
    "film of a clip": "clips/ward/*/clip.mp4",
    "frame": "clips/ward/*/frames/000003.jpg",
    "automatic labels": "clips/ward/*/labels/0001-auto.json",
    "labels of a person": "clips/ward/*/labels/0002-human.json",
    "predictions on a clip": "clips/*/*/predictions/*.parquet",
    "reason of a quarantine": "clips/*/*/quarantine.json",
    "task": "review/tasks/*.json",
    "verdict that waits": "review/verdicts/*.json",
    "archived verdict": "review/archive/*.json",
    "late verdict": "review/late/*.json",
    "edits": "review/journal/*.jsonl",
    "number of edits": "review/journal/*.head",
    "record of a review": "review/desk/*.json",
    "reopening": "review/reopened/*.json",
    "task of a reopened clip": "review/tasks/ward-*.json",
    "questions": "review/questions/*.json",
    "users": "review/users.json",
    "audit log": "review/audit/*.jsonl",
    "end of the audit log": "review/keys/audit.head",
    "key of the audit log": "review/keys/audit.key",
    "receipt": "review/receipts/*.json",
    "manifest": "datasets/v*/manifest.jsonl",
    "index of a manifest": "datasets/v*/train.npy",
    "header of a version": "datasets/v*/version.json",
    "exclusion": "datasets/excluded/*.json",
    "card of a model": "models/second/card.json",
    "weights": "models/second/model.pt",
    "curve of a training": "models/second/metrics.jsonl",
    "model in service": "models/champion.json",
    "calibration": "learned/calibration.json",
    "skills of labellers": "learned/labellers.json",
    "evaluations of hits": "learned/testimonies.json",
    "traceback": "logs/*",
    "names of cameras": "cameras.json",
    "time of maintenance": "retention.json",
    "list of receipts": "inventories/receipts.json",
    "list of late verdicts": "inventories/late-verdicts.json",
    "list of exclusions": "inventories/exclusions.json",
    "list of models in service": "inventories/registries.json",
    "model of novelty": "novelty/*/*.pt",
    "list of models of novelty": "inventories/novelty-models.json",
    "selection of a person": "selections/*.json",
    "incident": "incidents/*.json",
    "list of incidents": "inventories/incidents.json",
    "mute": "mutes/*.json",
    "alerts": "alerts.json",
    "figures of predictions": "insight/*/*.json",
    "trouble of a platform": "review/trouble.json",
    "tokens of edge cameras": "intake/tokens.json",
    "counts of edge cameras": "intake/counts.json",
    "segment of an edge camera": "intake/yard/*100.seg",
    "newest segment of an edge camera": "intake/yard/*620.seg",
    "request for raw video": "intake/yard/spans/*0.json",
    "answered request": "intake/yard/spans/*1.json",
    "refused request": "intake/yard/spans/done/*.json",
    "part of an upload": "intake/yard/spans/*.part",
    "upload": "intake/yard/spans/*.mkv",
    "time of an upload": "intake/yard/spans/*.place",
    "state of a live camera": "live/ward/state.json",
    "ring": "live/ward/ring/*.ring",
    "recording of a live camera": "live/ward/recordings/ward/*.mkv",
    "offer of a second look": "review/second/offers/*.json",
    "task of a second look": "review/second/queue/tasks/*.json",
    "second look": "review/second/looks/*.json",
    "settlement": "review/second/settled/*.json",
    "list of second looks": "inventories/second-looks.json",
    "clips by kind of work": "review/second/strata.json",
    "control pictures": "review/control/*.json",
    "seeded error": "review/seeded/outcomes/*.json",
    "frame on the server": "training-server/clips/*/frames/000003.jpg",
    "labels on the server": "training-server/clips/*/labels-0002.json",
    "completion on the server": "training-server/clips/*/complete.json",
    "manifest on the server": "training-server/datasets/v*/manifest.jsonl",
    "index on the server": "training-server/datasets/v*/train.npy",
    "header on the server": "training-server/datasets/v*/version.json",
}
"""Where the first file of each kind lies in the workspace."""
NAMES = {
    "audit log": "the log ends with entry",
    "segment of an edge camera": "what it sent until",
}
"""What else names a file of a kind: what lacks of a row of files."""
FOLDERS = {part for pattern in KINDS.values() for part in pattern.split("/")[:-1]} - {"second"}
"""Names that tell nothing about a file."""


def furnish(root: Path) -> None:
    """Make the workspace after a lap one with a file of every kind."""
    home, workspace = root / "home", Workspace(root / "home")
    with Catalog.open(home) as catalog:
        (recording,) = catalog.videos()
    predictor = detectors.create(laps.PREDICTOR, workspace)
    options = import_.ImportOptions(camera="other", auto=True)
    import_.import_(home, root / "foreign", "coco", laps.CLASSES, options)
    laps.send(root)
    *_, spoiled, decided = LocalPlatform(workspace.review_dir()).pending()  # the first one waits
    review_at_desk(home, decided)
    with Catalog.open(home) as catalog:
        quarantine_clip(workspace, catalog, spoiled, f"clip {spoiled}: too dark", "a test")
        published = [row.clip.id for row in catalog.clips(stage=ClipStage.PUBLISHED)]
    detections = predictions.load(workspace.predictions(recording.id, predictor.model_id))
    path = workspace.clip_predictions(decided, predictor.model_id)
    predictions.save(path, detections, predictor.model_id, predictor.threshold)
    camera_files.look_twice(home, *published[:2])
    exclude.exclude(home, published[:1], "a private room")
    reopen.reopen(home, published[-1], "lea", "a second look")
    late = Verdict(clip=published[0], decision="reject", by="ben", at=laps.NOON)
    verdicts.save_late(workspace, late)
    laps.all_done(erase.erase(home, published[:1], review.LOCAL, laps.PERSON))
    cameras.camera_of(workspace, "Anna Berger", (), "always")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("data", bytes(range(256)))
    model = sealed_archives.add_seal(content.getvalue())
    files.write_atomic(workspace.novelty_model("ward", "novelty-autoencoder"), model)
    inventories.update(workspace, Inventory.NOVELTY_MODELS)
    Users(workspace).add(laps.PERSON, "admin", password="a hash")
    log = AuditLog(workspace, lambda: laps.NOON)
    for act in ("login", "verdict", "logout"):
        log.record(Visitor(laps.PERSON, "127.0.0.1"), act)
    log.close()
    laps.learn(root)
    maintain.maintain(home, 0)  # it would remove what cameras left so long ago
    camera_files.furnish(home, recording, predictor.model_id)
    failure_log.record(workspace, "item", "do something", ValueError("a bad item"))


def review_at_desk(home: Path, clip_id: str) -> None:
    """Draw a person in a clip and take it back, then accept the clip."""
    server = Server.start(home)
    fence = server.leases.take(clip_id, laps.PERSON).fence
    drawn = DrawTrack(track=99, cls="person", frame=0, box=(5.0, 5.0, 25.0, 45.0), carry=False)
    operations: tuple[Operation, ...] = (drawn, Undo())
    for base, operation in enumerate(operations):
        server.edit(clip_id, f"edit {base}", base, fence, operation, laps.PERSON)
    request = EditRequest(clip=clip_id, key="decision", base=2, fence=fence, by=laps.PERSON)
    assert server.bench.decide(request, "accept", active_seconds=9.0)
    server.catalog.close()


def empty(content: bytes, rng: random.Random) -> bytes:
    return b""


def truncate(content: bytes, rng: random.Random) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes, rng: random.Random) -> bytes:
    """Flip one bit."""
    position = rng.randrange(len(content))
    changed = content[position] ^ 1 << rng.randrange(8)
    return content[:position] + bytes([changed]) + content[position + 1 :]


def replace(content: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(len(content))


def remove(content: bytes, rng: random.Random) -> None:
    return None


Damage = Callable[[bytes, random.Random], bytes | None]
DAMAGES: tuple[Damage, ...] = (empty, truncate, flip, replace, remove)
"""What may happen to the content of a file; None removes it."""


@dataclass(frozen=True)
class DamageTrial:
    """One damage to the first file of a kind."""

    kind: str
    damage: str
    seed: int = 0

    def target(self, home: Path) -> Path:
        """Return the file that is damaged."""
        return min(home.glob(KINDS[self.kind]))

    def strike(self, home: Path) -> None:
        """Write the damaged content, or remove the file."""
        path, rng = self.target(home), random.Random(zlib.crc32(f"{self}".encode()))
        damage = next(damage for damage in DAMAGES if damage.__name__ == self.damage)
        content = damage(path.read_bytes(), rng)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)


def problems(home: Path) -> list[str]:
    """Return what `catalog verify --deep`, `data verify` and `review audit verify` say."""
    try:
        with Catalog.open(home) as catalog:
            return [
                *verify.verify(catalog, deep=True),
                *publish.verify(home, None, ""),
                *audit_check.verify(Workspace(home)).problems,
            ]
    except OneclickError as error:
        return [str(error)]


def unnoticed(root: Path, trials: Sequence[DamageTrial]) -> dict[DamageTrial, str]:
    """Return the trials whose damage no problem names, each with what was said instead."""
    home, answers = root / "home", {}
    if undamaged := problems(home):
        raise AssertionError(undamaged)
    for trial in trials:
        target = trial.target(home)
        content, times = target.read_bytes(), target.stat()
        trial.strike(home)
        names = {target.name, target.stem, *target.relative_to(home).parts[-3:-1]} - FOLDERS
        names.add(NAMES.get(trial.kind, target.name))
        try:
            lines = problems(home)
        except Exception as error:
            answers[trial] = f"a traceback: {error!r}"
        else:
            if not any(name in line for line in lines for name in names):
                answers[trial] = "; ".join(lines) or "nothing"
        target.write_bytes(content)
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    return answers
