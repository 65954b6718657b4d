"""Recordings in the workspace, known by their content; the longer one takes its part's place.

A recording's note, `videos/<camera>/<id>.source`, holds digests of the sources it came from: of
their state, by which an unchanged source is not read again, and of their place, by which one that
has grown is known. They are digests, because a URL may hold secrets that must not lie in a file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from oneclick.catalog import Catalog
from oneclick.core import ids
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput
from oneclick.storage import cards, files, locks, sealed_files
from oneclick.storage.workspace import Workspace
from oneclick.video import index_files

MOST_KEYS = 64
"""Lines of a note that stay when another source is added."""
_PLACE = "place "
_HEADER = 16 << 10
"""Bytes at the start that a recorder may write anew when it ends a recording."""
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class SourceKeys:
    """Digests by which a recording is known before its content is read."""

    state: str
    """Of its place, size and time, and of the arguments that it is fetched with."""
    place: str


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """`videos/<camera>/.<id>.whole.json`: a recording that takes the place of a part of it."""

    part: Video
    whole: Video


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What became of a recording."""

    video: Video
    is_new: bool = True
    note: str = ""
    """A sentence about a part of it that is there, or a whole of which it is a part."""


class VideoRegistry:
    """The recordings of a workspace, by their sources and by their content."""

    def __init__(self, workspace: Workspace, catalog: Catalog) -> None:
        self.workspace, self.catalog = workspace, catalog
        self._ids_by_state: dict[str, str] = {}
        self._ids_by_place: dict[str, set[str]] = {}
        with locks.hold_recordings(workspace):
            for path in sorted((workspace.home / "videos").glob("*/.*.whole.json")):
                self._finish(path)
            for path in (workspace.home / "videos").glob("*/.*.whole.*"):
                path.unlink()  # of a process that was killed before it had a plan
        for video in catalog.videos():
            for line in _read_keys(self._note(video)):
                self._remember(video.id, line)

    def id_of_state(self, state: str) -> str | None:
        """Return the Video that an unchanged source became."""
        return self._ids_by_state.get(state)

    def add_source(self, video: Video, keys: SourceKeys) -> None:
        """Remember that a Video came from a source. Raises as `files.write_atomic`."""
        path, lines = self._note(video), [keys.state, _PLACE + keys.place]
        others = [line for line in _read_keys(path) if line not in lines]
        files.write_atomic(path, "\n".join([*others[-MOST_KEYS:], *lines]) + "\n")
        for line in lines:
            self._remember(video.id, line)

    def register(self, video: Video, temporary: Path, place: str) -> Registration:
        """Move a file into place, write its card and its row; in this order, so that a row is true.

        A recording of the same camera and start gets a digest at the end of its id. A part of this
        one, in that place or of that camera and start, is replaced where nothing depends on it; a
        part of another one is not added. Where nobody knows the start, what goes on from a part
        that stays has its id with a digest at the end: the two began at the same time.

        Args:
            video: with the id that no other recording may have.
            temporary: its file.
            place: digest of the place of its source.

        Raises:
            BadInput: the card of an earlier recording is broken. NoSpace, Unavailable.
        """
        size = temporary.stat().st_size
        with locks.hold_recordings(self.workspace):
            note = ""
            for other in self._near(video, place):
                path = self._file(other)
                if not path.exists():  # removed after its days: nothing to compare with
                    continue
                if path.stat().st_size >= size and _is_beginning(temporary, path):
                    note = f"it is the beginning of {other.id}, which is there already"
                    return Registration(video=other, is_new=False, note=note)
                if path.stat().st_size < size and _is_beginning(path, temporary):
                    if not self._is_used(other):
                        return self._replace(other, video, temporary)
                    note = f"it is longer than {other.id}, on which predictions or clips depend"
                    if (
                        other.camera == video.camera
                        and video.started_at is other.started_at is None
                    ):
                        start_key = ids.start_key(other.id, other.camera)
                        first_id = f"{other.camera}-{start_key}"
                        video = replace(video, id=ids.video_id_beside(first_id, video.digest))
            video = self._with_free_id(video)
            card, file = self.workspace.video_card(video.camera, video.id), self._file(video)
            if not card.exists() or not file.exists():
                with files.guard(file):
                    files.flush(temporary)
                    temporary.replace(file)
                cards.save_video_card(self.workspace, video)
            is_new = self.catalog.add_video(video)
        return Registration(video=video, is_new=is_new, note=note)

    def _with_free_id(self, video: Video) -> Video:
        """Return the Video as its card describes it, or under an id that no other one has."""
        for video_id in (video.id, ids.video_id_beside(video.id, video.digest)):
            card = self.workspace.video_card(video.camera, video_id)
            if not card.exists():
                return replace(video, id=video_id)
            existing = cards.load_video_card(card)
            if existing.digest == video.digest:
                return existing
        raise BadInput(f"{video_id} is taken by another recording: give this one another camera")

    def _near(self, video: Video, place: str) -> list[Video]:
        """Return the recordings of that place, and those of the same camera and start."""
        near = {v.id: v for v in self.catalog.videos_from(video.camera, video.started_at)}
        for video_id in self._ids_by_place.get(place, set()) - near.keys():
            near[video_id] = self.catalog.video(video_id)
        return [near[video_id] for video_id in sorted(near)]

    def _is_used(self, video: Video) -> bool:
        """Check whether anything in files or catalog depends on a recording."""
        folders = (
            self.workspace.signals_dir(video.id),
            self.workspace.home / "predictions" / video.id,
        )
        is_in_files = self.workspace.hits(video.id).exists() or any(map(Path.exists, folders))
        return is_in_files or self.catalog.is_used(video.id)

    def _replace(self, part: Video, whole: Video, temporary: Path) -> Registration:
        """Stage the whole recording beside its part; what is staged is finished, now or later."""
        if part.camera == whole.camera and part.started_at == whole.started_at is not None:
            whole = replace(whole, id=part.id)
        staged = self._staged(whole)
        with files.guard(staged):
            files.flush(temporary)
            temporary.replace(staged)
        intent = _intent(self.workspace, whole)
        sealed_files.write(intent, Replacement(part=part, whole=whole))
        self._finish(intent)
        if part.id != whole.id:
            for video_ids in self._ids_by_place.values():
                video_ids.discard(part.id)
        note = f"{whole.id} takes the place of {part.id}, a part of it"
        return Registration(video=whole, note=note)

    def _finish(self, intent: Path) -> None:
        """Put a staged recording in the place of its part; each step may have been done before."""
        plan: Replacement = sealed_files.read(intent, Replacement)
        part, whole, file = plan.part, plan.whole, self._file(plan.whole)
        if self._staged(whole).exists():
            with files.guard(file):
                self._staged(whole).replace(file)
        cards.save_video_card(self.workspace, whole)
        is_replaced = self.catalog.replace_part(part, whole)
        with files.guard(intent):
            if is_replaced and part.id != whole.id:
                self.workspace.video_card(part.camera, part.id).unlink(missing_ok=True)
                self._note(part).unlink(missing_ok=True)
            if is_replaced and self._file(part) != file:
                self._file(part).unlink(missing_ok=True)
                index_files.remove_orphans(self._file(part).parent)
            intent.unlink()

    def _file(self, video: Video) -> Path:
        return self.workspace.video_file(video)

    def _staged(self, video: Video) -> Path:
        return self._file(video).with_name(f".{video.id}.whole{video.suffix}")

    def _note(self, video: Video) -> Path:
        return self.workspace.video_card(video.camera, video.id).with_suffix(".source")

    def _remember(self, video_id: str, line: str) -> None:
        if line.startswith(_PLACE):
            self._ids_by_place.setdefault(line.removeprefix(_PLACE), set()).add(video_id)
        else:
            self._ids_by_state[line] = video_id


def _intent(workspace: Workspace, whole: Video) -> Path:
    return workspace.video_card(whole.camera, whole.id).with_name(f".{whole.id}.whole.json")


def _read_keys(note: Path) -> list[str]:
    """Return the lines of a note; without one the source is only read again."""
    try:
        return note.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _is_beginning(part: Path, whole: Path) -> bool:
    """Check whether a file begins as another one does, apart from the header of a large one."""
    size = part.stat().st_size
    start = _HEADER if size > 4 * _HEADER else 0
    with part.open("rb") as left, whole.open("rb") as right:
        # The last bytes first: there most others differ.
        for offset in (max(start, size - 4096), start):
            left.seek(offset)
            right.seek(offset)
            while chunk := left.read(_CHUNK):
                if right.read(len(chunk)) != chunk:
                    return False
    return True
