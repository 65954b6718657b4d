"""Names of cameras in ids: readable, or a code whose name stands in `cameras.json` alone.

The file is readable by its owner only. Erasing a name there leaves the code, which says nothing.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from oneclick.core import ids
from oneclick.core.errors import UnknownName
from oneclick.core.person_names import looks_like_person
from oneclick.storage import files, locks, sealed_files
from oneclick.storage.workspace import Workspace

CodePolicy = Literal["always", "auto", "never"]
"""Which cameras get codes: all, those whose name looks like a person's, or none."""

_SOURCE = "hidden-source-"


class CameraName(msgspec.Struct, frozen=True, kw_only=True):
    """The readable name behind a code."""

    folder: str
    """Name by which recordings come; empty once it is erased."""
    name: str
    """Name on screens; empty once it is erased."""


class _CamerasFile(msgspec.Struct, kw_only=True):
    cameras: dict[str, CameraName] = {}
    sources: dict[str, str] = {}
    """Paths and URLs that look like a person's name, by the code that stands for them."""
    spellings: dict[str, str] = {}
    """Names with letters beyond a-z, by the camera that they became first."""


def load(workspace: Workspace) -> dict[str, CameraName]:
    """Return the names by code, in order of the codes.

    Raises:
        BadInput: the file is broken.
    """
    return dict(sorted(_read(workspace).cameras.items()))


def in_live_use(workspace: Workspace) -> set[str]:
    """Return the cameras that have recordings or have run live: these go on as they are called."""
    folders = (workspace.home / name for name in ("videos", "live"))
    return {path.name for folder in folders for path in folder.glob("*/")}


def camera_of(
    workspace: Workspace,
    text: str,
    cameras_in_use: Collection[str],
    policy: CodePolicy = "auto",
    is_typed: bool = False,
) -> str:
    """Return the camera for ids and paths: a code, or the name in their characters.

    Args:
        workspace: that remembers the name behind the code.
        text: name of a folder or file, or one that somebody typed.
        cameras_in_use: cameras that have recordings; these go on as they are called.
        policy: which cameras get codes.
        is_typed: the name was typed, and may be a code.

    Raises:
        BadInput: `cameras.json` is broken. NoSpace, Unavailable: it cannot be written.
    """
    text = unicodedata.normalize("NFC", os.fsencode(text).decode("utf-8", "backslashreplace"))
    document = _read(workspace)
    by_folder = {name.folder: code for code, name in document.cameras.items() if name.folder}
    if text in by_folder:
        return by_folder[text]
    plain = ids.camera_name(text)
    if plain in document.cameras and is_typed:
        return plain
    camera = _own_name(document, text, cameras_in_use)
    has_letters = any(letter.isalpha() for letter in text)
    is_lost = plain == ids.NO_NAME and has_letters and text.lower() != plain
    needs_code = policy == "always" or looks_like_person(text) or is_lost
    is_in_use = camera in cameras_in_use or (is_typed and plain in cameras_in_use)
    if camera in document.cameras or (needs_code and policy != "never" and not is_in_use):
        return _add(workspace, text, cameras_in_use)
    if is_typed and plain in cameras_in_use:
        return plain
    is_transliterated = plain != ids.untransliterated_name(text)
    if camera == plain and is_transliterated and plain not in document.spellings:
        _remember_spelling(workspace, plain, ids.spelling(text))
    return camera


def typed_cameras(workspace: Workspace, names: Sequence[str], policy: CodePolicy) -> list[str]:
    """Return the cameras that the settings call by these names. Raises as `camera_of`."""
    in_use = in_live_use(workspace)
    return [camera_of(workspace, name, in_use, policy, is_typed=True) for name in names]


def _own_name(document: _CamerasFile, text: str, cameras_in_use: Collection[str]) -> str:
    """Return a camera's name in the characters of ids, which no camera with other letters has."""
    plain, spelling = ids.camera_name(text), ids.spelling(text)
    earlier = ids.untransliterated_name(text)
    is_name = re.search("[a-z]", earlier) and earlier not in (plain, ids.NO_NAME)
    if is_name and earlier in cameras_in_use:
        return earlier
    owner = document.spellings.get(plain)
    is_free = plain not in cameras_in_use or plain == earlier
    owner = document.spellings.get(plain, spelling if is_free else "")
    return plain if owner == spelling else ids.with_digest(plain, spelling)


def hide_sources(workspace: Workspace, sources: Sequence[str], policy: CodePolicy) -> list[str]:
    """Replace the sources whose path looks like a person's name by codes.

    Flow parameters stand in the database of Prefect, which may be on another machine.
    """
    if policy == "never":
        return list(sources)
    return [_hide(workspace, source) if _has_name(source) else source for source in sources]


def reveal_sources(workspace: Workspace, sources: Sequence[str]) -> list[str]:
    """Return the sources that `hide_sources` replaced.

    Raises:
        UnknownName: the name behind a code was erased.
    """
    paths = _read(workspace).sources
    for source in sources:
        if source.startswith(_SOURCE) and source not in paths:
            raise UnknownName("hidden source", source, list(paths))
    return [paths.get(source, source) for source in sources]


def rename(workspace: Workspace, code: str, name: str) -> None:
    """Change the name on screens.

    Raises:
        UnknownName: no camera has this code.
    """
    with locks.file_lock(_lock(workspace)):
        document = _with(workspace, code)
        names = document.cameras
        names[code] = msgspec.structs.replace(names[code], name=name)
        _save(workspace, document)


def erase(workspace: Workspace, code: str) -> None:
    """Erase the name behind a code for ever; recordings of that folder get another code.

    Raises:
        UnknownName: no camera has this code.
    """
    with locks.file_lock(_lock(workspace)):
        document = _with(workspace, code)
        folder = document.cameras[code].folder
        document.cameras[code] = CameraName(folder="", name="")
        remaining = {key: path for key, path in document.sources.items() if folder not in path}
        document.sources = remaining
        _save(workspace, document)


def _add(workspace: Workspace, text: str, cameras_in_use: Collection[str]) -> str:
    """Give a name the next code, unless another process did."""
    with locks.file_lock(_lock(workspace)):
        document = _read(workspace)
        names = document.cameras
        for code, name in names.items():
            if name.folder == text:
                return code
        numbers = range(1, len(names) + len(cameras_in_use) + 2)
        codes = (f"cam{number:02d}" for number in numbers)
        code = next(code for code in codes if code not in names and code not in cameras_in_use)
        names[code] = CameraName(folder=text, name=text)
        _save(workspace, document)
        return code


def _remember_spelling(workspace: Workspace, camera: str, spelling: str) -> None:
    """Write down which name became a camera, so that another one gets a name of its own."""
    with locks.file_lock(_lock(workspace)):
        document = _read(workspace)
        document.spellings.setdefault(camera, spelling)
        _save(workspace, document)


def _hide(workspace: Workspace, source: str) -> str:
    with locks.file_lock(_lock(workspace)):
        document = _read(workspace)
        for code, path in document.sources.items():
            if path == source:
                return code
        code = f"{_SOURCE}{secrets.token_hex(4)}"
        document.sources[code] = source
        _save(workspace, document)
        return code


def _has_name(source: str) -> bool:
    return any(looks_like_person(part) for part in source.split("/"))


def _read(workspace: Workspace) -> _CamerasFile:
    path = workspace.cameras_file
    if not path.exists():
        return _CamerasFile()
    document: _CamerasFile = sealed_files.read(path, _CamerasFile)
    return document


def _with(workspace: Workspace, code: str) -> _CamerasFile:
    document = _read(workspace)
    if code not in document.cameras:
        raise UnknownName("camera with a code", code, list(document.cameras))
    return document


def _save(workspace: Workspace, document: _CamerasFile) -> None:
    with files.atomic_file(workspace.cameras_file) as temporary, files.guard(temporary):
        temporary.touch(stat.S_IRUSR | stat.S_IWUSR)
        temporary.write_bytes(sealed_files.encode(document))


def _lock(workspace: Workspace) -> Path:
    return workspace.locks_dir / "cameras"
