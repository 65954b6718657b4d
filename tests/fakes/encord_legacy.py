"""The older protocol of Encord: one address, the question in the body."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.fakes.encord_world import MAIN, Json, Project, Refused, World, found_in


class Legacy:
    """The older protocol: one address, the question in the body."""

    def __init__(self, world: World, by: str, resource: str) -> None:
        self.world, self.by, self.resource = world, by, resource

    def answer(self, payload: Any) -> Any:
        name = f"{payload['query_type']} {payload['query_method']}"
        if name not in _QUERIES:
            raise Refused(400, "NOT_IN_FAKE", name)
        values = payload["values"]
        return _QUERIES[name](self, values["uid"], values["payload"] or {})

    @property
    def project(self) -> Project:
        project: Project = found_in(self.world.projects, self.resource)
        return project

    def create_project(self, uid: Any, payload: Json) -> Any:
        world = self.world
        for dataset in payload["dataset_hashes"]:
            found_in(world.datasets, dataset)
        stages: list[Json] = [
            {"stageType": kind, "uuid": world.new_id(), "title": title}
            for title, kind in world.stages
        ]
        for stage, after in pairwise(stages):
            if stage["stageType"] == "AGENT":
                way = {"uuid": world.new_id(), "title": "on", "destinationUuid": after["uuid"]}
                stage["pathways"] = [way]
        ontology = payload["ontology_hash"]
        project = Project(
            world.new_id(), payload["title"], ontology, payload["dataset_hashes"], self.by, stages
        )
        world.projects[project.uuid] = project
        world.add_tasks(project)
        return project.uuid

    def add_dataset(self, uid: Any, payload: Json) -> Any:
        for dataset in payload["dataset_hashes"]:
            found_in(self.world.datasets, dataset)
            self.project.datasets.append(dataset)
        self.world.add_tasks(self.project)
        return True

    def dataset(self, uid: Any, payload: Json) -> Any:
        record = found_in(self.world.datasets, self.resource)
        answer = {"title": record["title"], "description": "", "dataset_type": "CORD_STORAGE"}
        return answer | {
            "dataset_hash": self.resource,
            "backing_folder_uuid": None,
            "data_rows": [],
        }

    def link(self, uid: Any, payload: Json) -> Any:
        units = self.world.link(self.resource, payload["item_uuids"])
        return [self._data_row(unit) for unit in units]

    def _data_row(self, unit: Json) -> Json:
        item, at = self.world.items[unit["item"]], unit["at"].isoformat()
        frames, fps, width, height = item.probed or (0, 1.0, 0, 0)
        return {
            "data_hash": unit["hash"],
            "data_title": item.name,
            "data_type": "VIDEO",
            "created_at": at,
            "last_edited_at": at,
            "width": width,
            "height": height,
            "file_link": item.url,
            "file_size": len(item.content),
            "file_type": "video/mp4",
            "storage_location": 1,
            "frames_per_second": fps,
            "duration": frames / fps,
            "backing_item_uuid": item.uuid,
        }

    def delete_units(self, uid: Any, payload: Json) -> Any:
        for data in uid:
            self.world.forget_unit(data)
        return True

    def rows(self, uid: Any, payload: Json) -> Any:
        project, with_metadata = self.project, payload["include_client_metadata"]
        if self.world.late:
            self.world.late -= 1
            return []
        label_rows = []
        for unit in self.world.units_of(project):
            branches = [payload["branch_name"] or MAIN]
            if payload["include_all_label_branches"]:
                own_branches = [branch for data, branch in project.labels if data == unit["hash"]]
                branches = own_branches or branches
            rows = [self._row(unit, branch, with_metadata) for branch in branches]
            label_rows += [row for row in rows if _row_wanted(row, payload)]
        return label_rows

    def _row(self, unit: Json, branch: str, with_metadata: bool) -> Json:
        project, data = self.project, unit["hash"]
        item, task = self.world.items[unit["item"]], project.tasks[data]
        label = project.labels.get((data, branch))
        frames, fps, width, height = item.probed or (0, 1.0, 0, 0)
        stage = next(candidate for candidate in project.stages if candidate["uuid"] == task.stage)
        return {
            "label_hash": label.hash if label else None,
            "created_at": label.created.isoformat() if label else None,
            "last_edited_at": label.edited.isoformat() if label else None,
            "branch_name": branch,
            "data_hash": data,
            "dataset_hash": unit["dataset"],
            "dataset_title": self.world.datasets[unit["dataset"]]["title"],
            "data_title": item.name,
            "data_type": "VIDEO",
            "data_link": None,
            "label_status": "LABEL_IN_PROGRESS" if label else "NOT_LABELLED",
            "annotation_task_status": None,
            "workflow_graph_node": {"uuid": stage["uuid"], "title": stage["title"]},
            "number_of_frames": frames,
            "frames_per_second": fps,
            "duration": frames / fps,
            "width": width,
            "height": height,
            "spaces": {},
            "task_uuid": task.uuid,
            "client_metadata": item.metadata if with_metadata else None,
            "backing_item_uuid": item.uuid,
            "assigned_user_email": task.assignee,
            "last_actioned_by_user_email": task.last,
        }

    def create_labels(self, uid: Any, payload: Json) -> Any:
        branch = payload["branch_name"] or MAIN
        for data in uid:
            self.world.create_label(self.project, data, branch, self.by)
        return [self._blob(data, branch) for data in uid]

    def read_labels(self, uid: Any, payload: Json) -> Any:
        return [self._blob(*self.world.label(self.project, label_hash)[:2]) for label_hash in uid]

    def save_labels(self, uid: Any, payload: Json) -> Any:
        for label_hash in uid:
            self.world.label(self.project, label_hash)
        for label_hash, blob in zip(uid, payload["labels"], strict=True):
            self.world.save(self.project, label_hash, blob, self.by)
        return True

    def _blob(self, data: str, branch: str) -> Json:
        label, item = self.project.labels[data, branch], self.world.item_of(data)
        frames, fps, width, height = item.probed or (0, 1.0, 0, 0)
        unit = self.world.units[data]
        described = {
            "data_hash": data,
            "data_title": item.name,
            "data_link": None,
            "data_type": "video/mp4",
            "data_sequence": 0,
            "width": width,
            "height": height,
            "data_fps": fps,
            "data_duration": frames / fps,
        }
        content = label.blob
        return {
            **content,
            "label_hash": label.hash,
            "branch_name": branch,
            "created_at": label.created.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "last_edited_at": label.edited.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "data_hash": data,
            "dataset_hash": unit["dataset"],
            "dataset_title": self.world.datasets[unit["dataset"]]["title"],
            "data_title": item.name,
            "data_type": "video",
            "label_status": "LABEL_IN_PROGRESS",
            "spaces": {},
            "data_units": {data: {**content["data_units"][data], **described}},
        }


_QUERIES: dict[str, Callable[..., Any]] = {
    "project POST": Legacy.create_project,
    "projectdataset POST": Legacy.add_dataset,
    "dataset GET": Legacy.dataset,
    "datasetlinkitems POST": Legacy.link,
    "video DELETE": Legacy.delete_units,
    "labelrowmetadata GET": Legacy.rows,
    "labelrow PUT": Legacy.create_labels,
    "labelrow GET": Legacy.read_labels,
    "labelrow POST": Legacy.save_labels,
}


def _is_after(at: str | None, limit: str) -> bool:
    return at is not None and datetime.fromisoformat(at) > datetime.fromisoformat(limit)


def _row_wanted(row: Json, payload: Json) -> bool:
    same = {
        "data_hashes": row["data_hash"],
        "label_hashes": row["label_hash"],
    }
    equal = {
        "data_title_eq": row["data_title"],
        "workflow_graph_node_title_eq": row["workflow_graph_node"]["title"],
    }
    after = payload["edited_after"]
    return (
        all(payload[key] is None or value in payload[key] for key, value in same.items())
        and all(payload[key] in (None, value) for key, value in equal.items())
        and (after is None or _is_after(row["last_edited_at"], after))
    )
