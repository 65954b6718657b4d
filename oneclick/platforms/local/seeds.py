"""Errors put into a share of the clips that are sent, each in a file beside its task.

    review/seeded/<clip>.json

The task holds the labels as they are; the error is put into what the reviewer sees, and taken out
again before the labels are accepted.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from oneclick.core.labels import LabelSet
from oneclick.editing import seeded_errors
from oneclick.editing.seeded_errors import SeededError
from oneclick.editing.state import EditState
from oneclick.storage import sealed_files, seeded_outcomes


class _SeedFile(msgspec.Struct, frozen=True, kw_only=True):
    clip: str
    task: str
    """Digest of the task that the error was drawn for; it is put into no other."""
    error: SeededError


def digest(content: bytes, error: SeededError | None = None) -> str:
    """Return a short digest of a task as it is shown: its content, and the error in it."""
    shown = content + msgspec.json.encode(error) if error else content
    return hashlib.sha256(shown).hexdigest()[:16]


def plant(root: Path, label_set: LabelSet, content: bytes, fps: float, share: float) -> None:
    """Draw an error for a share of the tasks, and keep it; call it before the task is written.

    The same task always gets the same error, or none.

    Args:
        root: folder of our own review platform.
        label_set: the labels that are sent.
        content: the task file.
        fps: frames per second of the clip.
        share: of the tasks that get an error, 0 … 1.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    name = digest(content)
    rng = np.random.default_rng(int(name, 16))
    if rng.random() >= share:
        return
    error = seeded_errors.draw_error(EditState.from_labels(label_set, fps, {}), rng)
    if error:
        seed_file = _SeedFile(clip=label_set.clip, task=name, error=error)
        sealed_files.write(_file(root, label_set.clip), seed_file)


def find(root: Path, clip_id: str, content: bytes) -> SeededError | None:
    """Return the error that is put into a task; None where it has none.

    Args:
        root: folder of our own review platform.
        clip_id: the clip.
        content: the task file.

    Raises:
        BadInput: the file of the error is broken.
    """
    path = _file(root, clip_id)
    if not path.exists():
        return None
    seed_file: _SeedFile = sealed_files.read(path, _SeedFile)
    return seed_file.error if seed_file.task == digest(content) else None


def is_seeded(root: Path, clip_id: str) -> bool:
    """Check whether an error was ever drawn for a clip."""
    return _file(root, clip_id).exists()


def show(label_set: LabelSet, error: SeededError | None) -> LabelSet:
    """Return labels as the reviewer sees them."""
    return replace(label_set, tracks=error.put(label_set.tracks)) if error else label_set


def _file(root: Path, clip_id: str) -> Path:
    return root / seeded_outcomes.FOLDER / f"{clip_id}.json"
