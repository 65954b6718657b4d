"""A whole lap without Prefect, and ways to kill it: `python tests/laps.py HOME VIDEO [DEATH…]`.

Each DEATH is the number of an atomic act (a rename or a catalog transaction). One attempt of the
lap is made for each, in a forked child that kills itself with SIGKILL just before that act; a last
attempt is left in peace and prints its acts.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from oneclick import settings
from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.stages import autolabel, cut, extract, fetch, predict, publish, review, train, trigger
from oneclick.storage import files

CLASSES = ("person",)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""When labels are made: their bytes, and so the name of the dataset, hold it."""
PREDICTOR = "opencv:motion"
CHOICE = trigger.TriggerOptions(min_clips=4, clip_seconds=1.0, gap=0.5)


def standing(home: Path, stage: ClipStage) -> list[str]:
    """Clips at one stage."""
    with Catalog.open(home) as catalog:
        return [row.clip.id for row in catalog.clips(stage=stage)]


def lap(home: Path, video: Path, steps: int = 2) -> BatchResult:
    """Every stage once, in the order of the street; what failed on the way."""
    result = fetch.fetch(home, [str(video)], camera="ward")
    with Catalog.open(home) as catalog:
        videos = [recording.id for recording in catalog.videos()]
    result.add(predict.predict(home, videos, PREDICTOR, CLASSES))
    trigger.trigger(home, PREDICTOR, None, CHOICE)
    result.add(cut.cut(home, "lap"))
    result.add(extract.extract(home, standing(home, ClipStage.CUT)))
    extracted_ids = standing(home, ClipStage.EXTRACTED)
    result.add(autolabel.autolabel(home, extracted_ids, [PREDICTOR], CLASSES, at=NOON))
    result.add(review.send(home, standing(home, ClipStage.LABELLED)))
    result.add(review.accept_auto(home, standing(home, ClipStage.IN_REVIEW)))
    result.add(review.collect(home))
    server = str(home / "training-server")
    accepted = standing(home, ClipStage.ACCEPTED)
    result.add(publish.publish(home, accepted, server, CLASSES).result)
    values = {"server": server, "steps": steps, "batch": 2, "min_test_images": 1}
    train.train(home, None, settings.load(train=values).train_options())
    files.sweep(home)
    return result


def count_acts(die_at: int | None) -> list[str]:
    """Number every atomic act of this process from now on; die just before act `die_at`."""
    acts: list[str] = []

    def seen(act: str) -> None:
        if len(acts) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        acts.append(act)

    for owner, name in [(Path, "rename"), (Path, "replace"), (os, "replace"), (os, "link")]:
        _watch(owner, name, seen)
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "commit", lambda connection: seen("commit"))
    return acts


def _watch(owner: object, name: str, callback: object) -> None:
    real = getattr(owner, name)

    def watched(*arguments: object, **options: object) -> object:
        callback(f"{name} {arguments[-1]}")  # type: ignore[operator]
        return real(*arguments, **options)

    setattr(owner, name, watched)


def attempt(home: Path, video: Path, die_at: int | None) -> int:
    """One attempt in a forked child; its wait status. Undisturbed, it prints its acts."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    acts = count_acts(die_at)
    failed = lap(home, video).failed
    if die_at is None:
        sys.stdout.write("\n".join(acts))
    sys.stdout.flush()
    os._exit(3 if failed else 0)


if __name__ == "__main__":
    home, video = Path(sys.argv[1]), Path(sys.argv[2])
    for death in map(int, sys.argv[3:]):
        status = attempt(home, video, death)
        # A lap that has fewer acts left than `death` simply ends.
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    raise SystemExit(os.waitstatus_to_exitcode(attempt(home, video, None)))
