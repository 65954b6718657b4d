"""Deployments, flow runs and their logs on a Prefect server; Prefect itself is not loaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from oneclick.core.errors import OneclickError, UnknownName
from oneclick.services import prefect_access, prefect_settings
from oneclick.services.prefect_http import PrefectConnection, first_line

OVER = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
"""Types of final states."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A flow that can be started, with its schedule."""

    id: str
    name: str
    flow: str
    schedules: tuple[str, ...]
    """Active cron lines or intervals."""
    paused: bool
    parameters: dict[str, Any]
    """Defaults of its runs."""
    schema: dict[str, Any]
    """JSON schema of its parameters."""
    description: str
    next: datetime | None = None
    """Next scheduled start, UTC."""

    @property
    def label(self) -> str:
        """Return its name in Prefect, flow/deployment."""
        return f"{self.flow}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class PrefectFlowRun:
    """A flow run on the server."""

    id: str
    name: str
    flow: str
    state: str
    started: datetime | None
    ended: datetime | None
    message: str
    over: bool = False
    """Whether its state is final."""


@dataclass(frozen=True)
class FlowRunLogLine:
    """One line of the log of a flow run."""

    at: datetime
    level: int
    """As in Python's logging: 20 information, 30 warning, 40 error."""
    text: str


class PrefectServer(PrefectConnection):
    """Deployments and flow runs of one server."""

    def version(self) -> str:
        """Return the version of the server."""
        return str(self.request("GET", "/admin/version", kind=str))

    def deployments(self) -> list[Deployment]:
        """Return all deployments, sorted by flow and name."""
        flows = self._flow_names()
        starts = self.next_starts()
        deployments = [
            Deployment(
                id=row["id"],
                name=row["name"],
                flow=flows.get(row["flow_id"], ""),
                schedules=tuple(
                    _schedule_text(schedule["schedule"])
                    for schedule in row.get("schedules") or []
                    if schedule["active"]
                ),
                paused=bool(row.get("paused")),
                parameters=row.get("parameters") or {},
                schema=row.get("parameter_openapi_schema") or {},
                description=row.get("description") or "",
                next=starts.get(row["id"]),
            )
            for row in self.fetch_all("/deployments/filter")
        ]
        return sorted(deployments, key=lambda deployment: deployment.label)

    def next_starts(self) -> dict[str, datetime]:
        """Return the next scheduled start of each deployment by its id."""
        body = {
            "sort": "EXPECTED_START_TIME_ASC",
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
        }
        starts: dict[str, datetime] = {}
        for row in self.fetch_all("/flow_runs/filter", body):
            at = _time(row.get("expected_start_time"))
            if at and row.get("deployment_id"):
                starts.setdefault(row["deployment_id"], at)
        return starts

    def deployment(self, name: str) -> Deployment:
        """Return one deployment by its name, `flow/name`, or id.

        Raises:
            UnknownName: there is none.
        """
        deployments = self.deployments()
        for deployment in deployments:
            if name in (deployment.name, deployment.label, deployment.id):
                return deployment
        raise UnknownName("deployment", name, [deployment.label for deployment in deployments])

    def runs(
        self, limit: int = 60, flow: str | None = None, state: str | None = None
    ) -> list[PrefectFlowRun]:
        """Return runs that have started or are due, newest first.

        Args:
            limit: maximum number of runs.
            flow: name of a flow, or any.
            state: name of a state, or any.
        """
        flows = self._flow_names()
        state_filter: dict[str, Any] = {"type": {"not_any_": ["SCHEDULED"]}}
        if state is not None:
            state_filter["name"] = {"any_": [state]}
        body: dict[str, Any] = {"sort": "START_TIME_DESC", "flow_runs": {"state": state_filter}}
        if flow is not None:
            body["flows"] = {"name": {"any_": [flow]}}
        rows = self.fetch_all("/flow_runs/filter", body, limit)
        return [_flow_run(row, flows.get(row["flow_id"], "")) for row in rows]

    def run(self, run: str) -> PrefectFlowRun:
        """Return one run by its id.

        Raises:
            UnknownName: there is none.
        """
        row = self.request("GET", f"/flow_runs/{quote(run, safe='')}")
        return _flow_run(row, self._flow_names().get(row["flow_id"], ""))

    def start(self, name: str, parameters: dict[str, Any] | None = None) -> str:
        """Start a deployment, with parameters that override its own; return the id of the run.

        Raises:
            UnknownName: there is no such deployment, or it takes no such parameter.
        """
        deployment = self.deployment(name)
        properties = deployment.schema.get("properties", {})
        for parameter in parameters or {}:
            if properties and parameter not in properties:
                raise UnknownName(f"parameter of {deployment.label}", parameter, sorted(properties))
        body = {"parameters": {**deployment.parameters, **(parameters or {})}}
        path = f"/deployments/{deployment.id}/create_flow_run"
        return str(self.request("POST", path, body)["id"])

    def cancel(self, run: str) -> str:
        """Cancel a run; return the name of its state.

        Raises:
            OneclickError: the server rejects it, since the run has ended.
        """
        state = {"type": "CANCELLING", "name": "Cancelling"}
        path = f"/flow_runs/{quote(run, safe='')}/set_state"
        response = self.request("POST", path, {"state": state})
        if response.get("status") not in ("ACCEPT", None):
            reason = (response.get("details") or {}).get("reason") or "it has ended"
            raise OneclickError(f"run {run} was not cancelled: {reason}")
        return str((response.get("state") or {}).get("name", "Cancelling"))

    def logs(
        self, run: str, after: datetime | None = None, limit: int | None = None
    ) -> list[FlowRunLogLine]:
        """Return the log lines of a run after a time, oldest first; at most the last `limit`."""
        log_filter: dict[str, Any] = {"flow_run_id": {"any_": [run]}}
        if after is not None:
            log_filter["timestamp"] = {"after_": after.isoformat()}
        body = {"logs": log_filter, "sort": "TIMESTAMP_DESC" if limit else "TIMESTAMP_ASC"}
        lines = [
            FlowRunLogLine(
                msgspec.convert(row["timestamp"], datetime), row["level"], row["message"]
            )
            for row in self.fetch_all("/logs/filter", body, limit)
        ]
        lines.sort(key=lambda line: line.at)
        return [line for line in lines if after is None or line.at > after]

    def _flow_names(self) -> dict[str, str]:
        return {row["id"]: row["name"] for row in self.fetch_all("/flows/filter")}


def connect(home: Path | None = None) -> PrefectServer | None:
    """Return the user's Prefect server, or else that of `oneclick up`; None if there is neither.

    Args:
        home: the workspace whose `oneclick up` may run on this machine.
    """
    seconds = prefect_settings.request_seconds()
    if url := prefect_settings.api_url():
        return PrefectServer(url, prefect_settings.setting("PREFECT_API_KEY") or "", seconds)
    running = prefect_access.find_running(home) if home else None
    if running is None:
        return None
    scheme, _, address = running[0].partition("://")
    return PrefectServer(f"{scheme}://{running[1]}@{address}", seconds=seconds)


def _flow_run(row: dict[str, Any], flow: str) -> PrefectFlowRun:
    return PrefectFlowRun(
        id=row["id"],
        name=row["name"],
        flow=flow,
        state=row.get("state_name") or "",
        started=_time(row.get("start_time")),
        ended=_time(row.get("end_time")),
        message=first_line((row.get("state") or {}).get("message")),
        over=row.get("state_type") in OVER,
    )


def _schedule_text(schedule: dict[str, Any]) -> str:
    if cron := schedule.get("cron"):
        return str(cron)
    if interval := schedule.get("interval"):
        return f"every {interval:.0f} s"
    return str(schedule.get("rrule", ""))


def _time(text: str | None) -> datetime | None:
    return msgspec.convert(text, datetime) if text else None
