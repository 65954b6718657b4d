"""Choice of the models that predict and label, from the settings or from what is available."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oneclick import detectors
from oneclick.core.plugins import PluginFailure
from oneclick.detectors import prompted
from oneclick.settings import Settings
from oneclick.storage import failure_log, model_registry
from oneclick.storage.workspace import Workspace

AUTO = "auto"
BOOTSTRAP = "opencv:hog"
"""Predictor before the first champion: detects people, without a download."""
QUICK_KINDS = ("onnx:", "model:", "labeller:")
"""Beginnings of the names of labellers that predict before the first champion: an ONNX graph takes
less time than BOOTSTRAP (28 ms of CPU a picture for 400) and finds more."""
DEFAULT_RIVAL = "opencv:motion"
"""Default rival of the predictor: detects what moves."""


def predictor(conf: Settings) -> str:
    """Return the predictor: as set, else the champion, else a quick labeller, else BOOTSTRAP."""
    if conf.detect.predictor != AUTO:
        return _with_prompts(conf.detect.predictor, conf)
    if model_registry.has_champion(Workspace(conf.home)):
        return "model:champion"
    others = (name for name in conf.detect.labellers if name != conf.detect.rival)
    return next((name for name in others if name.startswith(QUICK_KINDS)), BOOTSTRAP)


def rival(conf: Settings) -> str | None:
    """Return the rival: as set, else DEFAULT_RIVAL; None if there shall be none, or it predicts."""
    if conf.detect.rival != AUTO:
        return _with_prompts(conf.detect.rival, conf) or None
    return None if predictor(conf) == DEFAULT_RIVAL else DEFAULT_RIVAL


def _with_prompts(name: str, conf: Settings) -> str:
    """Return the name of a detector, of a prompted one with the texts of the settings."""
    return prompted.with_prompts(name, conf.classes, conf.detect.prompts)


def unusable(names: Iterable[str | None], conf: Settings) -> dict[str, str]:
    """Return the plug-ins among detectors that cannot be used, each with its one-line reason.

    Ours are not loaded: what they lack ends the run with their own message.
    """
    workspace, reasons = Workspace(conf.home), {}
    for name in filter(None, names):
        if not detectors.is_own(name):
            try:
                detectors.create(name, workspace, conf.detect.device)
            except PluginFailure as failure:
                reasons[name] = failure_log.record(workspace, name, f"load {name}", failure)
    return reasons


def labellers(conf: Settings, names: Sequence[str] = ()) -> list[str]:
    """Return the labellers, best first: as set, else trained labellers, predictor and rival.

    Args:
        conf: the settings.
        names: in place of those that are set.
    """
    if names := names or conf.detect.labellers:
        return [_with_prompts(name, conf) for name in names]
    workspace = Workspace(conf.home)
    trained = [
        f"labeller:{arch}"
        for arch in conf.train.labellers
        if model_registry.champion(workspace, arch)
    ]
    return [*trained, *(name for name in (predictor(conf), rival(conf)) if name)]
