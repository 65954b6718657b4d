"""Which models predict and which label: the settings' word, or what is there."""

from __future__ import annotations

from oneclick.io.workspace import Workspace
from oneclick.settings import Settings

BOOTSTRAP = "opencv:hog"
"""Predicts and labels where no champion serves yet."""


def predictor(conf: Settings) -> str:
    """As set, else the champion, else the detector that needs no download."""
    if conf.detect.predictor != "auto":
        return conf.detect.predictor
    crowned = Workspace(conf.home).champion_file.exists()
    return "model:champion" if crowned else BOOTSTRAP


def labellers(conf: Settings) -> list[str]:
    """Best first: as set, else the predictor, the bootstrap detector and the rival."""
    default = [predictor(conf), BOOTSTRAP, conf.detect.rival]
    return list(dict.fromkeys(conf.detect.labellers or filter(None, default)))
