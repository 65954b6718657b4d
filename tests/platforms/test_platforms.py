"""One contract for every review platform."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from oneclick.core.clips import Clip
from oneclick.core.errors import UnknownName
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.platforms.base import Platform
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.options import PlatformOptions
from oneclick.platforms.registry import open_platform, platform_names
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.fakes.memory_platform import MemoryPlatform
from tests.platforms.encord.desk import BEN, Desk


class People(Protocol):
    """Who reviews on a platform, in the way it has for that."""

    platform: Platform

    def pending(self) -> list[str]: ...
    def give(self, verdict: Verdict) -> None: ...


class AtOurs:
    """On our own platform, and in memory, people give verdicts."""

    def __init__(self, platform: LocalPlatform | MemoryPlatform) -> None:
        self.platform = platform

    def pending(self) -> list[str]:
        return self.platform.pending()

    def give(self, verdict: Verdict) -> None:
        self.platform.submit(verdict)


class AtEncord:
    """On Encord people draw, and move tasks through a workflow."""

    def __init__(self, home: Path) -> None:
        self.desk = Desk(home)
        self.platform = self.desk.open()
        self.platform.setup()
        for k in range(2):
            labels.save(self.desk.workspace, clips.auto_labels(clips.clip(k)))

    def pending(self) -> list[str]:
        final = {one["uuid"] for one in self.desk.project.stages if one["stageType"] == "DONE"}
        names = {self.desk.title(clips.clip(k).id): clips.clip(k).id for k in range(2)}
        tasks = self.desk.project.tasks.items()
        open_ = [self.desk.world.item_of(data).name for data, t in tasks if t.stage not in final]
        return sorted(names[name] for name in open_)

    def give(self, verdict: Verdict) -> None:
        name, world = self.desk.title(verdict.clip), self.desk.world
        if world.task_of(name).stage != self.desk.project.stages[0]["uuid"]:
            return
        if verdict.decision == "reject":
            self.desk.reject(verdict.clip, verdict.by, verdict.reason)
        for track in verdict.tracks or ():
            self.desk.draw(verdict.clip, track, verdict.by)
        world.person(name, "SUBMIT", verdict.by, int(verdict.seconds))
        world.person(name, "APPROVE", BEN)


@pytest.fixture(params=["local", "memory", "encord"])
def people(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[People]:
    if request.param == "encord":
        at = AtEncord(tmp_path / "home")
        yield at
        assert at.desk.server.mistakes == []
        at.desk.server.end()
        return
    yield AtOurs(LocalPlatform(tmp_path) if request.param == "local" else MemoryPlatform())


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("film") / "clip.mp4"
    return path, clips.film(path)


def send(people: People, film: tuple[Path, str], count: int = 1) -> list[str]:
    offers = [offer(people, film, k) for k in range(count)]
    assert [sent.error for sent in people.platform.send(offers)] == [None] * count
    return people.pending()


def offer(people: People, film: tuple[Path, str], number: int) -> tuple[Clip, LabelSet]:
    one = replace(clips.clip(number), digest=film[1])
    if isinstance(people, AtEncord):
        path = people.desk.workspace.clip_file(one.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(film[0].read_bytes())
    return one, clips.auto_labels(one)


def collect(people: People) -> list[Verdict]:
    people.platform.fetch([clips.clip(k).id for k in range(2)])
    return list(people.platform.collect())


def test_a_clip_sent_twice_waits_once(people: People, film: tuple[Path, str]) -> None:
    assert send(people, film, 2) == send(people, film, 2)
    assert len(people.pending()) == 2


def test_a_verdict_comes_back_with_its_corrected_tracks(
    people: People, film: tuple[Path, str]
) -> None:
    (name,) = send(people, film)
    tracks = (clips.track(1, 2.0, "h"), clips.track(2, 5.0, "h"))
    people.give(
        Verdict(
            clip=name,
            decision="accept",
            by="annotator-1",
            at=clips.NOON,
            tracks=tracks,
            seconds=12,
            edits=20,
        )
    )
    (found,) = collect(people)
    assert (found.decision, found.by, found.at.utcoffset()) == (
        "accept",
        "annotator-1",
        clips.NOON.utcoffset(),
    )
    assert (found.seconds, found.edits) == (12, 20)
    assert found.tracks is not None
    assert [(track.id, track.origins) for track in found.tracks] == [(1, "h" * 10), (2, "h" * 10)]
    np.testing.assert_allclose(found.tracks[0].boxes, tracks[0].boxes, atol=0.01)


def test_labels_accepted_as_they_are_come_back_as_they_were_sent(
    people: People, film: tuple[Path, str]
) -> None:
    (name,) = send(people, film)
    people.give(Verdict(clip=name, decision="accept", by="annotator-1", at=clips.NOON))
    (found,) = collect(people)
    assert (found.tracks, found.edits) == (None, 0)


def test_a_verdict_is_offered_until_it_is_done_and_never_after(
    people: People, film: tuple[Path, str]
) -> None:
    (name,) = send(people, film)
    people.give(
        Verdict(clip=name, decision="reject", by="annotator-1", at=clips.NOON, reason="too dark")
    )
    (first,), (again,) = collect(people), collect(people)
    assert first.reason == again.reason == "too dark"
    assert (first.by, first.at) == (again.by, again.at)
    people.platform.acknowledge(first)
    people.platform.acknowledge(first)
    assert list(people.platform.collect()) == []
    assert send(people, film) == []


def test_the_first_verdict_of_a_clip_stays(people: People, film: tuple[Path, str]) -> None:
    (name,) = send(people, film)
    people.give(Verdict(clip=name, decision="reject", by="annotator-1", at=clips.NOON, reason="no"))
    people.give(Verdict(clip=name, decision="accept", by="policy:accept-auto", at=clips.NOON))
    assert [verdict.decision for verdict in collect(people)] == ["reject"]


def test_what_was_erased_waits_for_nobody(people: People, film: tuple[Path, str]) -> None:
    first, second = send(people, film, 2)
    assert people.platform.erase(first).deleted
    assert people.pending() == [second]
    again = people.platform.erase(first)
    assert (again.deleted, bool(again.checked)) == ((), True)


def test_setting_up_twice_changes_nothing(people: People) -> None:
    people.platform.setup()
    assert people.platform.setup() == people.platform.setup()
    assert people.platform.check() in people.platform.setup()


@pytest.mark.parametrize("platform", [LocalPlatform(Path("none")), MemoryPlatform()])
def test_a_verdict_on_a_clip_that_does_not_wait_is_refused(
    platform: LocalPlatform | MemoryPlatform,
) -> None:
    with pytest.raises(UnknownName, match="nowhere"):
        platform.submit(Verdict(clip="nowhere", decision="accept", by="annotator-1", at=clips.NOON))


def test_a_broken_verdict_is_named_and_the_others_come(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path)
    offers = [(clips.clip(k), clips.auto_labels(clips.clip(k))) for k in range(2)]
    for sent in list(platform.send(offers)):
        platform.submit(Verdict(clip=sent.clip, decision="accept", by="annotator-1", at=clips.NOON))
    first, second = sorted((tmp_path / "verdicts").glob("*.json"))
    first.write_text(first.read_text()[:40])
    assert [verdict.clip for verdict in platform.collect()] == [second.stem]
    assert list(platform.unreadable()) == [first.stem]


def test_a_task_holds_the_labels_as_they_were_sent(tmp_path: Path) -> None:
    platform, clip = LocalPlatform(tmp_path), clips.clip()
    list(platform.send([(clip, clips.auto_labels(clip))]))
    assert platform.task_labels(clip.id).revision == 1
    list(platform.send([(clip, replace(clips.auto_labels(clip), tracks=()))]))
    assert platform.task_labels(clip.id).tracks == ()


def test_an_unknown_platform_lists_the_known_ones(tmp_path: Path) -> None:
    assert platform_names() == ["local", "encord"]
    with pytest.raises(UnknownName, match="local, encord"):
        open_platform(PlatformOptions("paper"), Workspace(tmp_path))  # type: ignore[arg-type]
