"""Clips on the training server: what of a clip is not there, and the upload of just that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from pathlib import Path

from oneclick.core.datasets import DatasetClip
from oneclick.services.training_server import ClipCompletion, FileStamp, RemoteFolder
from oneclick.storage import datasets, files, sealed_files

LOOKS_AT_ONCE = 16
"""Clips that are looked at together: a bucket takes a while for each answer."""


def frame_name(frame: int) -> str:
    """Return the path of a picture below the folder of its clip, on the server and here."""
    return f"frames/{frame:06d}.jpg"


def missing_files(remote: RemoteFolder, line: DatasetClip) -> set[str]:
    """Return the files of a clip that the server lacks, or has in another size.

    Costs the completion mark and two lists of names; `oneclick data verify` reads the contents.
    """
    labels_name = datasets.labels_name(line.revision)
    names = {frame_name(k) for k in range(line.frames)} | {labels_name}
    completion = remote.completion(line.clip)
    if completion is None or completion.clip_digest != line.clip_digest:
        return names
    folder = f"clips/{line.clip}"
    sizes = {f"frames/{name}": size for name, size in remote.sizes(f"{folder}/frames").items()}
    stamps, missing = completion.files, set[str]()
    if completion.label_digest == line.label_digest:
        sizes |= remote.sizes(folder)
    else:  # the mark is about another revision, whose labels lie beside those of this one
        names.remove(labels_name)
        content = remote.read(f"{folder}/{labels_name}")
        if content is None or sha256(content).hexdigest() != line.label_digest:
            missing.add(labels_name)
    return missing | {
        name for name in names if name not in stamps or sizes.get(name) != stamps[name].size
    }


def look(
    remote: RemoteFolder, lines: Sequence[DatasetClip]
) -> Iterator[tuple[DatasetClip, set[str]]]:
    """Yield each clip with what `missing_files` returns for it."""
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        yield from zip(lines, pool.map(partial(missing_files, remote), lines), strict=True)


def upload(remote: RemoteFolder, line: DatasetClip, sources: Mapping[str, Path]) -> int:
    """Upload what the server lacks of a clip, its completion mark last; return the files.

    Args:
        remote: the training server.
        line: of the clip in a manifest.
        sources: every file of the clip, by its path below the clip's folder.
    """
    missing, completion = missing_files(remote, line), remote.completion(line.clip)
    is_marked = completion is not None and completion.label_digest == line.label_digest
    if not missing and is_marked:
        return 0
    folder = f"clips/{line.clip}"
    remote.sweep(f"{folder}/frames")
    stamps = {
        name: FileStamp(path.stat().st_size, files.sha256(path)) for name, path in sources.items()
    }
    known = completion.files if completion else {}
    names = [name for name in sources if name in missing or known.get(name) != stamps[name]]
    for name in names:
        remote.put(sources[name], f"{folder}/{name}", stamps[name])
    remote.flush(f"{folder}/{name}" for name in names)
    mark = ClipCompletion(line.clip_digest, line.label_digest, stamps)
    remote.write(f"{folder}/complete.json", sealed_files.encode(mark))
    return len(names)
