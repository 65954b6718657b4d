"""The checks of `oneclick doctor`; none of them changes anything."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from oneclick.core.errors import OneclickError
from oneclick.settings import Settings

LEAST_FREE_GB = 5.0
MOST_WAITING = 3
"""Complete segments of an edge camera that may wait while all is well."""


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check."""

    name: str
    ok: bool
    detail: str
    """What the check saw, and the remedy where it failed."""


def run_checks(settings: Settings) -> list[CheckResult]:
    """Run every check, in order; one that raises counts as failed, with the error as its detail."""
    results = []
    for name, check in CHECKS.items():
        try:
            results.append(check(settings))
        except (OneclickError, ImportError, OSError, RuntimeError) as error:
            results.append(CheckResult(name, False, str(error).splitlines()[0]))
    return [*results, *check_plugins()]


def check_plugins() -> list[CheckResult]:
    """Load every plug-in of other packages; return a row for each."""
    from oneclick import detectors, formats, platforms, triggers
    from oneclick.tui import panel_plugins

    modules = (triggers, detectors.kinds, platforms, formats, panel_plugins)
    return [
        CheckResult(
            "plug-in",
            failure is None,
            str(failure or f"{plugin}: loads").removeprefix("plug-in "),
        )
        for module in modules
        for plugin, failure in module.GROUP.check()
    ]


def _existing_parent(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def check_workspace(settings: Settings) -> CheckResult:
    """Check whether the workspace, or the folder to create it in, can be written."""
    folder = _existing_parent(settings.home)
    ok = folder.is_dir() and os.access(folder, os.W_OK)
    state = "there" if settings.home.exists() else "will be made by the first run"
    remedy = "" if ok else f"; {folder} cannot be written: set --home or ONECLICK_HOME"
    if ok and settings.home.exists() and settings.home.stat().st_mode & stat.S_IRWXO:
        path = settings.home.absolute()
        remedy = f"; every user of this machine can read its video: chmod 700 {path}"
    return CheckResult("workspace", ok, f"{settings.home.absolute()}: {state}{remedy}")


def check_disk(settings: Settings) -> CheckResult:
    """Check whether the disk of the workspace has at least `LEAST_FREE_GB` free."""
    free = shutil.disk_usage(_existing_parent(settings.home)).free / 1e9
    ok = free >= LEAST_FREE_GB
    remedy = "" if ok else f"; free at least {LEAST_FREE_GB:.0f} GB or lower retain_raw_days"
    return CheckResult("disk", ok, f"{free:.0f} GB free{remedy}")


def check_catalog(settings: Settings) -> CheckResult:
    """Check whether the catalog opens, if there is one yet."""
    from oneclick.catalog import Catalog
    from oneclick.storage.workspace import Workspace

    workspace = Workspace(settings.home)
    if not (workspace.catalog_file.exists() or workspace.generation_file.exists()):
        return CheckResult("catalog", True, "none yet; the first run makes it")
    with Catalog.open(settings.home, readonly=True) as catalog:
        total, is_behind = sum(catalog.counts().values()), catalog.is_behind
    if is_behind:
        return CheckResult("catalog", False, "is older than the files; oneclick catalog verify")
    return CheckResult("catalog", True, f"opens; {total} clips")


def check_video(settings: Settings) -> CheckResult:
    """Check whether PyAV decodes H.264 and encodes with libx264."""
    import av

    encoder = "libx264" in av.codecs_available
    ok = "h264" in av.codecs_available and encoder
    return CheckResult(
        "video", ok, f"PyAV {av.__version__}, libx264 {'there' if encoder else 'missing'}"
    )


def check_detectors(settings: Settings) -> CheckResult:
    """Check whether the predictor, its rival and all labellers load."""
    from oneclick import detectors
    from oneclick.flows import models
    from oneclick.storage.workspace import Workspace

    names = [models.predictor(settings), models.rival(settings), *models.labellers(settings)]
    unique = list(dict.fromkeys(name for name in names if name))
    for name in unique:
        detectors.create(name, Workspace(settings.home))
    return CheckResult("detectors", True, f"load: {', '.join(unique)}")


def check_review(settings: Settings) -> CheckResult:
    """Check whether the review platform answers, without retries."""
    from oneclick.platforms.registry import open_platform
    from oneclick.storage.workspace import Workspace

    platform = open_platform(settings.review_platform(), Workspace(settings.home), patient=False)
    return CheckResult("review", True, platform.check())


def check_review_pages(settings: Settings) -> CheckResult:
    """Check who may sign in to the review pages, how they are reached, and their audit log."""
    from oneclick.platforms.local.options import of_section
    from oneclick.storage.workspace import Workspace
    from oneclick.web import page_checks

    options = settings.review_platform("local").section
    return CheckResult(
        "review pages", True, page_checks.check(Workspace(settings.home), of_section(options))
    )


def check_live(settings: Settings) -> CheckResult:
    """Check whether the live cameras of the settings answer; of those that run, the state does."""
    if not settings.live.cameras:
        return CheckResult("live cameras", True, "none set")
    from oneclick.cli import live
    from oneclick.live import probing

    answers = probing.probe_all(settings.home, live.plan_cameras(settings, []))
    detail = "; ".join(f"{camera}: {answer.detail}" for camera, answer in answers.items())
    return CheckResult("live cameras", all(answer.ok for answer in answers.values()), detail)


def check_edge(settings: Settings) -> CheckResult:
    """Report what edge cameras sent that was not taken, and check that what waits is taken in."""
    from oneclick import report

    rows = report.edge_cameras(settings.home)
    if not rows:
        return CheckResult("edge cameras", True, "none; oneclick edge token CAMERA admits one")
    waiting, broken = sum(row.waiting for row in rows), sum(row.broken for row in rows)
    trouble = sum(row.trouble for row in rows)
    text = f"{sum(bool(row.camera) for row in rows)} cameras, {waiting} segments wait"
    if trouble:
        text += f"; {trouble} pictures or requests not taken: oneclick edge list"
    if broken:
        text += f"; {broken} segments are broken: see {settings.home}/intake/*/broken"
    if waiting > MOST_WAITING * len(rows):
        text += "; nothing takes them in: oneclick edge work"
    return CheckResult("edge cameras", not broken and waiting <= MOST_WAITING * len(rows), text)


def check_training(settings: Settings) -> CheckResult:
    """Check whether the networks to train are there; report the device of trainings here."""
    import torch

    from oneclick.detectors import networks

    for arch in (settings.train.model, *settings.train.labellers):
        networks.plan(arch, settings.classes)
    if torch.cuda.is_available():
        return CheckResult(
            "training", True, f"torch {torch.__version__} on {torch.cuda.get_device_name()}"
        )
    return CheckResult(
        "training", True, f"torch {torch.__version__} on {torch.get_num_threads()} CPU threads"
    )


def check_orchestration(settings: Settings) -> CheckResult:
    """Check whether the Prefect server of PREFECT_API_URL answers, if one is set."""
    from importlib.metadata import version

    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return CheckResult(
            "orchestration", True, f"prefect {version('prefect')}, its own embedded server"
        )
    import httpx

    answer = httpx.get(f"{url.rstrip('/')}/health", timeout=3)
    ok = answer.status_code == 200
    return CheckResult(
        "orchestration", ok, f"prefect {version('prefect')}, {url} answers {answer.status_code}"
    )


def check_wandb(settings: Settings) -> CheckResult:
    """Report whether trainings are logged to Weights & Biases."""
    if os.environ.get("WANDB_API_KEY"):
        return CheckResult("W&B", True, "key set: trainings are logged online")
    return CheckResult("W&B", True, "no WANDB_API_KEY: trainings are logged to metrics.jsonl only")


def check_mail(settings: Settings) -> CheckResult:
    """Check whether the mail server of the alerts signs us in; nothing is sent."""
    from oneclick.services import mail

    options = settings.alerts.mail
    if not options.to:
        return CheckResult("mail", True, "alerts.mail.to is empty: no alert is mailed")
    mail.check(options)
    people = "person" if len(options.to) == 1 else "people"
    return CheckResult("mail", True, f"{options.server} answers; {len(options.to)} {people}")


CHECKS: dict[str, Callable[[Settings], CheckResult]] = {
    "workspace": check_workspace,
    "disk": check_disk,
    "catalog": check_catalog,
    "video": check_video,
    "detectors": check_detectors,
    "review": check_review,
    "review pages": check_review_pages,
    "live cameras": check_live,
    "edge cameras": check_edge,
    "mail": check_mail,
    "training": check_training,
    "orchestration": check_orchestration,
    "W&B": check_wandb,
}
"""The checks by name, in the order in which they run."""
