"""Which models predict and which label: the settings' word, or what is there."""

from __future__ import annotations

from oneclick.settings import Settings
from oneclick.storage import model_registry
from oneclick.storage.workspace import Workspace

AUTO = "auto"
BOOTSTRAP = "opencv:hog"
"""Predicts where no champion serves yet: people, without a download."""
SECOND = "opencv:motion"
"""Disagrees with the predictor: something moved."""


def predictor(conf: Settings) -> str:
    """As set, else the champion, else the detector that needs no download."""
    if conf.detect.predictor != AUTO:
        return conf.detect.predictor
    crowned = Workspace(conf.home).champion_file.exists()
    return "model:champion" if crowned else BOOTSTRAP


def rival(conf: Settings) -> str | None:
    """As set, else something else than the predictor; None where nobody shall disagree."""
    if conf.detect.rival != AUTO:
        return conf.detect.rival or None
    return None if predictor(conf) == SECOND else SECOND


def labellers(conf: Settings) -> list[str]:
    """Best first: as set, else trained labellers and those that have watched the video already."""
    if conf.detect.labellers:
        return list(conf.detect.labellers)
    workspace = Workspace(conf.home)
    trained = [
        f"labeller:{arch}"
        for arch in conf.train.labellers
        if model_registry.champion(workspace, arch)
    ]
    return [*trained, *(name for name in (predictor(conf), rival(conf)) if name)]
