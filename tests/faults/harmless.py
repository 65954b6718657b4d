"""Damages that no command names and that are harmless by construction, each with the proof."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.platforms.local import LocalPlatform
from oneclick.report import progress
from oneclick.stages import maintain, publish, rank_review
from oneclick.storage import datasets, predictions, retention
from oneclick.storage.edit_journals import Journal
from oneclick.storage.workspace import Workspace
from oneclick.video import index_files
from oneclick.web.accounts.users import Users
from tests.faults import ends, laps
from tests.faults.camera_proofs import OF_CAMERAS
from tests.faults.damages import DamageTrial
from tests.faults.reasons import Reason, catalog_is_whole, is_made_again


def is_fetched_once(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the recording is fetched again, and is there once."""
    laps.fetch_film(copy)
    return len(list((copy / "home" / "videos" / "ward").glob("*.json"))) == 1


def is_built_again(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the index of the recording is sound after its use, and tells what it told."""
    (film,), (copied_film,) = ((at / "home").glob("videos/ward/*.mp4") for at in (root, copy))
    video.keep_index(copied_film)
    index = index_files.load(copied_film, copied_film.stat())
    return index is not None and index.info == video.probe(film)


def is_asked_again(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the clip waits for a reviewer."""
    clip_id = trial.target(root / "home").stem
    return clip_id in LocalPlatform(Workspace(copy / "home").review_dir()).pending()


def edits_are_read(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the journal beside the file is read as before."""
    path = trial.target(root / "home").with_suffix(".jsonl")
    copied_path = copy / path.relative_to(root)
    return Journal(copied_path).read_new() == Journal(path).read_new() != []


def ask_again(root: Path) -> None:
    """Compute the questions about all clips that wait where none can be read."""
    workspace = Workspace(root / "home")
    waiting = LocalPlatform(workspace.review_dir()).pending()
    with Catalog.open(workspace.home) as catalog:
        rank_review.rank(workspace, catalog, waiting)


def nobody_signs_in(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that no user is known."""
    return Users(Workspace(copy / "home")).all() == []


def is_not_trained_on(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the copy of the frame that trainings read is what was published."""
    return publish.verify(copy / "home", None, "") == []


def curve_is_drawn(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the screens skip what is broken of a loss curve."""
    progress.newest_loss_curve(copy / "home")
    return True


def reads_the_same(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that all readers of predictions and signals get what was written."""
    path = trial.target(root / "home")
    return bool(readings(copy / path.relative_to(root)) == readings(path))


def readings(path: Path) -> Any:
    """Return what each reader of a Parquet file gets."""
    if "signals" in path.parts:
        chunks = [part.tolist() for part in predictions.load_signal_chunks(path, 20)]
        return ends.content(path), chunks
    parts = [(part.boxes.tolist(), part.fps) for part in predictions.load_chunks(path, 20)]
    return ends.content(path), parts, predictions.load_threshold(path)


def is_relabelled(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the clip's labels are as before, and that learning from reviews goes on."""
    laps.learn(copy)
    return catalog_is_whole(root, copy, trial)


def is_as_old(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that maintenance finds the recordings as old as before."""
    maintain.maintain(copy / "home", 0)
    states = [retention.load(Workspace(place / "home").retention_file) for place in (root, copy)]
    return states[0] is not None and states[1] is not None and states[0].births == states[1].births


def is_read_by_nobody(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that a whole lap goes on beside the file."""
    laps.collect(copy)
    laps.publish_accepted(copy)
    return True


def open_index(root: Path) -> None:
    """Open the index of the newest version as a training does."""
    workspace = Workspace(root / "home")
    datasets.open_index(workspace.dataset_dir(datasets.names(workspace)[-1]), "train")


HARMLESS = OF_CAMERAS | {
    ("catalog", "any"): Reason(
        "the catalog is an index: opening it takes in again what the files tell", catalog_is_whole
    ),
    ("generation of the catalog", "any"): Reason(
        "a hint that the catalog is behind: where it is broken the files are looked at again",
        catalog_is_whole,
    ),
    ("source of a recording", "any"): Reason(
        "it only saves reading a source again, which is fetched once by its content",
        is_fetched_once,
    ),
    ("index of a recording", "any"): Reason(
        "it is a copy of what the recording tells, and is built again", is_built_again
    ),
    ("predictions", "flip"): Reason("it reads the same, as its digest proves", reads_the_same),
    ("predictions on a clip", "flip"): Reason(
        "it reads the same, as its digest proves", reads_the_same
    ),
    ("signal", "flip"): Reason("it reads the same, as its digest proves", reads_the_same),
    ("predictions on a clip", "remove"): Reason(
        "the labels are made from it; whoever needs it again runs the labeller again",
        is_relabelled,
    ),
    ("frame", "flip"): Reason(
        "one bit changes a few pixels; trainings read the copy on the server, whose digest is kept",
        is_not_trained_on,
    ),
    ("verdict that waits", "remove"): Reason(
        "nothing else knows of it yet, but its task is there: a person is asked again",
        is_asked_again,
    ),
    ("number of edits", "any"): Reason(
        "a lower bound that tells nothing where it is broken: the edits are read as before",
        edits_are_read,
    ),
    ("questions", "any"): Reason(
        "where they cannot be read they are computed again from the labels",
        is_made_again(ask_again),
    ),
    ("users", "remove"): Reason("nobody signs in until users are added", nobody_signs_in),
    ("index of a manifest", "remove"): Reason(
        "opening it writes it again from the manifest", is_made_again(open_index)
    ),
    ("curve of a training", "any"): Reason(
        "it is drawn on a screen and decides nothing", curve_is_drawn
    ),
    ("calibration", "remove"): Reason(
        "the weekly calibration makes it again from the reviews", is_made_again(laps.learn)
    ),
    ("skills of labellers", "remove"): Reason(
        "the weekly calibration makes it again from the reviews", is_made_again(laps.learn)
    ),
    ("evaluations of hits", "remove"): Reason(
        "the weekly calibration makes it again from the reviews", is_made_again(laps.learn)
    ),
    ("traceback", "any"): Reason("people read it, programs do not", is_read_by_nobody),
    ("names of cameras", "remove"): Reason(
        "names may be erased at any time: recordings and clips keep their codes", catalog_is_whole
    ),
    ("time of maintenance", "remove"): Reason(
        "the next maintenance takes the times of the recordings again", is_as_old
    ),
}
"""Damages that no command names, by kind and damage."""


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
