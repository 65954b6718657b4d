"""Encord on a port of its own: both protocols that its SDK speaks, with signatures checked.

It can answer late, with errors, or not at all (`script`), and remembers every request (`log`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tests.fakes.encord_world import MAIN, Item, Json, Project, Refused, World, missing

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Call:
    """One request."""

    number: int
    """0, 1, 2 … since the log was emptied."""
    name: str
    """`GET ontologies/*` or `labelrow PUT`."""
    size: int
    """Bytes of its body."""
    units: int
    """How many uids or actions it carries."""
    agent: str = ""


Fault = str | tuple[int, dict[str, str]] | float | None
"""`drop` before it is handled, `lose` the answer, (status, headers), or seconds to wait."""


def new_key() -> tuple[str, str]:
    """A private key as OpenSSH text, and its public half in hexadecimal."""
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return text.decode(), key.public_key().public_bytes(*raw).hex()


class EncordServer(ThreadingHTTPServer):
    """The service; `world` is what it keeps."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.world = World()
        self.log: list[Call] = []
        self.script: Callable[[Call], Fault] = lambda call: None
        self.most = 50_000_000
        """Largest body in bytes."""
        self.bodies: list[bytes] | None = None
        """What was sent, where a test asks for it."""
        self.mistakes: list[str] = []
        """Where this server itself fell over; a test asserts that there are none."""
        self._serving = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._serving.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def user(self, mail: str) -> str:
        """Register somebody; their private key."""
        private, public = new_key()
        self.world.keys[public] = mail
        return private

    def calls(self, name: str) -> list[Call]:
        """Requests whose name begins so."""
        return [call for call in self.log if call.name.startswith(name)]

    def end(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: EncordServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Silence."""

    def _serve(self) -> None:
        body = self._body()
        split = urlsplit(self.path)
        legacy = split.path in ("/public", "/public/user")
        if self.server.bodies is not None:
            self.server.bodies.append(self.path.encode() + body)
        asked = _parsed(body)
        call = self._call(split.path, legacy, asked, len(body))
        fault = self.server.script(call)
        if isinstance(fault, float):
            time.sleep(fault)
        elif fault == "drop":
            return self._hang_up()
        elif isinstance(fault, tuple):
            return self._send(fault[0], {"message": "trouble"}, fault[1])
        try:
            with self.server.world.lock:
                if len(body) > self.server.most:
                    raise Refused(413, message=f"more than {self.server.most} bytes")
                status, answer = self._answer(split, legacy, asked, body)
        except Refused as refused:
            status, answer = _refusal(refused, legacy)
        except Exception as error:
            self.server.mistakes.append(f"{call.name}: {error!r}")
            status, answer = 500, {"message": repr(error)}
        if fault == "lose":
            return self._hang_up()
        return self._send(status, answer, {})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _call(self, path: str, legacy: bool, asked: Any, size: int) -> Call:
        if legacy:
            name = f"{asked['query_type']} {asked['query_method']}"
            uids = asked["values"]["uid"]
            units = len(uids) if isinstance(uids, list) else 1
        else:
            short = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "*", path.removeprefix("/v2/public/"))
            name, units = f"{self.command} {short}", len(asked) if isinstance(asked, list) else 1
        agent = self.headers.get("user-agent", "")
        with self.server.world.lock:
            call = Call(len(self.server.log), name, size, units, agent)
            self.server.log.append(call)
        return call

    def _answer(self, split: Any, legacy: bool, asked: Any, body: bytes) -> tuple[int, Any]:
        world = self.server.world
        if split.path.startswith("/bucket/"):
            if parse_qs(split.query).get("X-Signature") != ["secret"]:
                raise Refused(403)
            world.uploads[split.path.rsplit("/", 1)[-1]] = body
            return 200, {}
        by = self._legacy_user(body) if legacy else self._user(body)
        if by in world.revoked:
            raise Refused(403, "AUTHORISATION_ERROR")
        if legacy:
            found = Legacy(world, by, self.headers.get("ResourceID", "")).answer(asked)
            return 200, {"status": 200, "response": found}
        found = Rest(world, by, self.server.url).answer(
            self.command, split.path, parse_qs(split.query), asked
        )
        return (204, None) if found is None else (200, found)

    def _legacy_user(self, body: bytes) -> str:
        public, _, signature = self.headers.get("Authorization", ":").partition(":")
        return self._known(public, bytes.fromhex(signature), hashlib.sha256(body).digest())

    def _user(self, body: bytes) -> str:
        given = self.headers.get("Signature-Input", "").removeprefix("encord-sig=")
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        public = re.search(r'keyid="([0-9a-f]+)"', given)
        if self.headers.get("Content-Digest") != digest or public is None:
            raise Refused(401)
        lines = {"@method": self.command, "@request-target": self.path}
        lines |= {"content-digest": digest, "@signature-params": given}
        text = "\n".join(f'"{key}": {value}' for key, value in lines.items())
        signature = self.headers.get("Signature", "").removeprefix("encord-sig=:").rstrip(":")
        return self._known(public[1], base64.b64decode(signature), text.encode())

    def _known(self, public: str, signature: bytes, text: bytes) -> str:
        mail = self.server.world.keys.get(public)
        if mail is None:
            raise Refused(401, "AUTHENTICATION_ERROR", "unknown key")
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, text)
        except InvalidSignature:
            raise Refused(401, "AUTHENTICATION_ERROR", "wrong signature") from None
        return mail

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, status: int, content: Any, headers: dict[str, str]) -> None:
        data = b"" if status == 204 else json.dumps(content).encode()
        self.send_response(status)
        for key, value in {"content-type": "application/json", **headers}.items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body[:1] in (b"{", b"[") else None
    except ValueError:
        return None


def _refusal(refused: Refused, legacy: bool) -> tuple[int, Any]:
    if legacy and refused.status not in (413, 429):
        return 200, {
            "status": refused.status,
            "response": [refused.code],
            "payload": refused.message or None,
        }
    return refused.status, {"message": refused.message}


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
        return _found(self.world.ontologies, uuid)

    def change_ontology(self, uuid: str, query: Any, asked: Any) -> Any:
        found = _found(self.world.ontologies, uuid)
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
        return _found(self.world.folders, uuid)

    def items(self, uuid: str, query: Any, asked: Any) -> Any:
        wanted = query.get("search", [""])[0]
        found = [i for i in self.world.items.values() if i.folder == uuid and wanted in i.name]
        return _page([self._item(one) for one in found])

    def urls(self, uuid: str, query: Any, asked: Any) -> Any:
        _found(self.world.folders, uuid)
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
        found = _found(self.world.jobs, job)
        if self.world.pending:
            self.world.pending -= 1
            return {**found, "status": "PENDING", "itemsWithNames": [], "unitsPendingCount": 1}
        return found

    def item(self, uuid: str, query: Any, asked: Any) -> Any:
        return self._item(_found(self.world.items, uuid))

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
        return self._project(_found(self.world.projects, uuid))

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
        found = [self.world.datasets[one] for one in _found(self.world.projects, uuid).datasets]
        return _page(
            {"datasetHash": one["datasetUuid"], "title": one["title"], "description": ""}
            for one in found
        )

    def tasks(self, uuid: str, stage: str, query: Any, asked: Any) -> Any:
        project = _found(self.world.projects, uuid)
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
        project = _found(self.world.projects, uuid)
        for one in asked:
            self.world.act(project, stage, one, self.by)

    def copy_branch(self, uuid: str, query: Any, asked: Any) -> Any:
        project = _found(self.world.projects, uuid)
        return {"copiedCount": self.world.copy_branch(project, asked, self.by)}

    def actions(self, query: Any, asked: Any) -> Any:
        return _page([one for one in self.world.actions if _wanted(one, query, "timestamp")])

    def times(self, query: Any, asked: Any) -> Any:
        found = [one for one in self.world.times if one["project"] == query["projectUuid"][0]]
        return _page([one for one in found if _wanted(one, query, "periodEndTime")])

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


class Legacy:
    """The older protocol: one address, the question in the body."""

    def __init__(self, world: World, by: str, resource: str) -> None:
        self.world, self.by, self.resource = world, by, resource

    def answer(self, asked: Any) -> Any:
        name = f"{asked['query_type']} {asked['query_method']}"
        if name not in _QUERIES:
            raise Refused(400, "NOT_IN_FAKE", name)
        values = asked["values"]
        return _QUERIES[name](self, values["uid"], values["payload"] or {})

    @property
    def project(self) -> Project:
        return _found(self.world.projects, self.resource)

    def create_project(self, uid: Any, asked: Json) -> Any:
        world = self.world
        for dataset in asked["dataset_hashes"]:
            _found(world.datasets, dataset)
        stages: list[Json] = [
            {"stageType": kind, "uuid": world.new_id(), "title": title}
            for title, kind in world.stages
        ]
        for stage, after in pairwise(stages):
            if stage["stageType"] == "AGENT":
                way = {"uuid": world.new_id(), "title": "on", "destinationUuid": after["uuid"]}
                stage["pathways"] = [way]
        ontology = asked["ontology_hash"]
        made = Project(
            world.new_id(), asked["title"], ontology, asked["dataset_hashes"], self.by, stages
        )
        world.projects[made.uuid] = made
        world.add_tasks(made)
        return made.uuid

    def add_dataset(self, uid: Any, asked: Json) -> Any:
        for dataset in asked["dataset_hashes"]:
            _found(self.world.datasets, dataset)
            self.project.datasets.append(dataset)
        self.world.add_tasks(self.project)
        return True

    def dataset(self, uid: Any, asked: Json) -> Any:
        found = _found(self.world.datasets, self.resource)
        made = {"title": found["title"], "description": "", "dataset_type": "CORD_STORAGE"}
        return made | {"dataset_hash": self.resource, "backing_folder_uuid": None, "data_rows": []}

    def link(self, uid: Any, asked: Json) -> Any:
        made = self.world.link(self.resource, asked["item_uuids"])
        return [self._data_row(unit) for unit in made]

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

    def delete_units(self, uid: Any, asked: Json) -> Any:
        for data in uid:
            self.world.forget_unit(data)
        return True

    def rows(self, uid: Any, asked: Json) -> Any:
        project, with_metadata = self.project, asked["include_client_metadata"]
        if self.world.late:
            self.world.late -= 1
            return []
        found = []
        for unit in self.world.units_of(project):
            branches = [asked["branch_name"] or MAIN]
            if asked["include_all_label_branches"]:
                made = [branch for data, branch in project.labels if data == unit["hash"]]
                branches = made or branches
            rows = [self._row(unit, branch, with_metadata) for branch in branches]
            found += [row for row in rows if _row_wanted(row, asked)]
        return found

    def _row(self, unit: Json, branch: str, with_metadata: bool) -> Json:
        project, data = self.project, unit["hash"]
        item, task = self.world.items[unit["item"]], project.tasks[data]
        label = project.labels.get((data, branch))
        frames, fps, width, height = item.probed or (0, 1.0, 0, 0)
        stage = next(one for one in project.stages if one["uuid"] == task.stage)
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

    def create_labels(self, uid: Any, asked: Json) -> Any:
        branch = asked["branch_name"] or MAIN
        for data in uid:
            self.world.create_label(self.project, data, branch, self.by)
        return [self._blob(data, branch) for data in uid]

    def read_labels(self, uid: Any, asked: Json) -> Any:
        return [self._blob(*self.world.label(self.project, one)[:2]) for one in uid]

    def save_labels(self, uid: Any, asked: Json) -> Any:
        for one in uid:
            self.world.label(self.project, one)
        for one, blob in zip(uid, asked["labels"], strict=True):
            self.world.save(self.project, one, blob, self.by)
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
        kept = label.blob
        return {
            **kept,
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
            "data_units": {data: {**kept["data_units"][data], **described}},
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


def _row_wanted(row: Json, asked: Json) -> bool:
    same = {
        "data_hashes": row["data_hash"],
        "label_hashes": row["label_hash"],
    }
    equal = {
        "data_title_eq": row["data_title"],
        "workflow_graph_node_title_eq": row["workflow_graph_node"]["title"],
    }
    after = asked["edited_after"]
    return (
        all(asked[key] is None or value in asked[key] for key, value in same.items())
        and all(asked[key] in (None, value) for key, value in equal.items())
        and (after is None or (row["last_edited_at"] or "") > after)
    )


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


def _found(known: dict[str, Any], key: str) -> Any:
    if key not in known:
        raise missing()
    return known[key]


def _uuid(title: str) -> str:
    digest = hashlib.sha256(title.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
