"""A workspace, a server that plays Encord, and people who work in its web app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from oneclick.core import ids
from oneclick.core.labels import LabelTrack
from oneclick.platforms.base import Offer, PlatformOptions
from oneclick.platforms.encord import convert, schema
from oneclick.platforms.encord.connect import RetryPolicy
from oneclick.platforms.encord.options import EncordOptions
from oneclick.platforms.encord.platform import EncordPlatform
from oneclick.platforms.encord.records import clip_title
from oneclick.storage.workspace import Workspace
from tests.fakes.encord_server import EncordServer
from tests.fakes.encord_world import MAIN, Json, Project

LONG_TIME = "%a, %d %b %Y %H:%M:%S GMT"
"""How times are written in labels: in whole seconds."""
MACHINE, ANNA, BEN = "machine@example.org", "anna@example.org", "ben@example.org"


NewDesk = Callable[..., tuple["Desk", list[Offer]]]
"""A new server and workspace, set up in one of several ways, and two clips to send."""


class Desk:
    """One workspace on one server."""

    def __init__(self, home: Path, server: EncordServer | None = None, **options: Any) -> None:
        self.home, self.workspace = home, Workspace(home)
        self.server = server or EncordServer()
        self.world = self.server.world
        self.waited: list[float] = []
        """Seconds that were waited in vain."""
        key = home.parent / "encord_key"
        if not key.exists():
            home.mkdir(parents=True, exist_ok=True)
            key.write_text(self.server.user(MACHINE))
        settings = {"key_file": str(key), "domain": self.server.url, **options}
        self.choice = PlatformOptions("encord", section=EncordOptions(**settings))

    def open(self, tries: Sequence[float] = (), upload: float = 5.0) -> EncordPlatform:
        """A platform as a new process would have it; waiting takes no time."""
        patience = RetryPolicy(tuple(tries), (1.0, 1.0), upload, self.waited.append)
        return EncordPlatform(self.choice, self.workspace, patience)

    def title(self, clip_id: str) -> str:
        return clip_title(clip_id, self.choice.section)

    @property
    def project(self) -> Project:
        (project,) = self.world.projects.values()
        return project

    def blob(self, clip_id: str, branch: str = MAIN) -> Json:
        """Labels of a clip as they are stored."""
        project, data = self.world.find(self.title(clip_id))
        return project.labels[data, branch].blob

    def tracks(self, clip_id: str) -> Json:
        """Frames by object hash on main."""
        project, data = self.world.find(self.title(clip_id))
        frames_by_track: Json = {}
        for frame, labels in project.labels[data, MAIN].blob["data_units"][data]["labels"].items():
            for item in labels["objects"]:
                frames_by_track.setdefault(item["objectHash"], []).append(int(frame))
        return frames_by_track

    def finish(self, clip_id: str, by: str = ANNA, seconds: int = 30) -> None:
        """Submit and approve as it stands."""
        name = self.title(clip_id)
        self.world.take(name, by)
        self.world.person(name, "SUBMIT", by, seconds)
        self.world.person(name, "APPROVE", BEN)

    def move_box(self, clip_id: str, track: int, frame: int, right: float, by: str = ANNA) -> None:
        """Drag a box to the right by so many pixels."""
        key = convert.object_hash(ids.pseudonym(clip_id), track)

        def change(blob: Json, data: str) -> None:
            unit = blob["data_units"][data]
            for item in unit["labels"][str(frame)]["objects"]:
                if item["objectHash"] == key:
                    item["boundingBox"]["x"] += right / 64
                    item |= {"manualAnnotation": True, "confidence": 1, "lastEditedBy": by}
                    item["lastEditedAt"] = self.world.now().strftime(LONG_TIME)

        self.world.edit(self.title(clip_id), by, change)

    def draw(self, clip_id: str, track: LabelTrack, by: str = ANNA) -> None:
        """Put all boxes of a track where they are to be, in px."""
        key = convert.object_hash(ids.pseudonym(clip_id), track.id)
        look: Json = {
            "shape": "bounding_box",
            "name": track.cls,
            "value": track.cls,
            "color": "#fff",
        }
        look |= {"objectHash": key, "featureHash": schema.feature_hash("class", track.cls)}
        look |= {"confidence": 1, "manualAnnotation": True, "createdBy": by}
        look |= {"createdAt": "Mon, 05 Jan 2026 12:00:00 GMT", "lastEditedBy": by}
        look["lastEditedAt"] = self.world.now().strftime(LONG_TIME)

        def change(blob: Json, data: str) -> None:
            labels = blob["data_units"][data]["labels"]
            for frame, (x1, y1, x2, y2) in zip(track.frames.tolist(), track.boxes, strict=True):
                frame_labels = labels.setdefault(str(frame), {"objects": [], "classifications": []})
                others = [item for item in frame_labels["objects"] if item["objectHash"] != key]
                sides = {"x": x1 / 64, "y": y1 / 48, "w": (x2 - x1) / 64, "h": (y2 - y1) / 48}
                box = {name: float(value) for name, value in sides.items()}
                frame_labels["objects"] = [*others, {**look, "boundingBox": box}]
            blob["object_answers"].setdefault(key, {"objectHash": key, "classifications": []})

        self.world.edit(self.title(clip_id), by, change)

    def reject(self, clip_id: str, by: str, reason: str) -> None:
        """Say on the clip that it is of no use, and why."""
        key, feature = "reject01", schema.feature_hash("reject")
        answer: Json = {"name": schema.REJECT, "value": "reject_clip", "answers": reason}
        answer |= {"featureHash": schema.feature_hash("reject", "reason"), "manualAnnotation": True}

        def change(blob: Json, data: str) -> None:
            answer_set: Json = {
                "classificationHash": key,
                "featureHash": feature,
                "classifications": [answer],
            }
            answer_set |= {
                "range": [],
                "createdBy": by,
                "createdAt": "Mon, 05 Jan 2026 12:00:00 GMT",
            }
            answer_set |= {"lastEditedBy": by, "lastEditedAt": "Mon, 05 Jan 2026 12:00:00 GMT"}
            answer_set |= {"confidence": 1, "manualAnnotation": True, "reviews": []}
            blob["classification_answers"][key] = answer_set

        self.world.edit(self.title(clip_id), by, change)
