"""prefect.yaml, and what importing the flows costs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.waits import HANG_SECONDS

ROOT = Path(__file__).parents[2]


def test_the_environment_needs_no_prefect_and_the_flows_no_torch() -> None:
    code = (
        "import sys; from oneclick.flows import environment; assert 'prefect' not in sys.modules; "
        "import oneclick.flows.one_click, oneclick.flows.maintain; "
        "assert not {'torch', 'torchvision', 'wandb'} & set(sys.modules), 'torch'"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=HANG_SECONDS)


def test_deployments_name_flows_that_exist_and_share_none() -> None:
    from prefect.flows import Flow, load_flow_from_entrypoint

    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    flows: list[Any] = [load_flow_from_entrypoint(d["entrypoint"]) for d in deployments]
    assert all(isinstance(flow, Flow) for flow in flows)
    assert len({flow.name for flow in flows}) == len(deployments) == 8
    names = [f"{flow.name}/{d['name']}" for flow, d in zip(flows, deployments, strict=True)]
    assert {"label/label", "train/train-weekly", "one-click/one-click"} <= set(names)


def test_every_deployment_refuses_to_overlap_itself_and_keeps_its_hours() -> None:
    from prefect.client.schemas.schedules import CronSchedule

    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    limits = [d["concurrency_limit"] for d in deployments]
    assert limits == [{"limit": 1, "collision_strategy": "CANCEL_NEW"}] * len(deployments)
    crons = {d["name"]: s["cron"] for d in deployments for s in d["schedules"]}
    assert all(CronSchedule(cron=cron, timezone="UTC") for cron in crons.values())
    assert crons["train-weekly"] == "0 2 * * 0"
    assert "one-click" not in crons
