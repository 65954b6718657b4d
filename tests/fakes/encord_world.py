"""What Encord keeps: folders, items, datasets, projects, labels on branches, tasks; and its people.

Rules follow the SDK's parsers and the public documentation: saving is last-writer-wins, labels name
an ontology and frames that exist, a task stands at one stage of a workflow.
"""

from __future__ import annotations

import copy
import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import cv2

Json = dict[str, Any]
ANNOTATE, REVIEW, COMPLETE, ARCHIVE = "Annotate 1", "Review 1", "Complete", "Archive"
STAGES = ((ANNOTATE, "ANNOTATION"), (REVIEW, "REVIEW"), (COMPLETE, "DONE"), (ARCHIVE, "DONE"))
HOLD = ("Pre-label", "AGENT")
"""A stage where machines work before people see a task."""
MAIN = "main"


class Refused(Exception):
    """An answer that is no success: a status, and the code of the legacy protocol."""

    def __init__(self, status: int, code: str = "UNKNOWN_ERROR", message: str = "") -> None:
        super().__init__(message or code)
        self.status, self.code, self.message = status, code, message


def missing() -> Refused:
    return Refused(404, "RESOURCE_NOT_FOUND_ERROR")


def found_in(mapping: dict[str, Any], key: str) -> Any:
    if key not in mapping:
        raise missing()
    return mapping[key]


@dataclass
class Item:
    """A file in a folder."""

    uuid: str
    folder: str
    name: str
    metadata: Json
    url: str
    content: bytes
    probed: tuple[int, float, int, int] | None
    """Frames, frames per second, width, height; None while it is looked at."""
    owner: str
    at: datetime


@dataclass
class Label:
    """The labels of one data unit on one branch."""

    hash: str
    blob: Json
    created: datetime
    edited: datetime
    by: str


@dataclass
class Task:
    """Where a data unit stands in the workflow of a project."""

    uuid: str
    stage: str
    status: str = "NEW"
    assignee: str | None = None
    last: str | None = None


@dataclass
class Project:
    """Labels and tasks of datasets."""

    uuid: str
    title: str
    ontology: str
    datasets: list[str]
    creator: str
    stages: list[Json]
    labels: dict[tuple[str, str], Label] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)


class World:
    """Everything behind the two protocols; `people` are the ones who draw and decide."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.keys: dict[str, str] = {}
        self.revoked: set[str] = set()
        self.ontologies: dict[str, Json] = {}
        self.datasets: dict[str, Json] = {}
        self.folders: dict[str, Json] = {}
        self.items: dict[str, Item] = {}
        self.units: dict[str, Json] = {}
        self.projects: dict[str, Project] = {}
        self.uploads: dict[str, bytes] = {}
        self.jobs: dict[str, Json] = {}
        self.actions: list[Json] = []
        self.watcher: Callable[[Json], None] = lambda action: None
        """Sees every action."""
        self.times: list[Json] = []
        self.integrations: dict[str, Path] = {}
        """Title to the folder that stands for its bucket."""
        self.pending = 0
        """How many questions about an upload job are answered with PENDING."""
        self.looking = 0
        """How many questions about an item come before its frames are counted."""
        self.late = 0
        """How many listings of rows come before they show anything."""
        self.copies_to_main = True
        self.renames = False
        """Whether objects get other hashes when labels are copied."""
        self.begins = False
        """Whether a task comes with an empty row on main."""
        self.stages: tuple[tuple[str, str], ...] = STAGES
        """The workflow of projects that are made from now on."""
        self.ahead = timedelta(0)
        """Clock against ours."""
        self._made = 0
        self._probed: dict[str, tuple[int, float, int, int]] = {}

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def new_id(self) -> str:
        self._made += 1
        return str(uuid5(NAMESPACE_URL, str(self._made)))

    # What machines do.

    def add_item(self, folder: str, owner: str, payload: Json, integration: str | None) -> Item:
        url = payload["objectUrl"]
        uuid = payload.get("placeholderItemUuid") or self.new_id()
        content = self._bucket(integration, url) if integration else self.uploads.get(uuid)
        if content is None:
            raise Refused(400, message=f"nothing was uploaded for {url}")
        metadata = payload.get("videoMetadata")
        probed = self.probe(content) if metadata is None else _trusted(metadata)
        item = Item(
            uuid,
            folder,
            payload.get("title") or url,
            payload.get("clientMetadata") or {},
            url,
            content,
            probed,
            owner,
            self.now(),
        )
        self.items[uuid] = item
        return item

    def _bucket(self, integration: str, url: str) -> bytes | None:
        path = self.integrations[integration] / url.rsplit("/", 1)[-1]
        return path.read_bytes() if path.exists() else None

    def probe(self, content: bytes) -> tuple[int, float, int, int]:
        """Count frames by decoding them, as the service says it does."""
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._probed:
            with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
                file.write(content)
                file.flush()
                self._probed[digest] = _decode(file.name)
        return self._probed[digest]

    def link(self, dataset: str, uuids: list[str]) -> list[Json]:
        """New data units; an item that is linked already is skipped."""
        linked = {unit["item"] for unit in self.units.values() if unit["dataset"] == dataset}
        units = []
        for uuid in uuids:
            if uuid not in self.items:
                raise missing()
            if uuid in linked:
                continue
            key = self.new_id()
            unit: Json = {"hash": key, "dataset": dataset, "item": uuid, "at": self.now()}
            self.units[key] = unit
            units.append(unit)
            for project in self.projects.values():
                self.add_tasks(project)
        return units

    def add_tasks(self, project: Project) -> None:
        for data, unit in self.units.items():
            if unit["dataset"] in project.datasets and data not in project.tasks:
                project.tasks[data] = Task(self.new_id(), project.stages[0]["uuid"])
                if self.begins:
                    self.create_label(project, data, MAIN, project.creator)

    def units_of(self, project: Project) -> Iterator[Json]:
        for unit in self.units.values():
            if unit["dataset"] in project.datasets:
                yield unit

    def create_label(self, project: Project, data: str, branch: str, by: str) -> Label:
        if data not in self.units:
            raise missing()
        current = project.labels.get((data, branch))
        if current:
            return current
        label = Label(self.new_id(), {}, self.now(), self.now(), by)
        label.blob = self._empty(data)
        project.labels[data, branch] = label
        return label

    def label(self, project: Project, label_hash: str) -> tuple[str, str, Label]:
        """Data unit, branch and label of a hash."""
        for (data, branch), label in project.labels.items():
            if label.hash == label_hash:
                return data, branch, label
        raise missing()

    def save(self, project: Project, label_hash: str, blob: Json, by: str) -> None:
        data, _, label = self.label(project, label_hash)
        self._check(project, data, blob)
        content = {key: copy.deepcopy(blob[key]) for key in _KEPT}
        label.blob, label.edited, label.by = content, self.now(), by

    def copy_branch(self, project: Project, payload: Json, by: str) -> int:
        """Labels to another branch; without `overwrite` a unit that has some there is skipped."""
        source, target = payload["sourceBranchName"], payload["targetBranchName"]
        if target == MAIN and not self.copies_to_main:
            raise Refused(400, message="main cannot be a target")
        copied = 0
        for label_hash in payload["labelUuids"]:
            data, branch, label = self.label(project, label_hash)
            if branch != source:
                raise missing()
            if (data, target) in project.labels and not payload["overwrite"]:
                continue
            blob = self._renamed(label.blob) if self.renames else copy.deepcopy(label.blob)
            copied_label = Label(self.new_id(), blob, self.now(), self.now(), by)
            project.labels[data, target] = copied_label
            copied += 1
        return copied

    def _renamed(self, blob: Json) -> Json:
        text = json.dumps(blob)
        for key in blob["object_answers"]:
            text = text.replace(json.dumps(key), f'"{self.new_id()[:8]}"')
        copied_blob: Json = json.loads(text)
        return copied_blob

    def forget_unit(self, data: str) -> None:
        """Delete a data unit with its tasks and the labels of every branch."""
        if self.units.pop(data, None) is None:
            raise missing()
        for project in self.projects.values():
            project.tasks.pop(data, None)
            for key in [key for key in project.labels if key[0] == data]:
                del project.labels[key]

    def forget_item(self, uuid: str) -> None:
        if self.items.pop(uuid, None) is None:
            raise missing()
        for data in [data for data, unit in self.units.items() if unit["item"] == uuid]:
            self.forget_unit(data)

    def act(self, project: Project, stage: str, payload: Json, by: str) -> None:
        """One action on one task."""
        for data, task in project.tasks.items():
            if task.uuid == payload["taskUuid"] and task.stage == stage:
                self._act(project, data, task, payload, by)
                return
        raise missing()

    def _act(self, project: Project, data: str, task: Task, payload: Json, by: str) -> None:
        action, before = payload["action"], task.stage
        titles = [stage["title"] for stage in project.stages]
        index = titles.index(next(s["title"] for s in project.stages if s["uuid"] == before))
        if action == "ASSIGN":
            task.assignee, task.status = payload["assignee"], "ASSIGNED"
        elif action == "RELEASE":
            task.assignee, task.status = None, "RELEASED"
        elif action == "PATHWAY_ACTION":
            (target,) = [
                pathway["destinationUuid"]
                for pathway in project.stages[index]["pathways"]
                if pathway["uuid"] == payload["pathwayUuid"]
            ]
            task.stage, task.last = target, by
        elif action in ("SUBMIT", "APPROVE"):
            task.stage, task.status = project.stages[index + 1]["uuid"], "NEW"
            task.assignee, task.last = None, by
        elif action == "REJECT":
            task.stage, task.status = project.stages[index - 1]["uuid"], "REOPENED"
            task.assignee, task.last = None, by
        else:
            raise Refused(400, message=f"no action {action}")
        self._note(project, data, task, before, action.lower(), by)

    def _note(
        self, project: Project, data: str, task: Task, stage: str, kind: str, by: str
    ) -> None:
        self.actions.append(
            {
                "timestamp": self.now().isoformat(),
                "actionType": kind,
                "projectUuid": project.uuid,
                "workflowStageUuid": stage,
                "taskUuid": task.uuid,
                "dataUnitUuid": data,
                "actorEmail": by,
            }
        )
        self.watcher(self.actions[-1])

    def _empty(self, data: str) -> Json:
        empty = dict.fromkeys(("object_answers", "classification_answers", "object_actions"))
        units = {data: {"data_hash": data, "labels": {}}}
        return {key: {} for key in empty} | {"data_units": units, "label_status": "LABELLED"}

    def _check(self, project: Project, data: str, blob: Json) -> None:
        frames = (self.item_of(data).probed or (0,))[0]
        objects, answers = _features(self.ontologies[project.ontology]["editor"])
        for key in _KEPT:
            if key not in blob:
                raise Refused(400, "CORRUPTED_LABEL_ERROR", f"no {key}")
        for frame, frame_labels in blob["data_units"][data]["labels"].items():
            if not 0 <= int(frame) < frames:
                raise Refused(400, "CORRUPTED_LABEL_ERROR", f"frame {frame} of {frames}")
            for label_object in frame_labels["objects"]:
                _check_object(label_object, objects, blob["object_answers"])
        for action in blob["object_actions"].values():
            for label_object in action["actions"]:
                _check_answer(label_object, answers, frames)

    # What people do.

    def item_of(self, data: str) -> Item:
        return self.items[self.units[data]["item"]]

    def find(self, title: str) -> tuple[Project, str]:
        """Project and data unit of an item's title."""
        for project in self.projects.values():
            for unit in self.units_of(project):
                if self.items[unit["item"]].name == title:
                    return project, unit["hash"]
        raise LookupError(title)

    def task_of(self, title: str) -> Task:
        project, data = self.find(title)
        return project.tasks[data]

    def take(self, title: str, by: str) -> None:
        """Open the task: nobody else gets it."""
        self.person(title, "ASSIGN", by, assignee=by)

    def edit(self, title: str, by: str, change: Callable[[Json, str], None]) -> None:
        """Change the labels of main in the editor: `change(blob, data_hash)`, then save."""
        with self.lock:
            project, data = self.find(title)
            label = self.create_label(project, data, MAIN, by)
            blob = copy.deepcopy(label.blob)
            change(blob, data)
            self.save(project, label.hash, blob, by)

    def person(self, title: str, action: str, by: str, seconds: int = 0, **more: Any) -> None:
        """An action in the web app, after `seconds` of work."""
        with self.lock:
            project, data = self.find(title)
            task = project.tasks[data]
            stage = task.stage
            if stage == project.stages[0]["uuid"] and self.stages[0] == HOLD:
                raise LookupError(f"nobody sees {title} yet")
            self.act(project, stage, {"taskUuid": task.uuid, "action": action, **more}, by)
            if seconds:
                self.times.append(self._time(project, data, task, stage, by, seconds))

    def move(self, title: str, stage: str, by: str) -> None:
        """Put a task at another stage by hand."""
        with self.lock:
            project, data = self.find(title)
            task = project.tasks[data]
            before = task.stage
            task.stage = next(s["uuid"] for s in project.stages if s["title"] == stage)
            self._note(project, data, task, before, "move", by)

    def _time(
        self, project: Project, data: str, task: Task, stage: str, by: str, seconds: int
    ) -> Json:
        unit, moment = self.units[data], self.now()
        return {
            "periodStartTime": moment.replace(hour=0, minute=0, second=0).isoformat(),
            "periodEndTime": moment.isoformat(),
            "timeSpentSeconds": seconds,
            "userEmail": by,
            "projectUserRole": 1,
            "dataUuid": data,
            "dataTitle": self.item_of(data).name,
            "datasetUuid": unit["dataset"],
            "datasetTitle": self.datasets[unit["dataset"]]["title"],
            "workflowTaskUuid": task.uuid,
            "workflowStage": next(s for s in project.stages if s["uuid"] == stage),
            "project": project.uuid,
        }


_KEPT = ("object_answers", "classification_answers", "object_actions", "data_units", "label_status")


def _trusted(metadata: Json) -> tuple[int, float, int, int]:
    frames = round(metadata["fps"] * metadata["duration"])
    return frames, metadata["fps"], metadata["width"], metadata["height"]


def _decode(path: str) -> tuple[int, float, int, int]:
    video = cv2.VideoCapture(path)
    if not video.isOpened():
        raise Refused(400, message="no video")
    size = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    frames = 0
    while video.grab():
        frames += 1
    return frames, video.get(cv2.CAP_PROP_FPS), *size


def _features(editor: Json) -> tuple[set[str], set[str]]:
    """Feature hashes of the objects, and of their attributes and options."""
    objects = {feature["featureNodeHash"] for feature in editor.get("objects", [])}
    answers: set[str] = set()
    for feature in editor.get("objects", []):
        for attribute in feature.get("attributes", []):
            answers.add(attribute["featureNodeHash"])
            answers |= {option["featureNodeHash"] for option in attribute.get("options", [])}
    return objects, answers


def _check_object(label_object: Json, objects: set[str], answers: Json) -> None:
    if label_object["featureHash"] not in objects:
        raise Refused(400, "FEATURE_DOES_NOT_EXIST_ERROR", label_object["featureHash"])
    if label_object["objectHash"] not in answers:
        raise Refused(400, "ANSWER_DICTIONARY_ERROR", label_object["objectHash"])
    box, limit = label_object["boundingBox"], 1 + 1e-9
    low, high = min(box["x"], box["y"]), max(box["x"] + box["w"], box["y"] + box["h"])
    if low < 0 or high > limit or min(box["w"], box["h"]) <= 0:
        raise Refused(400, "CORRUPTED_LABEL_ERROR", f"box {box}")
    if not 0 <= label_object["confidence"] <= 1:
        raise Refused(400, "CORRUPTED_LABEL_ERROR", f"confidence {label_object['confidence']}")


def _check_answer(answer_object: Json, answers: set[str], frames: int) -> None:
    options = answer_object["answers"] if isinstance(answer_object["answers"], list) else []
    for each in (answer_object["featureHash"], *(answer["featureHash"] for answer in options)):
        if each not in answers:
            raise Refused(400, "FEATURE_DOES_NOT_EXIST_ERROR", each)
    if any(not 0 <= a <= b < frames for a, b in answer_object["range"]):
        raise Refused(400, "CORRUPTED_LABEL_ERROR", f"range {answer_object['range']} of {frames}")
