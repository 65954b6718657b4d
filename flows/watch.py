"""Watch: which cameras and models are beyond the limits of the settings, and who is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from prefect import flow, task

from oneclick.core.errors import BadInput, OneclickError
from oneclick.core.results import BatchResult
from oneclick.flows import alerts, policy, repaired_settings
from oneclick.report import alerts as rules
from oneclick.report import edge, insight
from oneclick.services.mail import MailSettings
from oneclick.settings import Settings
from oneclick.storage import alert_log, cameras, live_state, locks
from oneclick.storage.alert_log import Alert, AlertKind, AlertLog
from oneclick.storage.workspace import Workspace

INSIGHT_EVERY = timedelta(hours=1)
"""What models do over a week is looked at so often."""


@task(name="check", tags=["compute"], timeout_seconds=policy.HOUR, **policy.TASK)
def check(home: Path, limits: rules.AlertRules, failed: dict[str, str]) -> dict[str, str]:
    """Check cameras and models, and record what is beyond a limit; return what failed."""
    return check_alerts(home, limits, datetime.now(UTC), failed)


@task(name="tell", tags=["io"], timeout_seconds=policy.HOUR, **policy.TASK)
def tell(
    home: Path, webhook: str, blocks: tuple[str, ...], mail_settings: MailSettings
) -> dict[str, str]:
    """Send the news that people lack; return who could not be told."""
    return alerts.tell_alerts(home, alerts.receivers(webhook, blocks, mail_settings))


@flow(name="watch", **policy.OFTEN)
def watch(home: Path | None = None) -> dict[str, Any]:
    """Tell people about silent cameras, and about models that do something else than before.

    Settings that are wrong stop it least of all: the rest of them is used, and they are told.
    """
    conf, problem = repaired_settings.load(home=home)
    failed = {"settings": problem} if problem else {}
    limits = alert_rules(conf, failed)
    failed = check(conf.home, limits, failed)
    failed |= tell(conf.home, conf.alerts.webhook, conf.alerts.blocks, conf.alerts.mail)
    standing = [alert.text for alert in rules.open_alerts(conf.home)]
    lines = [f"- {text}" for text in (*standing, *failed.values())]
    policy.add_markdown("alerts", "\n".join(lines) or "All is well.")
    return policy.flow_result(BatchResult(failed=failed), alerts=standing)


def alert_rules(conf: Settings, failed: dict[str, str]) -> rules.AlertRules:
    """Return the limits of the settings, and the cameras that should always run.

    Args:
        conf: the settings.
        failed: gets why nobody can tell these cameras, where settings or names are broken.
    """
    workspace, names = Workspace(conf.home), [*conf.live.cameras]
    expected: list[str] | None = None
    if "settings" not in failed:
        try:
            expected = cameras.typed_cameras(workspace, names, conf.cameras.codes)
        except OneclickError as error:
            failed["cameras"] = str(error)
    limits = conf.alerts.model_dump(exclude={"webhook", "blocks", "mail"})
    return rules.AlertRules(**limits, expected=expected)


def check_alerts(
    home: Path,
    limits: rules.AlertRules,
    now: datetime,
    failed: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Record what is beyond a limit now; return what could not be checked, with the reason.

    Args:
        home: the workspace folder.
        limits: of the settings.
        now: time of the check.
        failed: what is broken already.

    Raises:
        NoSpace, Unavailable: the alerts cannot be written.
    """
    workspace, failed = Workspace(home), dict(failed)
    unchecked: list[AlertKind] = []
    log = load_or_begin(workspace, failed)
    limits = replace(limits, expected=_expected_cameras(home, limits, log))
    missed = rules.missed_cameras(home, limits, now, log.missed)
    log = msgspec.structs.replace(log, missed=missed)
    standing: list[Alert] = list(rules.live_alerts(home, limits, now, log))
    try:
        standing += rules.edge_alerts(edge.edge_cameras(home), limits, now)
    except BadInput as error:
        unchecked.append("edge-silent")
        failed["edge"] = str(error)
    last = log.insight_at
    is_due = last is None or not timedelta(0) <= now - last < INSIGHT_EVERY
    if is_due:
        try:
            standing += rules.insight_alerts(insight.measure_insight(home, now), limits)
            last = now
        except OneclickError as error:
            is_due = False
            failed["insight"] = str(error)
    if not is_due:
        unchecked += rules.INSIGHT_KINDS
    with locks.file_lock(workspace.locks_dir / "alerts"):
        log = load_or_begin(workspace, failed)
        log = msgspec.structs.replace(
            log,
            records=rules.update_records(log.records, standing, now, unchecked),
            insight_at=last,
            checked_at=now,
            unchecked=failed,
            expected=tuple(limits.expected or ()),
            missed=missed,
        )
        alert_log.save(workspace, log)
    return failed


def _expected_cameras(home: Path, limits: rules.AlertRules, log: AlertLog) -> Collection[str]:
    """Return the cameras that should run: where settings are broken, those of the last check."""
    if limits.expected is not None:
        return limits.expected
    return live_state.cameras(home) if log.expected is None else log.expected


def load_or_begin(workspace: Workspace, failed: dict[str, str]) -> AlertLog:
    """Read the alerts; where the file is broken they begin anew, and `failed` tells so.

    A broken file must not keep people from being told: they are told once more.
    """
    try:
        return alert_log.load(workspace)
    except BadInput as error:
        failed["alerts"] = str(error)
        return AlertLog()
