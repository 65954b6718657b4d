"""REST v2 of Encord as its SDK calls it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.fakes.encord_world import MAIN, Item, Json, Project, Refused, World, found_in

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Rest:
    """REST v2."""

    def __init__(self, world: World, by: str, url: str) -> None:
        self.world, self.by, self.url = world, by, url

    def answer(self, method: str, path: str, query: dict[str, list[str]], payload: Any) -> Any:
        parts = path.removeprefix("/v2/public/").split("/")
        for pattern, verb, handler in _ROUTES:
            match = re.fullmatch(pattern, "/".join(parts))
            if match and verb == method:
                return handler(self, *match.groups(), query, payload)
        raise Refused(404, message=f"NOT_IN_FAKE {method} {path}")

    def ontologies(self, query: Any, payload: Any) -> Any:
        return _page(_titled(self.world.ontologies.values(), query))

    def create_ontology(self, query: Any, payload: Any) -> Any:
        uuid = self.world.new_id()
        at = self.world.now().isoformat()
        ontology = {
            "ontologyUuid": uuid,
            **payload,
            "createdAt": at,
            "lastEditedAt": at,
            "userRole": 0,
        }
        self.world.ontologies[uuid] = ontology
        return ontology

    def ontology(self, uuid: str, query: Any, payload: Any) -> Any:
        return found_in(self.world.ontologies, uuid)

    def change_ontology(self, uuid: str, query: Any, payload: Any) -> Any:
        ontology = found_in(self.world.ontologies, uuid)
        ontology.update(payload, lastEditedAt=self.world.now().isoformat())
        return ontology

    def create_dataset(self, query: Any, payload: Any) -> Any:
        uuid, at = self.world.new_id(), self.world.now().isoformat()
        dataset = {"datasetUuid": uuid, "title": payload["title"], "description": ""}
        dataset |= {"createdAt": at, "lastEditedAt": at, "userRole": "admin", "storageLocation": 1}
        self.world.datasets[uuid] = dataset
        return {"datasetUuid": uuid, "backingFolderUuid": None}

    def list_datasets(self, query: Any, payload: Any) -> Any:
        return {"result": _titled(self.world.datasets.values(), query)}

    def create_folder(self, query: Any, payload: Any) -> Any:
        uuid, at = self.world.new_id(), self.world.now().isoformat()
        folder = {"uuid": uuid, "parent": None, "name": payload["name"], "description": ""}
        folder |= {"clientMetadata": None, "owner": self.by, "createdAt": at, "lastEditedAt": at}
        folder |= {"userRole": "admin", "syncedDatasetHash": None, "pathToRoot": []}
        self.world.folders[uuid] = folder
        return folder

    def folders(self, query: Any, payload: Any) -> Any:
        pattern = query.get("search", [""])[0]
        return _page(
            [folder for folder in self.world.folders.values() if pattern in folder["name"]]
        )

    def folder(self, uuid: str, query: Any, payload: Any) -> Any:
        return found_in(self.world.folders, uuid)

    def items(self, uuid: str, query: Any, payload: Any) -> Any:
        pattern = query.get("search", [""])[0]
        matches = [i for i in self.world.items.values() if i.folder == uuid and pattern in i.name]
        return _page([self._item(item) for item in matches])

    def urls(self, uuid: str, query: Any, payload: Any) -> Any:
        found_in(self.world.folders, uuid)
        uuids = [self.world.new_id() for _ in range(payload["count"])]
        return _page(
            [
                {
                    "itemUuid": item,
                    "objectKey": f"videos/{item}",
                    "signedUrl": f"{self.url}/bucket/{item}?X-Signature=secret",
                    "uploadHeaders": {},
                }
                for item in uuids
            ]
        )

    def start_job(self, uuid: str, query: Any, payload: Any) -> Any:
        items, errors = [], []
        bucket = self._bucket(payload.get("integrationHash"))
        files = payload.get("dataItems") or payload.get("externalFiles") or {}
        urls_before = {item.url for item in self.world.items.values() if item.folder == uuid}
        for video in files["videos"]:
            if files.get("skipDuplicateUrls") and video["objectUrl"] in urls_before:
                continue
            try:
                item = self.world.add_item(uuid, self.by, video, bucket)
            except (Refused, KeyError) as error:
                errors.append(str(error))
                continue
            items.append({"itemUuid": item.uuid, "name": item.name})
        job = self.world.new_id()
        self.world.jobs[job] = {
            "status": "ERROR" if errors else "DONE",
            "itemsWithNames": items,
            "errors": errors,
            "unitErrors": [],
            "unitsPendingCount": 0,
            "unitsDoneCount": len(items),
            "unitsErrorCount": len(errors),
            "unitsCancelledCount": 0,
        }
        return job

    def _bucket(self, uuid: str | None) -> str | None:
        return next((title for title in self.world.integrations if _uuid(title) == uuid), None)

    def job(self, uuid: str, job: str, query: Any, payload: Any) -> Any:
        record = found_in(self.world.jobs, job)
        if self.world.pending:
            self.world.pending -= 1
            return {**record, "status": "PENDING", "itemsWithNames": [], "unitsPendingCount": 1}
        return record

    def item(self, uuid: str, query: Any, payload: Any) -> Any:
        return self._item(found_in(self.world.items, uuid))

    def _item(self, item: Item) -> Json:
        probed: tuple[Any, ...] = item.probed or (None,) * 4
        if self.world.looking:
            self.world.looking -= 1
            probed = (None,) * 4
        at = item.at.isoformat()
        empty = dict.fromkeys(
            ("integrationHash", "signedUrl", "dicomInstanceUid", "dicomStudyUid", "dicomSeriesUid")
        )
        sound = dict.fromkeys(
            ("audioSampleRate", "audioBitDepth", "audioCodec", "audioNumChannels")
        )
        return {
            "uuid": item.uuid,
            "parent": item.folder,
            "itemType": "video",
            "name": item.name,
            "clientMetadata": json.dumps(item.metadata),
            "owner": item.owner,
            "createdAt": at,
            "lastEditedAt": at,
            "backedDataUnitsCount": 1,
            "storageLocation": "encord",
            "url": item.url,
            "fileSize": len(item.content),
            "mimeType": "video/mp4",
            "duration": probed[0] / probed[1] if probed[0] else None,
            "frameCount": probed[0],
            "fps": probed[1],
            "width": probed[2],
            "height": probed[3],
            **empty,
            **sound,
        }

    def delete_items(self, uuid: str, query: Any, payload: Any) -> Any:
        for item in payload["childUuids"]:
            self.world.forget_item(item)
        return {"removedItemsCount": len(payload["childUuids"]), "removedFoldersCount": 0}

    def projects(self, query: Any, payload: Any) -> Any:
        title = query.get("titleEq", [None])[0]
        matches = [p for p in self.world.projects.values() if title in (None, p.title)]
        return _page([self._project(project) for project in matches])

    def project(self, uuid: str, query: Any, payload: Any) -> Any:
        return self._project(found_in(self.world.projects, uuid))

    def _project(self, project: Project) -> Json:
        return {
            "projectHash": project.uuid,
            "projectType": "workflow",
            "status": "inProgress",
            "title": project.title,
            "description": "",
            "createdAt": EPOCH.isoformat(),
            "creatorEmail": project.creator,
            "lastEditedAt": EPOCH.isoformat(),
            "ontologyHash": project.ontology,
            "editorOntology": self.world.ontologies[project.ontology]["editor"],
            "userRole": 0,
            "workflow": {"stages": project.stages},
        }

    def project_datasets(self, uuid: str, query: Any, payload: Any) -> Any:
        datasets = [
            self.world.datasets[dataset] for dataset in found_in(self.world.projects, uuid).datasets
        ]
        return _page(
            {"datasetHash": dataset["datasetUuid"], "title": dataset["title"], "description": ""}
            for dataset in datasets
        )

    def tasks(self, uuid: str, stage: str, query: Any, payload: Any) -> Any:
        project = found_in(self.world.projects, uuid)
        data_hashes = query.get("dataHashes")
        return _page(
            [
                {
                    "uuid": task.uuid,
                    "createdAt": EPOCH.isoformat(),
                    "updatedAt": EPOCH.isoformat(),
                    "status": task.status,
                    "dataHash": data,
                    "dataTitle": self.world.item_of(data).name,
                    "assignee": task.assignee,
                    "labelBranchName": MAIN,
                    "lastActionedBy": task.last,
                }
                for data, task in project.tasks.items()
                if task.stage == stage and (data_hashes is None or data in data_hashes)
            ]
        )

    def act(self, uuid: str, stage: str, query: Any, payload: Any) -> Any:
        project = found_in(self.world.projects, uuid)
        for action in payload:
            self.world.act(project, stage, action, self.by)

    def copy_branch(self, uuid: str, query: Any, payload: Any) -> Any:
        project = found_in(self.world.projects, uuid)
        return {"copiedCount": self.world.copy_branch(project, payload, self.by)}

    def actions(self, query: Any, payload: Any) -> Any:
        return _page(
            [action for action in self.world.actions if _wanted(action, query, "timestamp")]
        )

    def times(self, query: Any, payload: Any) -> Any:
        of_project = [
            record for record in self.world.times if record["project"] == query["projectUuid"][0]
        ]
        records = [record for record in of_project if _wanted(record, query, "periodEndTime")]
        return _page({k: v for k, v in record.items() if k != "project"} for record in records)

    def buckets(self, query: Any, payload: Any) -> Any:
        patterns = query.get("filterIntegrationTitles")
        titles = [t for t in self.world.integrations if patterns is None or t in patterns]
        return {"result": [{"integrationUuid": _uuid(t), "title": t} for t in titles]}


_ID = "([0-9a-f-]{36})"
_ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("ontologies", "GET", Rest.ontologies),
    ("ontologies", "POST", Rest.create_ontology),
    (f"ontologies/{_ID}", "GET", Rest.ontology),
    (f"ontologies/{_ID}", "PUT", Rest.change_ontology),
    ("datasets", "POST", Rest.create_dataset),
    ("datasets/list", "GET", Rest.list_datasets),
    ("storage/folders", "POST", Rest.create_folder),
    ("storage/folders", "GET", Rest.folders),
    ("storage/search/folders", "GET", Rest.folders),
    (f"storage/folders/{_ID}", "GET", Rest.folder),
    (f"storage/folders/{_ID}/items", "GET", Rest.items),
    (f"storage/folders/{_ID}/upload-signed-urls", "POST", Rest.urls),
    (f"storage/folders/{_ID}/data-upload-jobs", "POST", Rest.start_job),
    (f"storage/folders/{_ID}/data-upload-jobs/{_ID}", "GET", Rest.job),
    (f"storage/folders/{_ID}/items/delete", "POST", Rest.delete_items),
    (f"storage/items/{_ID}", "GET", Rest.item),
    ("projects", "GET", Rest.projects),
    (f"projects/{_ID}", "GET", Rest.project),
    (f"projects/{_ID}/datasets", "GET", Rest.project_datasets),
    (f"projects/{_ID}/workflow/stages/{_ID}/tasks", "GET", Rest.tasks),
    (f"projects/{_ID}/workflow/stages/{_ID}/actions", "POST", Rest.act),
    (f"projects/{_ID}/labels/copy-branch", "POST", Rest.copy_branch),
    ("analytics/task-actions", "GET", Rest.actions),
    ("analytics/time-spent", "GET", Rest.times),
    ("cloud-integrations", "GET", Rest.buckets),
]


def _wanted(record: Json, query: dict[str, list[str]], time_key: str) -> bool:
    at, after = datetime.fromisoformat(record[time_key]), _instant(query["after"][0])
    before = query.get("before")
    units = query.get("dataUnitUuids")
    kinds = query.get("eventTypes")
    return (
        at >= after
        and (before is None or at < _instant(before[0]))
        and (units is None or record["dataUnitUuid"] in units)
        and (kinds is None or record["actionType"] in kinds)
    )


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise Refused(400, message=f"{text} has no time zone")
    return moment


def _titled(records: Any, query: dict[str, list[str]]) -> list[Json]:
    title = query.get("titleEq", [None])[0]
    return [record for record in records if title in (None, record["title"])]


def _page(rows: Any) -> Json:
    return {"results": list(rows), "nextPageToken": None}


def _uuid(title: str) -> str:
    digest = hashlib.sha256(title.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
