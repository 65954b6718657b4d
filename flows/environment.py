"""Prefect's settings for a laptop with no server; importable without Prefect.

With a server or Prefect Cloud (PREFECT_API_URL, or a profile that names one), the user's settings
stay as they are.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

from oneclick.core import garbage
from oneclick.services import prefect_settings
from oneclick.storage.workspace import Workspace

DEFAULTS = {
    "DO_NOT_TRACK": "1",
    # DO_NOT_TRACK stops the client's events only; the server's heartbeat has its own switch.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A first start migrates its database: 18 s on two idle cores, where Prefect waits 20.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # Recorded one by one, task runs lock SQLite: 30 a second; in batches 140.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1.0",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    # A deployment whose worker died is free again after a minute, not five.
    "PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION": "60",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    # `python -m` would import a calendar.py or yaml.py of the current folder in place of the real.
    "PYTHONSAFEPATH": "1",
}


def prepare(home: Path) -> str:
    """Make flows callable; to be called before Prefect is imported.

    With no server set, one is started for this process, silent, with its data in `<home>/.prefect`.

    Returns:
        A line for the user, mostly empty.

    Raises:
        Unavailable, NoSpace: the server cannot start.
    """
    Workspace(home).create()
    if not apply_defaults(home):
        return ""
    from oneclick.flows import local_server

    server = local_server.EmbeddedServer(Path(os.environ["PREFECT_HOME"]))
    # Two seconds of imports that the first flow needs anyway, while the server starts.
    with garbage.paused():
        import_module("oneclick.flows.one_click")
    timeout = os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"]
    server.wait_until_ready(float(timeout))
    return server.notice


def apply_defaults(home: Path) -> bool:
    """Set the variables that the user has not set; return whether a server must be started."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    if prefect_settings.api_url():
        return False
    os.environ.setdefault("PREFECT_HOME", str(home.resolve() / ".prefect"))
    # At ERROR a failed task prints its traceback above our one-line error.
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    return True
