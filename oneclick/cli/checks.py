"""What `oneclick doctor` looks at: harmless looks, no change to anything."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from oneclick.core.errors import OneclickError
from oneclick.settings import Settings

LEAST_FREE_GB = 5.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    name: str
    ok: bool
    detail: str
    """What was found, and the remedy if it is not good."""


def all_checks(settings: Settings) -> list[Finding]:
    """Every check, in order; a check that breaks is itself a finding."""
    checks: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("workspace", _workspace),
        ("disk", _disk),
        ("catalog", _catalog),
        ("video", _video),
        ("detectors", _detectors),
        ("review", _review),
        ("training", _training),
        ("orchestration", _orchestration),
        ("W&B", _wandb),
    ]
    return [_guarded(name, check, settings) for name, check in checks]


def _guarded(name: str, check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except (OneclickError, ImportError, OSError, RuntimeError) as error:
        return Finding(name, False, str(error).splitlines()[0])


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def _workspace(settings: Settings) -> Finding:
    import os

    where = _existing(settings.home)
    ok = where.is_dir() and os.access(where, os.W_OK)
    state = "there" if settings.home.exists() else "will be made by the first run"
    remedy = "" if ok else f"; {where} cannot be written: set --home or ONECLICK_HOME"
    return Finding("workspace", ok, f"{settings.home.absolute()}: {state}{remedy}")


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(_existing(settings.home)).free / 1e9
    ok = free >= LEAST_FREE_GB
    remedy = "" if ok else f"; free at least {LEAST_FREE_GB:.0f} GB or lower retain_raw_days"
    return Finding("disk", ok, f"{free:.0f} GB free{remedy}")


def _catalog(settings: Settings) -> Finding:
    from oneclick.catalog import Catalog
    from oneclick.storage.workspace import Workspace

    if not Workspace(settings.home).catalog_file.exists():
        return Finding("catalog", True, "none yet; the first run makes it")
    with Catalog.open(settings.home, readonly=True) as catalog:
        total = sum(catalog.counts().values())
    return Finding("catalog", True, f"opens; {total} clips")


def _video(settings: Settings) -> Finding:
    import av

    codecs = {"h264", "hevc", "mjpeg"} & av.codecs_available
    encoder = "libx264" in av.codecs_available
    ok = "h264" in codecs and encoder
    return Finding(
        "video", ok, f"PyAV {av.__version__}, libx264 {'there' if encoder else 'missing'}"
    )


def _detectors(settings: Settings) -> Finding:
    from flows import models
    from oneclick import detectors
    from oneclick.storage.workspace import Workspace

    names = [models.predictor(settings), models.rival(settings), *models.labellers(settings)]
    wanted = list(dict.fromkeys(name for name in names if name))
    for name in wanted:
        detectors.create(name, Workspace(settings.home))
    return Finding("detectors", True, f"load: {', '.join(wanted)}")


def _review(settings: Settings) -> Finding:
    from oneclick.platforms.registry import open_platform
    from oneclick.storage.workspace import Workspace

    there = open_platform(settings.reviewers(), Workspace(settings.home), patient=False)
    return Finding("review", True, there.check())


def _training(settings: Settings) -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding(
            "training", True, f"torch {torch.__version__} on {torch.cuda.get_device_name()}"
        )
    return Finding(
        "training", True, f"torch {torch.__version__} on {torch.get_num_threads()} CPU threads"
    )


def _orchestration(settings: Settings) -> Finding:
    import os
    from importlib.metadata import version

    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return Finding(
            "orchestration", True, f"prefect {version('prefect')}, its own embedded server"
        )
    import httpx

    answer = httpx.get(f"{url.rstrip('/')}/health", timeout=3)
    ok = answer.status_code == 200
    return Finding(
        "orchestration", ok, f"prefect {version('prefect')}, {url} answers {answer.status_code}"
    )


def _wandb(settings: Settings) -> Finding:
    import os

    if os.environ.get("WANDB_API_KEY"):
        return Finding("W&B", True, "key set: trainings are logged online")
    return Finding("W&B", True, "no WANDB_API_KEY: trainings are logged to metrics.jsonl only")
