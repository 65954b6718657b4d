"""A workspace with a file of every kind, and what may happen to a file on an old disk."""

from __future__ import annotations

import os
import random
import shutil
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick import detectors
from oneclick.catalog import Catalog, verify
from oneclick.core.clips import ClipStage
from oneclick.core.errors import OneclickError
from oneclick.core.review import Verdict
from oneclick.platforms.base import ErasureReport
from oneclick.platforms.local import LocalPlatform
from oneclick.report import progress
from oneclick.stages import exclude, import_, publish, review
from oneclick.stages.quarantine import quarantine_clip
from oneclick.storage import datasets, failure_log, model_registry, predictions, verdicts
from oneclick.storage.workspace import Workspace
from tests.faults import ends, laps

KINDS = {
    "catalog": "catalog.sqlite",
    "generation of the catalog": "generation.json",
    "card of a video": "videos/ward/*.json",
    "recording": "videos/ward/*.mp4",
    "source of a recording": "videos/ward/*.source",
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
    "frame on the server": "training-server/clips/*/frames/000003.jpg",
    "labels on the server": "training-server/clips/*/labels-0002.json",
    "completion on the server": "training-server/clips/*/complete.json",
    "manifest on the server": "training-server/datasets/v*/manifest.jsonl",
    "index on the server": "training-server/datasets/v*/train.npy",
    "header on the server": "training-server/datasets/v*/version.json",
}
"""Where the first file of each kind lies in the workspace."""
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
    queue = LocalPlatform(workspace.review_dir())
    decided, spoiled, *_ = queue.pending()
    assert queue.submit(laps.verdict_on(queue, decided, 0))
    with Catalog.open(home) as catalog:
        quarantine_clip(workspace, catalog, spoiled, f"clip {spoiled}: too dark", "a test")
        published = [row.clip.id for row in catalog.clips(stage=ClipStage.PUBLISHED)]
    detections = predictions.load(workspace.predictions(recording.id, predictor.model_id))
    path = workspace.clip_predictions(decided, predictor.model_id)
    predictions.save(path, detections, predictor.model_id, predictor.threshold)
    exclude.exclude(home, published[:1], "a private room")
    late = Verdict(clip=published[0], decision="reject", by="ben", at=laps.NOON)
    review.save_late_verdict(workspace, late)
    report = ErasureReport(published[0], ("task",), ("it is not there",))
    review.write_receipt(workspace, report, "local", laps.PERSON)
    laps.learn(root)
    failure_log.record(workspace, "item", "do something", ValueError("a bad item"))


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
    """Return what `catalog verify --deep` and `data verify` say."""
    try:
        with Catalog.open(home) as catalog:
            return verify.verify(catalog, deep=True) + publish.verify(home, None, "")
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


def damaging(root: Path, copy: Path, trials: Sequence[DamageTrial]) -> list[DamageTrial]:
    """Return the trials whose damage HARMLESS does not prove to be harmless."""
    return [trial for trial in trials if not is_harmless(root, copy, trial)]


def is_harmless(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check on a copy of a folder that a damage changes nothing that anybody relies on."""
    reason = HARMLESS.get((trial.kind, trial.damage), HARMLESS.get((trial.kind, "any")))
    shutil.copytree(root, copy)
    try:
        trial.strike(copy / "home")
        return reason is not None and reason.proof(root, copy, trial)
    finally:
        shutil.rmtree(copy)


Proof = Callable[[Path, Path, DamageTrial], bool]
"""Takes an undamaged folder, its damaged copy and the trial."""


@dataclass(frozen=True)
class Reason:
    """Why a damage that no command names is harmless by construction, and the proof of it."""

    sentence: str
    proof: Proof


def catalog_is_whole(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the catalog tells the same as before, but for the history of clips."""
    reference = ends.catalog_state(root / "home")
    return not ends.differences(ends.catalog_state(copy / "home"), reference)


def is_made_again(step: Callable[[Path], object]) -> Proof:
    """Return a check that a step makes the file again as it was."""

    def check(root: Path, copy: Path, trial: DamageTrial) -> bool:
        step(copy)
        path = trial.target(root / "home")
        again = copy / path.relative_to(root)
        return bool(ends.content(again) == ends.content(path))

    return check


def is_fetched_once(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the recording is fetched again, and is there once."""
    laps.fetch_film(copy)
    return len(list((copy / "home" / "videos" / "ward").glob("*.json"))) == 1


def is_removed_anyway(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that maintenance removes the undamaged file."""
    shutil.copy2(trial.target(root / "home"), copy / trial.target(root / "home").relative_to(root))
    laps.remove_old(copy)
    return not list((copy / "home").glob(KINDS[trial.kind]))


def is_asked_again(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the clip waits for a reviewer."""
    clip_id = trial.target(root / "home").stem
    return clip_id in LocalPlatform(Workspace(copy / "home").review_dir()).pending()


def is_not_trained_on(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the copy of the frame that trainings read is what was published."""
    return publish.verify(copy / "home", None, "") == []


def curve_is_drawn(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the screens skip what is broken of a loss curve."""
    progress.newest_loss_curve(copy / "home")
    return True


def is_same_verdict(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the verdict reads as before: the bit was in the name of an empty field."""
    path = trial.target(root / "home")
    return verdicts.read(copy / path.relative_to(root)) == verdicts.read(path)


def is_read_by_nobody(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that a whole lap goes on beside the file."""
    laps.collect(copy)
    laps.publish_accepted(copy)
    return True


def open_index(root: Path) -> None:
    """Open the index of the newest version as a training does."""
    workspace = Workspace(root / "home")
    datasets.open_index(workspace.dataset_dir(datasets.names(workspace)[-1]), "train")


def is_same_registry(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the file of the model in service says the same, but for its seal."""
    before, after = (model_registry.read(Workspace(place / "home")) for place in (root, copy))
    return (
        before is not None
        and after is not None
        and (
            (before.model, before.since, before.history)
            == (after.model, after.since, after.history)
        )
    )


UNNOTICED = {
    ("receipt", "remove"): "nothing else knows of a receipt: only a backup still holds it",
}
"""Damages that are neither named nor harmless: promises that are still open."""
HARMLESS = {
    ("catalog", "any"): Reason(
        "the catalog is an index: opening it takes in again what the files tell", catalog_is_whole
    ),
    ("generation of the catalog", "any"): Reason(
        "a hint that the catalog is behind: where it is broken the files are looked at again",
        catalog_is_whole,
    ),
    ("recording", "remove"): Reason(
        "its clips are cut, and maintenance removes it after its time", is_removed_anyway
    ),
    ("source of a recording", "any"): Reason(
        "it only saves reading a source again, which is fetched once by its content",
        is_fetched_once,
    ),
    ("predictions", "remove"): Reason(
        "the next pass predicts again", is_made_again(laps.predict_videos)
    ),
    ("frame", "flip"): Reason(
        "one bit changes a few pixels; trainings read the copy on the server, whose digest is kept",
        is_not_trained_on,
    ),
    ("verdict that waits", "remove"): Reason(
        "nothing else knows of it yet, but its task is there: a person is asked again",
        is_asked_again,
    ),
    ("model in service", "flip"): Reason(
        "it says the same: the bit hit a letter's case in a time, or the name of the seal",
        is_same_registry,
    ),
    ("late verdict", "flip"): Reason("it says the same, as its seal proves", is_same_verdict),
    ("late verdict", "remove"): Reason(
        "it changed nothing, as whoever gave it was told", catalog_is_whole
    ),
    ("index of a manifest", "remove"): Reason(
        "opening it writes it again from the manifest", is_made_again(open_index)
    ),
    ("curve of a training", "any"): Reason(
        "it is drawn on a screen and decides nothing", curve_is_drawn
    ),
    ("calibration", "any"): Reason(
        "the weekly calibration makes it again from the reviews", is_made_again(laps.learn)
    ),
    ("skills of labellers", "any"): Reason(
        "the weekly calibration makes it again from the reviews", is_made_again(laps.learn)
    ),
    ("evaluations of hits", "any"): Reason(
        "the weekly calibration makes it again from the reviews", is_made_again(laps.learn)
    ),
    ("traceback", "any"): Reason("people read it, programs do not", is_read_by_nobody),
}
"""Damages that no command names, by kind and damage."""
