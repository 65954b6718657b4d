"""Desks for the tests of Encord."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oneclick.platforms.base import Offer
from oneclick.storage import labels
from tests.fakes import clips
from tests.fakes.encord_world import HOLD, STAGES
from tests.platforms.encord.desk import ANNA, Desk, NewDesk

COUNT = 2


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A real clip and its sha256."""
    path = tmp_path_factory.mktemp("film") / "clip.mp4"
    digest = clips.film(path)
    return path.read_bytes(), digest


@pytest.fixture
def desks(tmp_path: Path, film: tuple[bytes, str]) -> Iterator[NewDesk]:
    """A new server and a new workspace each time."""
    open_desks: list[Desk] = []

    def new(way: str = "") -> tuple[Desk, list[Offer]]:
        folder = tmp_path / str(len(open_desks))
        bucket = {"upload": "bucket", "bucket": str(folder / "bucket"), "integration": "ours"}
        ways: dict[str, dict[str, Any]] = {
            "bucket": bucket,
            "strict": bucket | {"strict": True},
            "names": {"people": {ANNA: "anna"}},
            "titles": {"titles": "clip"},
            "hold": {"hold": "Pre-label"},
        }
        desk = Desk(folder / "home", **ways.get(way, {}))
        desk.world.copies_to_main = way != "no copies"
        desk.world.integrations["ours"] = folder / "bucket"
        if way == "hold":
            desk.world.stages = (HOLD, *STAGES)
        open_desks.append(desk)
        return desk, _offers(desk, film)

    yield new
    for desk in open_desks:
        desk.server.script = lambda call: None
        desk.server.end()
        assert desk.server.mistakes == []


@pytest.fixture
def ready(desks: NewDesk) -> tuple[Desk, list[Offer]]:
    """One that is set up; its log is empty."""
    desk, offers = desks()
    desk.open().setup()
    desk.server.log.clear()
    return desk, offers


def _offers(desk: Desk, film: tuple[bytes, str]) -> list[Offer]:
    offers = []
    for k in range(COUNT):
        path = desk.workspace.clip_file(clips.clip(k).id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(film[0])
        clip = replace(clips.clip(k), digest=film[1])
        labels.save(desk.workspace, clips.auto_labels(clip))
        offers.append((clip, clips.auto_labels(clip)))
    return offers
