"""A training that is killed and taken up again, and one that is shared by several processes."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from oneclick.core.errors import OneclickError, UsageError
from oneclick.storage import datasets, files, model_cards
from oneclick.training import checkpoint, distributed, launch, loop, model, train
from oneclick.training.config import Equipment, TrainingConfig, TrainingJob, TrainingPaths
from oneclick.training.distributed import ProcessContext
from tests.training import ranks, toy
from tests.waits import wait_until

pytestmark = pytest.mark.e2e

CONFIG = TrainingConfig(steps=4, batch=2, stride=3)
EAGER = Equipment("cpu", checkpoint_seconds=0)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("server")
    toy.server(root, {"a": "train", "b": "train", "c": "test"}, frames=6)
    return root


def version(root: Path) -> str:
    return next((root / "datasets").iterdir()).name


class Killed(BaseException):
    """The process ends here."""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(model.load(folder)[0].state_dict())


def same(first: Path, second: Path) -> bool:
    weights_a, other = weights(first), weights(second)
    return all(torch.equal(value, other[name]) for name, value in weights_a.items())


@pytest.fixture(scope="module")
def full_run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a training that nobody disturbed."""
    places = TrainingPaths(root, tmp_path_factory.mktemp("models"))
    training = train.train(CONFIG, version(root), places, EAGER)
    assert training
    folder = places.models / training.card.id
    assert not (folder / checkpoint.FILE_NAME).exists()
    return folder


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(step, marks=[pytest.mark.slow] * (step in (1, 3)))
        for step in range(CONFIG.steps + 1)
    ],
)
def test_a_training_killed_at_any_step_ends_with_the_same_weights(
    at: int, root: Path, full_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, places = loop.Trainer.step, TrainingPaths(root, tmp_path)

    def killed(self: loop.Trainer, number: int, batches: list) -> dict:  # type: ignore[type-arg]
        if number == at:
            raise Killed
        return step(self, number, batches)

    def killed_late(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "step", killed)
        patch.setattr(model_cards, "write", killed_late)
        with pytest.raises(Killed):
            train.train(CONFIG, version(root), places, EAGER)
    assert train.train(CONFIG, version(root), places, EAGER)
    assert same(tmp_path / full_run.name, full_run)
    log = (tmp_path / full_run.name / "metrics.jsonl").read_bytes()
    assert log == (full_run / "metrics.jsonl").read_bytes()


def test_a_process_killed_without_warning_is_taken_up_by_the_next(
    root: Path, full_run: Path, tmp_path: Path
) -> None:
    job = TrainingJob.create(CONFIG, version(root), TrainingPaths(root, tmp_path), EAGER)
    files.write_json(tmp_path / "job.json", job)
    (process,) = ranks.start_training(tmp_path / "job.json", 1)
    checkpoint_file = tmp_path / full_run.name / checkpoint.FILE_NAME
    wait_until(lambda: checkpoint_file.exists() or not process.is_alive(), pause=0.01)
    process.kill()
    process.join()
    assert train.train(CONFIG, version(root), TrainingPaths(root, tmp_path), EAGER)
    assert same(tmp_path / full_run.name, full_run)


def test_a_checkpoint_with_one_bit_changed_is_as_good_as_none(
    root: Path, full_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(model_cards, "write", killed)
        with pytest.raises(Killed):
            train.train(CONFIG, version(root), TrainingPaths(root, tmp_path), EAGER)
    folder = tmp_path / full_run.name
    resume_point, path = checkpoint.load(folder), folder / checkpoint.FILE_NAME
    assert resume_point
    tensor: torch.Tensor = next(iter(resume_point.state["network"].values()))
    content = bytearray(path.read_bytes())
    content[content.index(bytes(tensor.untyped_storage().tolist()))] ^= 1
    path.write_bytes(content)
    assert train.train(CONFIG, version(root), TrainingPaths(root, tmp_path), EAGER)
    assert same(folder, full_run)


def test_a_damaged_checkpoint_is_as_good_as_none(
    root: Path, full_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / full_run.name
    folder.mkdir()
    (folder / checkpoint.FILE_NAME).write_bytes(b"PK damaged")
    assert train.train(CONFIG, version(root), TrainingPaths(root, tmp_path), EAGER)
    assert same(folder, full_run)


def test_a_training_goes_on_from_the_champion_it_was_started_from(
    root: Path, full_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, steps=2, seed=1)
    monkeypatch.setattr(model_cards, "write", lambda *_: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        train.train(config, version(root), TrainingPaths(root, tmp_path, full_run), EAGER)
    monkeypatch.undo()
    training = train.train(config, version(root), TrainingPaths(root, tmp_path, None), EAGER)
    assert training
    assert training.card.parent == full_run.name


def test_a_batch_gathered_over_passes_has_the_gradient_of_the_whole(root: Path) -> None:
    assert [replace(CONFIG, batch=8, at_once=n).passes(1) for n in (8, 4, 3, 1)] == [1, 2, 4, 8]
    assert replace(CONFIG, batch=8, at_once=2).passes(2) == 2
    with pytest.raises(UsageError, match="multiple of 3"):
        replace(CONFIG, batch=8).passes(3)


@pytest.mark.parametrize(
    ("gpus", "batch", "processes"),
    [(0, 4, 1), (1, 4, 1), (2, 4, 2), (3, 4, 2), (8, 4, 4), (8, 8, 8), (6, 8, 4), (4, 7, 1)],
)
def test_as_many_gpus_train_as_can_share_a_batch_evenly(
    gpus: int, batch: int, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert distributed.process_count(batch) == processes
    replace(CONFIG, batch=batch).passes(processes)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_network_computes_in_half_precision_and_keeps_whole_weights(
    root: Path, dtype: torch.dtype
) -> None:
    config = replace(CONFIG, steps=1)
    dataset = datasets.load_header(root / "datasets" / version(root))
    work = train.TrainingRun.prepare(config, dataset, TrainingPaths(root, root / "none"), EAGER)
    network = work.fit(ProcessContext(torch.device("cpu"), dtype), None)
    assert all(value.dtype is torch.float32 for value in network.parameters())
    assert all(torch.isfinite(value).all() for value in network.parameters())


def server_of(root: Path, people: list[int]) -> None:
    """A training clip for each number of people in it, and a test clip."""
    sides = ["train"] * len(people) + ["test"]
    toy.publish(
        root,
        [
            toy.publish_clip(root, f"clip-{k}", side, count, k)  # type: ignore[arg-type]
            for k, (side, count) in enumerate(zip(sides, [*people, 2], strict=True))
        ],
    )


def train_in(processes: int, root: Path, config: TrainingConfig) -> list[float]:
    """Losses by step of one process, or of several that share the same batches."""
    places = TrainingPaths(root, root / f"models-{processes}")
    card = launch.run(config, version(root), places, EAGER, processes).card
    assert [path.name for path in places.models.iterdir()] == [card.id]
    return losses(places.models / card.id)


def test_two_processes_train_as_one_on_the_same_batches(tmp_path: Path) -> None:
    server_of(tmp_path, [2, 2, 2])
    config = TrainingConfig(steps=12, batch=4, stride=1, turned=0, laid=0)
    single, two = (train_in(count, tmp_path, config) for count in (1, 2))
    assert len(single) == len(two) == 12
    assert single[0] == pytest.approx(two[0], rel=0.05)
    assert sum(single[6:]) == pytest.approx(sum(two[6:]), rel=0.1)
    assert two[-1] < two[0]


def test_a_rank_whose_images_show_nobody_hangs_no_other(tmp_path: Path) -> None:
    server_of(tmp_path, [2, 0, 0])
    config = TrainingConfig(steps=4, batch=2, stride=1)
    places = TrainingPaths(tmp_path, tmp_path / "models")
    job = TrainingJob.create(config, version(tmp_path), places, EAGER)
    two = losses(ranks.train_together(job, 2))
    assert len(two) == 4
    assert all(loss >= 0 for loss in two)


def losses(folder: Path) -> list[float]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


def test_processes_that_fail_say_why_in_one_line(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torchrun(command: list[str], stdout: Any, **_: Any) -> subprocess.CompletedProcess[bytes]:
        codes = ranks.exit_codes(ranks.start_training(Path(command[-1]), 2, stdout.name))
        return subprocess.CompletedProcess(command, max(map(bool, codes)))

    monkeypatch.setattr(subprocess, "run", torchrun)
    broken = replace(CONFIG, batch=3)
    with pytest.raises(OneclickError, match=r"^a batch of 3 images cannot be shared by 2"):
        launch.run(broken, version(root), TrainingPaths(root, tmp_path), EAGER, 2)


def test_the_reason_is_found_above_the_tracebacks_of_the_other_processes(tmp_path: Path) -> None:
    log = tmp_path / "torchrun.log"
    log.write_bytes(b"W1128 \xff\ntraining failed: no space\n" + b"  File x\n" * 10_000)
    assert launch.failure_reason(log) == "no space"
    log.write_text("Traceback\n")
    assert launch.failure_reason(log) == ""
