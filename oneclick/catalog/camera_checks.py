"""Checks of what is kept about cameras: mutes, incidents, alerts, and the intake of the edge."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

from oneclick.catalog.file_checks import FileCheck
from oneclick.core.edge_messages import SpanRequest
from oneclick.core.errors import BadInput
from oneclick.storage import intake_log, sealed_files, span_requests
from oneclick.storage.alert_log import AlertLog
from oneclick.storage.incidents import Incident
from oneclick.storage.intake_log import LogRecord
from oneclick.storage.inventories import Inventory
from oneclick.storage.mutes import Mute

_TOLERANCE = timedelta(seconds=1)
"""Videos tell times in steps; a second is far below the length of a segment."""


class CameraCheck(FileCheck):
    """Mutes, incidents, alerts; tokens, counts, segments and requests of edge cameras."""

    def run(self) -> list[str]:
        """Return a sentence for each problem."""
        for path in self.paths("mutes/*.json"):
            self.read("muted trigger", sealed_files.read, path, Mute)
        for path in self.missing_files("incidents", Inventory.INCIDENTS):
            self.add("incident", f"{path} is missing: restore it; its camera's video is kept")
        for path in self.paths("incidents/*.json"):
            self.read("incident", sealed_files.read, path, Incident)
        if self.workspace.alerts_file.exists():
            self.read("alerts", sealed_files.read, self.workspace.alerts_file, AlertLog)
        for path in self.paths("intake/*.json"):
            self.read("edge cameras", sealed_files.read, path)
        for folder in sorted({path.parent for path in self.paths(intake_log.PATTERN)}):
            self._check_segments(folder)
        for path in self.paths(f"intake/*/{intake_log.BROKEN}/*"):
            self.add(f"edge camera {path.parts[-3]}", f"{path} was damaged and is set aside")
        for path in self.paths("intake/*/spans/*.json"):
            self.read(f"request {path.stem}", self._check_request, path)
        for suffix in span_requests.ANSWER_SUFFIXES:
            for path in self.paths(f"intake/*/spans/*{suffix}"):
                if not (request := path.with_suffix(".json")).exists():
                    self.add(f"request {path.stem}", f"{request} is missing: restore it")
        for path in self.paths("intake/*/spans/done/*.json"):
            self.read(f"request {path.stem}", sealed_files.read, path, SpanRequest)
        return self.problems

    def _check_segments(self, folder: Path) -> None:
        """Check that the segments of a camera are sound, and what came before is a Video."""
        name, expected = f"edge camera {folder.name}", -1
        for path in intake_log.segments(folder):
            if not path.exists():  # taken in meanwhile
                continue
            self.read(name, intake_log.check, path)
            records = self.read(name, lambda path=path: list(intake_log.records(path))) or []
            if records and int(path.stem) != expected and not self._is_taken_in(folder, records[0]):
                moment = datetime.fromtimestamp(records[0].last_time, UTC)
                text = f"what it sent until {moment:%Y-%m-%d %H:%M:%S} UTC is lost"
                self.add(name, f"{text}: the segment before {path} is missing, restore it")
            expected = records[-1].next if records else -1

    def _is_taken_in(self, folder: Path, first: LogRecord) -> bool:
        """Check whether what came before the first record of a segment is a Video."""
        if not math.isfinite(first.last_time):
            return True  # nothing came
        if not datetime.min.year <= first.last_time / 31557600 + 1970 <= datetime.max.year:
            return True  # named as broken
        moment = datetime.fromtimestamp(first.last_time, UTC)
        since, until = moment - _TOLERANCE, moment + _TOLERANCE
        return bool(self.catalog.videos_between(since, until, folder.name))

    def _check_request(self, path: Path) -> None:
        """Check a request that is not finished, and what the device sent for it.

        Raises:
            BadInput: one of the files is broken or missing.
        """
        request: SpanRequest = sealed_files.read(path, SpanRequest)
        if request.state == "uploaded":
            try:
                span_requests.source_of(self.workspace, request)
            except BadInput as error:
                raise BadInput(f"{error}: the device is asked again") from None
