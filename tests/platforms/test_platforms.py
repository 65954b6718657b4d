"""One contract for every review platform."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oneclick.core.errors import UnknownName
from oneclick.core.review import Verdict
from oneclick.io.workspace import Workspace
from oneclick.platforms import LocalPlatform, open_platform
from tests.fakes import clips
from tests.fakes.memory_platform import MemoryPlatform


@pytest.fixture(params=["local", "memory"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> LocalPlatform | MemoryPlatform:
    return LocalPlatform(tmp_path) if request.param == "local" else MemoryPlatform()


def sent(platform: LocalPlatform | MemoryPlatform, count: int = 1) -> list[str]:
    for number in range(count):
        platform.send(clips.clip(number), clips.auto_labels(clips.clip(number)))
    return platform.pending()


def test_a_clip_sent_twice_waits_once(platform: LocalPlatform | MemoryPlatform) -> None:
    assert sent(platform, 2) == sent(platform, 2)
    assert len(platform.pending()) == 2


def test_a_verdict_comes_back_with_its_corrected_tracks(
    platform: LocalPlatform | MemoryPlatform,
) -> None:
    (name,) = sent(platform)
    tracks = (clips.track(1, 0.25, "h"), clips.track(7, 3.0, "h"))
    platform.give(Verdict(name, "accept", "annotator-1", clips.NOON, tracks, 12.5, 20))
    (found,) = platform.collect()
    assert (found.decision, found.by, found.at) == ("accept", "annotator-1", clips.NOON)
    assert (found.seconds, found.edits) == (12.5, 20)
    assert found.tracks is not None
    assert [track.id for track in found.tracks] == [1, 7]
    np.testing.assert_allclose(found.tracks[0].boxes, tracks[0].boxes, atol=0.01)


def test_a_verdict_is_offered_until_it_is_done_and_never_after(
    platform: LocalPlatform | MemoryPlatform,
) -> None:
    (name,) = sent(platform)
    platform.give(Verdict(name, "reject", "annotator-1", clips.NOON, reason="too dark"))
    (first,), (again,) = platform.collect(), platform.collect()
    assert first.reason == again.reason == "too dark"
    platform.done(first)
    platform.done(first)
    assert list(platform.collect()) == []
    assert sent(platform) == []


def test_the_first_verdict_of_a_clip_stays(platform: LocalPlatform | MemoryPlatform) -> None:
    (name,) = sent(platform)
    assert platform.give(Verdict(name, "reject", "annotator-1", clips.NOON))
    assert not platform.give(Verdict(name, "accept", "policy:accept-auto", clips.NOON))
    assert next(iter(platform.collect())).decision == "reject"


def test_a_verdict_on_a_clip_that_does_not_wait_is_refused(
    platform: LocalPlatform | MemoryPlatform,
) -> None:
    with pytest.raises(UnknownName, match="nowhere"):
        platform.give(Verdict("nowhere", "accept", "annotator-1", clips.NOON))


def test_a_broken_verdict_is_named_and_the_others_come(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path)
    for name in sent(platform, 2):
        platform.give(Verdict(name, "accept", "annotator-1", clips.NOON))
    first, second = sorted((tmp_path / "verdicts").glob("*.json"))
    first.write_text(first.read_text()[:40])
    assert [verdict.clip for verdict in platform.collect()] == [second.stem]
    assert list(platform.broken()) == [first.stem]


def test_a_task_holds_the_labels_as_they_were_sent(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path)
    (name,) = sent(platform)
    assert platform.task(name).revision == 1
    platform.send(clips.clip(), replace(clips.auto_labels(clips.clip()), tracks=()))
    assert platform.task(name).tracks == ()


def test_an_unknown_platform_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="local"):
        open_platform("paper", Workspace(tmp_path))
