"""Our review platforms keep the contract that plug-ins of others are tested with.

A check followed by a replacement was looked for at everything that exists once: verdicts, their
archive, label revisions, reopenings, mutes, incidents, requests and keys are created exclusively,
tasks are written and versions frozen under a lock; only the settlement of a second look replaced
another, and is made under the lock of reviews now.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from oneclick.core.clips import Clip
from oneclick.core.errors import UnknownName
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.platforms import GROUP, Platform, PlatformOptions, registry
from oneclick.platforms.local import LocalPlatform
from oneclick.storage import files, labels
from oneclick.storage.workspace import Workspace
from oneclick.testing import PlatformContract, samples
from oneclick.testing.platforms import Reviewers
from tests.fakes import clips
from tests.fakes.memory_platform import MemoryPlatform
from tests.platforms.encord.desk import BEN, Desk


class OurReviewers:
    """People who review on our own platform, or in memory."""

    platform: Platform

    def __init__(self, platform: LocalPlatform | MemoryPlatform) -> None:
        self.platform = self.queue = platform

    def pending(self) -> list[str]:
        return self.queue.pending()

    def give(self, verdict: Verdict) -> None:
        self.queue.submit(verdict)


class EncordReviewers:
    """People who draw on Encord, and move tasks through a workflow."""

    platform: Platform

    def __init__(self, home: Path) -> None:
        self.desk = Desk(home)
        self.platform = self.desk.open()
        self.platform.setup()
        for number in range(2):
            labels.save(self.desk.workspace, samples.auto_labels(samples.clip(number)))

    def pending(self) -> list[str]:
        final = {
            stage["uuid"] for stage in self.desk.project.stages if stage["stageType"] == "DONE"
        }
        clip_ids = [samples.clip(number).id for number in range(2)]
        names = {self.desk.title(clip_id): clip_id for clip_id in clip_ids}
        tasks = self.desk.project.tasks.items()
        titles = [self.desk.world.item_of(data).name for data, t in tasks if t.stage not in final]
        return sorted(names[title] for title in titles)

    def give(self, verdict: Verdict) -> None:
        title, world = self.desk.title(verdict.clip), self.desk.world
        if world.task_of(title).stage != self.desk.project.stages[0]["uuid"]:
            return
        if verdict.decision == "reject":
            self.desk.reject(verdict.clip, verdict.by, verdict.reason)
        for track in verdict.tracks or ():
            self.desk.draw(verdict.clip, track, verdict.by)
        world.person(title, "SUBMIT", verdict.by, int(verdict.seconds))
        world.person(title, "APPROVE", BEN)


class TestLocal(PlatformContract):
    @pytest.fixture
    def reviewers(self, tmp_path: Path) -> Reviewers:
        return OurReviewers(LocalPlatform(tmp_path))


class TestMemory(PlatformContract):
    @pytest.fixture
    def reviewers(self, tmp_path: Path) -> Reviewers:
        return OurReviewers(MemoryPlatform())


class TestEncord(PlatformContract):
    @pytest.fixture
    def reviewers(self, tmp_path: Path) -> Iterator[Reviewers]:
        reviewers = EncordReviewers(tmp_path / "home")
        yield reviewers
        assert reviewers.desk.server.mistakes == []
        reviewers.desk.server.end()

    def offer(
        self, reviewers: Reviewers, clip_file: tuple[Path, str], number: int
    ) -> tuple[Clip, LabelSet]:
        clip, label_set = super().offer(reviewers, clip_file, number)
        assert isinstance(reviewers, EncordReviewers)
        path = reviewers.desk.workspace.clip_file(clip.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(clip_file[0].read_bytes())
        return clip, label_set


@pytest.mark.parametrize("name", GROUP.names())
def test_there_is_a_contract_for_each(name: str) -> None:
    assert f"Test{name.title()}" in globals()


@pytest.mark.parametrize("platform", [LocalPlatform(Path("none")), MemoryPlatform()])
def test_a_verdict_on_a_clip_that_does_not_wait_is_refused(
    platform: LocalPlatform | MemoryPlatform,
) -> None:
    with pytest.raises(UnknownName, match="nowhere"):
        platform.submit(Verdict(clip="nowhere", decision="accept", by="annotator-1", at=clips.NOON))


def test_a_broken_verdict_is_named_and_the_others_come(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path)
    offers = [(clips.clip(k), clips.auto_labels(clips.clip(k))) for k in range(2)]
    for receipt in list(platform.send(offers)):
        platform.submit(
            Verdict(clip=receipt.clip, decision="accept", by="annotator-1", at=clips.NOON)
        )
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
    assert registry.platform_names() == ["local", "encord"]
    with pytest.raises(UnknownName, match="local, encord"):
        registry.open_platform(PlatformOptions("paper"), Workspace(tmp_path))


def test_of_several_people_who_decide_at_once_one_is_told_done(tmp_path: Path) -> None:
    platform, offers = LocalPlatform(tmp_path), [clips.clip(k) for k in range(10)]
    sent = [(clip, clips.auto_labels(clip)) for clip in offers]
    list(platform.send(sent))

    def decide(person: int) -> list[str]:
        name, done = f"annotator-{person}", []
        for clip in offers:
            verdict = Verdict(clip=clip.id, decision="accept", by=name, at=clips.NOON)
            done += [f"{clip.id} {name}"] * platform.submit(verdict)
        return done

    with ThreadPoolExecutor(4) as pool:
        told = [line for lines in pool.map(decide, range(4)) for line in lines]
    assert sorted(told) == [f"{verdict.clip} {verdict.by}" for verdict in platform.collect()]
    assert len(told) == len(offers)


def test_who_decides_while_the_verdict_of_another_is_collected_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other's was not there yet at the first look, and is in the archive at the second."""
    platform, clip, create = LocalPlatform(tmp_path), clips.clip(), files.create
    list(platform.send([(clip, clips.auto_labels(clip))]))
    verdict = Verdict(clip=clip.id, decision="accept", by="annotator-1", at=clips.NOON)

    def collect_first(path: Path, content: bytes) -> bool:
        monkeypatch.setattr(files, "create", create)
        assert platform.submit(verdict)
        platform.acknowledge(verdict)
        return create(path, content)

    monkeypatch.setattr(files, "create", collect_first)
    assert not platform.submit(replace(verdict, decision="reject", by="annotator-2"))
    assert list(platform.collect()) == []


def test_after_a_kill_between_archive_and_task_nobody_is_asked_again(tmp_path: Path) -> None:
    """As versions before left it: the verdict in the archive, the task still there."""
    platform, clip = LocalPlatform(tmp_path), clips.clip()
    list(platform.send([(clip, clips.auto_labels(clip))]))
    task = tmp_path / "tasks" / f"{clip.id}.json"
    content = task.read_bytes()
    verdict = Verdict(clip=clip.id, decision="accept", by="annotator-1", at=clips.NOON)
    assert platform.submit(verdict)
    platform.acknowledge(verdict)
    task.write_bytes(content)
    assert platform.pending() == []
    assert not platform.submit(replace(verdict, by="annotator-2"))
    assert list(platform.collect()) == []


def test_a_flipped_bit_in_a_verdict_is_noticed(tmp_path: Path) -> None:
    platform, clip = LocalPlatform(tmp_path), clips.clip()
    list(platform.send([(clip, clips.auto_labels(clip))]))
    platform.submit(Verdict(clip=clip.id, decision="accept", by="annotator-1", at=clips.NOON))
    path = tmp_path / "verdicts" / f"{clip.id}.json"
    path.write_text(path.read_text().replace("annotator-1", "annotator-3"))
    assert list(platform.collect()) == []
    assert "was changed after it was written" in platform.unreadable()[clip.id]
