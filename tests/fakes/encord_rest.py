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

    def answer(self, method: str, path: str, query: dict[str, list[str]], asked: Any) -> Any:
        parts = path.removeprefix("/v2/public/").split("/")
        for pattern, verb, found in _ROUTES:
            match = re.fullmatch(pattern, "/".join(parts))
            if match and verb == method:
                return found(self, *match.groups(), query, asked)
        raise Refused(404, message=f"NOT_IN_FAKE {method} {path}")

    def ontologies(self, query: Any, asked: Any) -> Any:
        return _page(_titled(self.world.ontologies.values(), query))

    def create_ontology(self, query: Any, asked: Any) -> Any:
        uuid = self.world.new_id()
        at = self.world.now().isoformat()
        made = {"ontologyUuid": uuid, **asked, "createdAt": at, "lastEditedAt": at, "userRole": 0}
        self.world.ontologies[uuid] = made
        return made

    def ontology(self, uuid: str, query: Any, asked: Any) -> Any:
        return found_in(self.world.ontologies, uuid)

    def change_ontology(self, uuid: str, query: Any, asked: Any) -> Any:
        found = found_in(self.world.ontologies, uuid)
        found.update(asked, lastEditedAt=self.world.now().isoformat())
        return found

    def create_dataset(self, query: Any, asked: Any) -> Any:
        uuid, at = self.world.new_id(), self.world.now().isoformat()
        made = {"datasetUuid": uuid, "title": asked["title"], "description": ""}
        made |= {"createdAt": at, "lastEditedAt": at, "userRole": "admin", "storageLocation": 1}
        self.world.datasets[uuid] = made
        return {"datasetUuid": uuid, "backingFolderUuid": None}

    def list_datasets(self, query: Any, asked: Any) -> Any:
        return {"result": _titled(self.world.datasets.values(), query)}

    def create_folder(self, query: Any, asked: Any) -> Any:
        uuid, at = self.world.new_id(), self.world.now().isoformat()
        made = {"uuid": uuid, "parent": None, "name": asked["name"], "description": ""}
        made |= {"clientMetadata": None, "owner": self.by, "createdAt": at, "lastEditedAt": at}
        made |= {"userRole": "admin", "syncedDatasetHash": None, "pathToRoot": []}
        self.world.folders[uuid] = made
        return made

    def folders(self, query: Any, asked: Any) -> Any:
        wanted = query.get("search", [""])[0]
        return _page([one for one in self.world.folders.values() if wanted in one["name"]])

    def folder(self, uuid: str, query: Any, asked: Any) -> Any:
        return found_in(self.world.folders, uuid)

    def items(self, uuid: str, query: Any, asked: Any) -> Any:
        wanted = query.get("search", [""])[0]
        found = [i for i in self.world.items.values() if i.folder == uuid and wanted in i.name]
        return _page([self._item(one) for one in found])

    def urls(self, uuid: str, query: Any, asked: Any) -> Any:
        found_in(self.world.folders, uuid)
        made = [self.world.new_id() for _ in range(asked["count"])]
        return _page(
            [
                {
                    "itemUuid": one,
                    "objectKey": f"videos/{one}",
                    "signedUrl": f"{self.url}/bucket/{one}?X-Signature=secret",
                    "uploadHeaders": {},
                }
                for one in made
            ]
        )

    def start_job(self, uuid: str, query: Any, asked: Any) -> Any:
        items, errors = [], []
        bucket = self._bucket(asked.get("integrationHash"))
        files = asked.get("dataItems") or asked.get("externalFiles") or {}
        known = {item.url for item in self.world.items.values() if item.folder == uuid}
        for video in files["videos"]:
            if files.get("skipDuplicateUrls") and video["objectUrl"] in known:
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

    def job(self, uuid: str, job: str, query: Any, asked: Any) -> Any:
        found = found_in(self.world.jobs, job)
        if self.world.pending:
            self.world.pending -= 1
            return {**found, "status": "PENDING", "itemsWithNames": [], "unitsPendingCount": 1}
        return found

    def item(self, uuid: str, query: Any, asked: Any) -> Any:
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

    def delete_items(self, uuid: str, query: Any, asked: Any) -> Any:
        for one in asked["childUuids"]:
            self.world.forget_item(one)
        return {"removedItemsCount": len(asked["childUuids"]), "removedFoldersCount": 0}

    def projects(self, query: Any, asked: Any) -> Any:
        wanted = query.get("titleEq", [None])[0]
        found = [p for p in self.world.projects.values() if wanted in (None, p.title)]
        return _page([self._project(one) for one in found])

    def project(self, uuid: str, query: Any, asked: Any) -> Any:
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

    def project_datasets(self, uuid: str, query: Any, asked: Any) -> Any:
        found = [self.world.datasets[one] for one in found_in(self.world.projects, uuid).datasets]
        return _page(
            {"datasetHash": one["datasetUuid"], "title": one["title"], "description": ""}
            for one in found
        )

    def tasks(self, uuid: str, stage: str, query: Any, asked: Any) -> Any:
        project = found_in(self.world.projects, uuid)
        wanted = query.get("dataHashes")
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
                if task.stage == stage and (wanted is None or data in wanted)
            ]
        )

    def act(self, uuid: str, stage: str, query: Any, asked: Any) -> Any:
        project = found_in(self.world.projects, uuid)
        for one in asked:
            self.world.act(project, stage, one, self.by)

    def copy_branch(self, uuid: str, query: Any, asked: Any) -> Any:
        project = found_in(self.world.projects, uuid)
        return {"copiedCount": self.world.copy_branch(project, asked, self.by)}

    def actions(self, query: Any, asked: Any) -> Any:
        return _page([one for one in self.world.actions if _wanted(one, query, "timestamp")])

    def times(self, query: Any, asked: Any) -> Any:
        found = [one for one in self.world.times if one["project"] == query["projectUuid"][0]]
        told = [one for one in found if _wanted(one, query, "periodEndTime")]
        return _page({k: v for k, v in one.items() if k != "project"} for one in told)

    def buckets(self, query: Any, asked: Any) -> Any:
        wanted = query.get("filterIntegrationTitles")
        titles = [t for t in self.world.integrations if wanted is None or t in wanted]
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


def _wanted(one: Json, query: dict[str, list[str]], time_key: str) -> bool:
    at, after = datetime.fromisoformat(one[time_key]), _instant(query["after"][0])
    before = query.get("before")
    units = query.get("dataUnitUuids")
    kinds = query.get("eventTypes")
    return (
        at >= after
        and (before is None or at < _instant(before[0]))
        and (units is None or one["dataUnitUuid"] in units)
        and (kinds is None or one["actionType"] in kinds)
    )


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise Refused(400, message=f"{text} has no time zone")
    return found


def _titled(found: Any, query: dict[str, list[str]]) -> list[Json]:
    wanted = query.get("titleEq", [None])[0]
    return [one for one in found if wanted in (None, one["title"])]


def _page(found: Any) -> Json:
    return {"results": list(found), "nextPageToken": None}


def _uuid(title: str) -> str:
    digest = hashlib.sha256(title.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
