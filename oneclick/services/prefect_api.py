"""A Prefect server or Prefect Cloud, asked over its API; Prefect itself is never loaded."""

from __future__ import annotations

import base64
import os
import time
import tomllib
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

import msgspec

from oneclick.core.errors import OneclickError, Unavailable, UnknownName, UsageError

SECONDS = 5.0
PAGE = 200
"""Rows of one answer: a server gives no more."""
BUSY = 503
OVER = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
"""Types of states that are the last."""


@dataclass(frozen=True)
class Deployment:
    """A flow that can be started, and when it starts by itself."""

    id: str
    name: str
    flow: str
    schedules: tuple[str, ...]
    """Cron lines or intervals that are active."""
    paused: bool
    parameters: dict[str, Any]
    """What it starts with where nothing else is said."""
    schema: dict[str, Any]
    """JSON schema of its parameters."""
    description: str
    next: datetime | None = None
    """When it starts by itself the next time, UTC."""

    @property
    def label(self) -> str:
        """As Prefect names it: flow/deployment."""
        return f"{self.flow}/{self.name}"


@dataclass(frozen=True)
class ServerRun:
    """A flow run as the server knows it."""

    id: str
    name: str
    flow: str
    state: str
    started: datetime | None
    ended: datetime | None
    message: str
    over: bool = False
    """This state is the last."""


@dataclass(frozen=True)
class LogLine:
    """What a run said."""

    at: datetime
    level: int
    """As Python's logging: 20 information, 30 warning, 40 error."""
    text: str


class Orchestrator:
    """Calls to one server. All methods raise Unavailable if it does not answer as it should.

    Raises:
        UsageError: the URL is none.
    """

    def __init__(self, url: str, key: str = "", seconds: float = SECONDS) -> None:
        self.url, user = _apart(url.rstrip("/"))
        self._headers = {"Content-Type": "application/json"} | _authority(key, user)
        self._seconds = seconds

    def version(self) -> str:
        """Of the server."""
        return str(self._ask("GET", "/admin/version", kind=str))

    def deployments(self) -> list[Deployment]:
        """All deployments by flow and name."""
        flows = self._flows()
        starts = self._next()
        found = [
            Deployment(
                row["id"],
                row["name"],
                flows.get(row["flow_id"], ""),
                tuple(
                    _when(one["schedule"]) for one in row.get("schedules") or [] if one["active"]
                ),
                bool(row.get("paused")),
                row.get("parameters") or {},
                row.get("parameter_openapi_schema") or {},
                row.get("description") or "",
                starts.get(row["id"]),
            )
            for row in self._all("/deployments/filter")
        ]
        return sorted(found, key=lambda one: one.label)

    def deployment(self, name: str) -> Deployment:
        """One of them by its name, `flow/name`, or id.

        Raises:
            UnknownName: there is none.
        """
        found = self.deployments()
        for one in found:
            if name in (one.name, one.label, one.id):
                return one
        raise UnknownName("deployment", name, [one.label for one in found])

    def runs(
        self, limit: int = 60, flow: str | None = None, state: str | None = None
    ) -> list[ServerRun]:
        """Runs that started or are about to, newest first; of one flow, in one state by name."""
        flows = self._flows()
        wanted: dict[str, Any] = {"type": {"not_any_": ["SCHEDULED"]}}
        if state is not None:
            wanted["name"] = {"any_": [state]}
        body: dict[str, Any] = {"sort": "START_TIME_DESC", "flow_runs": {"state": wanted}}
        if flow is not None:
            body["flows"] = {"name": {"any_": [flow]}}
        found = self._all("/flow_runs/filter", body, limit)
        return [_run(row, flows.get(row["flow_id"], "")) for row in found]

    def run(self, run: str) -> ServerRun:
        """One run by its id.

        Raises:
            UnknownName: there is none.
        """
        row = self._ask("GET", f"/flow_runs/{quote(run, safe='')}")
        return _run(row, self._flows().get(row["flow_id"], ""))

    def start(self, name: str, parameters: dict[str, Any] | None = None) -> str:
        """Start a deployment with these parameters beside its own; the id of the run.

        Raises:
            UnknownName: there is no such deployment, or it takes no such parameter.
        """
        found = self.deployment(name)
        known = found.schema.get("properties", {})
        for parameter in parameters or {}:
            if known and parameter not in known:
                raise UnknownName(f"parameter of {found.label}", parameter, sorted(known))
        body = {"parameters": {**found.parameters, **(parameters or {})}}
        return str(self._ask("POST", f"/deployments/{found.id}/create_flow_run", body)["id"])

    def cancel(self, run: str) -> str:
        """Ask a run to end; what state it took."""
        state = {"type": "CANCELLING", "name": "Cancelling"}
        path = f"/flow_runs/{quote(run, safe='')}/set_state"
        said = self._ask("POST", path, {"state": state})
        if said.get("status") not in ("ACCEPT", None):
            why = (said.get("details") or {}).get("reason") or "it has ended"
            raise OneclickError(f"run {run} was not cancelled: {why}")
        return str((said.get("state") or {}).get("name", "Cancelling"))

    def logs(
        self, run: str, after: datetime | None = None, limit: int | None = None
    ) -> list[LogLine]:
        """What a run said after a moment, oldest first; the last `limit` lines of it."""
        wanted: dict[str, Any] = {"flow_run_id": {"any_": [run]}}
        if after is not None:
            wanted["timestamp"] = {"after_": after.isoformat()}
        body = {"logs": wanted, "sort": "TIMESTAMP_DESC" if limit else "TIMESTAMP_ASC"}
        found = self._all("/logs/filter", body, limit)
        lines = [LogLine(_at(row["timestamp"]), row["level"], row["message"]) for row in found]
        lines.sort(key=lambda line: line.at)
        return [line for line in lines if after is None or line.at > after]

    def _flows(self) -> dict[str, str]:
        return {row["id"]: row["name"] for row in self._all("/flows/filter")}

    def _next(self) -> dict[str, datetime]:
        """When each deployment starts the next time."""
        body = {
            "sort": "EXPECTED_START_TIME_ASC",
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
        }
        found: dict[str, datetime] = {}
        for row in self._all("/flow_runs/filter", body):
            at = _time(row.get("expected_start_time"))
            if at and row.get("deployment_id"):
                found.setdefault(row["deployment_id"], at)
        return found

    def _all(
        self, path: str, body: dict[str, Any] | None = None, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Rows of as many pages as there are, or as `limit` asks for."""
        found: list[dict[str, Any]] = []
        while True:
            size = PAGE if limit is None else min(PAGE, limit - len(found))
            part = {"limit": size, "offset": len(found)}
            page = self._ask("POST", path, {**(body or {}), **part}, list[dict[str, Any]])
            found += page
            if len(page) < size or len(found) == limit:
                return found

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        kind: Any = dict[str, Any],
    ) -> Any:
        data = msgspec.json.encode(body) if body is not None else None
        request = Request(self.url + path, data, self._headers, method=method)
        try:
            with self._answer(request) as answer:
                return msgspec.json.decode(answer.read(), type=kind)
        except HTTPError as error:
            with error:  # its connection is still open
                raise _refused(error, self.url, path) from None
        except (URLError, OSError, HTTPException, ValueError, msgspec.DecodeError) as error:
            why = getattr(error, "reason", None) or error
            raise Unavailable(
                f"the Prefect server at {self.url} does not answer ({why}): "
                "start it with oneclick up, or correct PREFECT_API_URL"
            ) from None

    def _answer(self, request: Request) -> Any:
        """Asked again while the server's database is busy."""
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                return urlopen(request, timeout=self._seconds)
            except HTTPError as error:
                if error.code != BUSY or time.monotonic() > deadline:
                    raise
                error.close()
            time.sleep(0.2)


def connect() -> Orchestrator | None:
    """The server the user works with; None where none is set."""
    url = api_url()
    return Orchestrator(url, setting("PREFECT_API_KEY") or "") if url else None


def api_url() -> str | None:
    """The Prefect server or Cloud the user works with, or None."""
    return setting("PREFECT_API_URL")


def setting(name: str) -> str | None:
    """A setting of Prefect from the environment or the active profile."""
    return os.environ.get(name) or _profile().get(name) or None


def _profile() -> dict[str, str]:
    """The active profile, as `prefect config set` and `prefect cloud login` write it."""
    folder = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect").expanduser()
    file = Path(os.environ.get("PREFECT_PROFILES_PATH") or folder / "profiles.toml").expanduser()
    try:
        stored = tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return {}
    active = os.environ.get("PREFECT_PROFILE") or stored.get("active", "")
    found: dict[str, str] = stored.get("profiles", {}).get(active, {})
    return found


def _apart(url: str) -> tuple[str, str]:
    """An address as it may be shown, and the `user:password` that it held."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"PREFECT_API_URL is no address: {error}") from None
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)), unquote(user)


def _authority(key: str, user: str) -> dict[str, str]:
    """Cloud's key, or the user and password of a server that asks for them."""
    if key:
        return {"Authorization": f"Bearer {key}"}
    basic = user or setting("PREFECT_API_AUTH_STRING")
    if not basic:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(basic.encode()).decode()}"}


def _refused(error: HTTPError, url: str, path: str) -> OneclickError:
    if error.code in (401, 403):
        return Unavailable(f"the Prefect server at {url} refuses the key: set PREFECT_API_KEY")
    if error.code == 404 and path.startswith("/flow_runs/"):
        return UnknownName("flow run", unquote(path.split("/")[2]))
    if error.code in (400, 409, 422) and path.endswith("/create_flow_run"):
        return UsageError(f"the Prefect server refuses these parameters: {_why(error)}")
    return Unavailable(f"the Prefect server at {url} answers {error.code} to {path}")


def _why(error: HTTPError) -> str:
    """What the server says of it."""
    try:
        return _line(str(msgspec.json.decode(error.read(), type=dict[str, Any])["detail"]))
    except (OSError, HTTPException, msgspec.MsgspecError, KeyError):
        return f"it answers {error.code}"


def _run(row: dict[str, Any], flow: str) -> ServerRun:
    return ServerRun(
        row["id"],
        row["name"],
        flow,
        row.get("state_name") or "",
        _time(row.get("start_time")),
        _time(row.get("end_time")),
        _line((row.get("state") or {}).get("message")),
        row.get("state_type") in OVER,
    )


def _when(schedule: dict[str, Any]) -> str:
    if cron := schedule.get("cron"):
        return str(cron)
    if interval := schedule.get("interval"):
        return f"every {interval:.0f} s"
    return str(schedule.get("rrule", ""))


def _time(text: str | None) -> datetime | None:
    return _at(text) if text else None


def _at(text: str) -> datetime:
    return msgspec.convert(text, datetime)


def _line(text: str | None) -> str:
    return (text or "").strip().split("\n", 1)[0][:200]
