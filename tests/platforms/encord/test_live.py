"""The same scenario against the fake and, for whoever has an account, against Encord itself.

    ENCORD_SSH_KEY_FILE=~/.ssh/encord ENCORD_LIVE_PROJECT="a throw-away title" pytest -n 0 -m live

The project is made if there is none of that title, with an ontology, a dataset and a folder; they
stay (the SDK cannot delete them). The two clips of 64×48 px are erased. ENCORD_LIVE_DOMAIN is the
region of the account, Europe if it is not set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from oneclick.core import ids
from oneclick.core.labels import LabelSet, LabelTrack, Ranges
from oneclick.platforms.base import ErasureReport, Offer, PlatformOptions
from oneclick.platforms.encord import convert
from oneclick.platforms.encord.connect import (
    DEFAULT_RETRY_POLICY,
    KEY,
    KEY_FILE,
    Retrier,
    RetryPolicy,
)
from oneclick.platforms.encord.options import EUROPE, EncordOptions
from oneclick.platforms.encord.platform import EncordPlatform
from oneclick.platforms.encord.project import EncordProject
from oneclick.platforms.encord.records import clip_title
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.fakes.encord_server import EncordServer
from tests.platforms.encord import shapes
from tests.platforms.encord.shapes import Recorder, Shapes

PROJECT, DOMAIN = "ENCORD_LIVE_PROJECT", "ENCORD_LIVE_DOMAIN"
ROUNDS = 20
"""How often clips are sent until the service has decoded them."""
HALF_A_PIXEL = 0.5
HASTY = RetryPolicy(retry_delays=(), sleep=lambda seconds: None)


@dataclass(frozen=True)
class Seen:
    """What a run of the scenario found."""

    sent: list[LabelSet]
    back: list[tuple[LabelTrack, ...]]
    verdicts: int
    broken: dict[str, str]
    erased: list[ErasureReport]


def offers(workspace: Workspace) -> list[Offer]:
    """Two filmed clips; two people in each, key frames, and an attribute of one of them."""
    labelled = []
    for clip in (clips.clip(0), clips.clip(1)):
        digest = clips.film(workspace.clip_file(clip.id))
        attributes: dict[str, Ranges] = {"posture": ((0, 4, "standing"), (4, 10, "lying"))}
        tracks = (
            replace(clips.track(1), keyframes=(0, 9), attributes=attributes),
            replace(clips.track(2, 20.25), keyframes=(3,)),
        )
        labelled.append(
            (replace(clip, digest=digest), replace(clips.auto_labels(clip), tracks=tracks))
        )
    return labelled


def scenario(
    home: Path, options: EncordOptions, patience: RetryPolicy = DEFAULT_RETRY_POLICY
) -> Seen:
    """Set up, send two clips, read them back, fetch with nothing finished, erase both."""
    workspace = Workspace(home)
    platform = EncordPlatform(PlatformOptions("encord", section=options), workspace, patience)
    platform.setup()
    offer_list = offers(workspace)
    names = [clip.id for clip, _ in offer_list]
    for name in names:
        platform.erase(name)  # what a run that was cut off has left
    try:
        send(platform, offer_list)
        label_sets = [label_set for _, label_set in offer_list]
        tracks_read = stored(options, label_sets)
        platform.fetch(names)
        platform.fetch(names, thorough=False)
        verdicts, broken = len(list(platform.collect())), platform.unreadable()
    finally:
        erased = [platform.erase(name) for name in names]
    return Seen(label_sets, tracks_read, verdicts, broken, erased)


def send(platform: EncordPlatform, offer_list: list[Offer]) -> None:
    """Until it is done: the service may be long in decoding a film."""
    for _ in range(ROUNDS):
        troubles = [receipt.error for receipt in platform.send(offer_list) if receipt.error]
        if not troubles:
            return
    raise troubles[0]


def stored(options: EncordOptions, label_sets: list[LabelSet]) -> list[tuple[LabelTrack, ...]]:
    """Labels on main as the SDK reads them."""
    project = EncordProject(options, Retrier(options, DEFAULT_RETRY_POLICY)).project
    tracks_read = []
    for label_set in label_sets:
        (row,) = project.list_label_rows_v2(data_title_eq=clip_title(label_set.clip, options))
        row.initialise_labels()
        tracks_read.append(convert.read_tracks(row, label_set, ids.pseudonym(label_set.clip)))
    return tracks_read


def assert_lossless(run: Seen) -> None:
    """All that was sent came back, boxes within half a pixel."""
    for label_set, tracks in zip(run.sent, run.back, strict=True):
        assert [track.id for track in tracks] == [track.id for track in label_set.tracks]
        for before, after in zip(label_set.tracks, tracks, strict=True):
            np.testing.assert_array_equal(after.frames, before.frames)
            np.testing.assert_allclose(after.boxes, before.boxes, atol=HALF_A_PIXEL)
            np.testing.assert_allclose(after.scores, before.scores, atol=1e-6)
            assert (after.cls, after.origins) == (before.cls, before.origins)
            assert (after.keyframes, after.attributes) == (before.keyframes, before.attributes)


def assert_as_expected(run: Seen) -> None:
    assert_lossless(run)
    assert (run.verdicts, run.broken) == (0, {})
    for receipt in run.erased:
        kinds = {line.partition(" ")[0] for line in receipt.deleted}
        assert kinds == {"data", "labels", "file"}


@contextmanager
def fake(folder: Path) -> Iterator[tuple[EncordServer, EncordOptions]]:
    """A fake of the service, and the way to it."""
    server, key = EncordServer(), folder / "key"
    key.write_text(server.user("machine@example.org"))
    try:
        yield server, EncordOptions(key_file=str(key), domain=server.url)
        assert server.mistakes == []
    finally:
        server.end()


def shapes_of_fake(folder: Path) -> Shapes:
    with fake(folder) as (_, options), Recorder(options.domain) as between:
        through = replace(options, domain=between.url)
        assert_as_expected(scenario(folder / "fake", through, HASTY))
        return between.shapes


def test_the_scenario_passes_the_recorder_and_leaves_the_shape_of_each_route(
    tmp_path: Path,
) -> None:
    with fake(tmp_path) as (server, options), Recorder(options.domain) as between:
        through = replace(options, domain=between.url)
        assert_as_expected(scenario(tmp_path / "home", through, HASTY))
        # Files go to a signed address, past the recorder.
        routes = {call.name for call in server.log if "bucket" not in call.name}
        assert set(between.shapes) == routes
    assert ".results[].clientMetadata" in between.shapes["GET storage/folders/*/items"]
    boxes = ".response[].data_units.*.labels.*.objects[].boundingBox"
    assert {boxes, f"{boxes}.x"} <= between.shapes["labelrow GET"]
    assert between.shapes["POST storage/folders/*/data-upload-jobs"] == set()


def test_what_is_noted_holds_no_value_of_the_run(tmp_path: Path) -> None:
    text = shapes.listed(shapes_of_fake(tmp_path))
    for secret in ("example.org", "secret", "oneclick-", "127.0.0.1", "ward_a", "person"):
        assert secret not in text
    assert not any(letter in text for letter in "0123456789=+@\"'")


def test_answers_that_refuse_leave_no_shape(tmp_path: Path) -> None:
    with fake(tmp_path) as (server, options), Recorder(options.domain) as between:
        through = EncordProject(replace(options, domain=between.url), Retrier(options, HASTY))
        server.script = lambda call: (403, {})
        with pytest.raises(Exception, match="refuses"):
            through.project  # noqa: B018
        assert between.shapes == {}


def test_a_service_that_is_away_is_told_as_a_bad_gateway(tmp_path: Path) -> None:
    with fake(tmp_path) as (_, options):
        pass
    with Recorder(options.domain) as between:
        away = EncordProject(replace(options, domain=between.url), Retrier(options, HASTY))
        with pytest.raises(Exception, match="does not answer"):
            away.project  # noqa: B018


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (None, set()),
        ([], set()),
        ("job", set()),
        ({"a": None}, {".a"}),
        ({"a": {"b": 1}}, {".a", ".a.b"}),
        ([{"a": 1}, {"b": 1}], {"[].a", "[].b"}),
        ({"labels": {"0": {"objects": []}}}, {".labels", ".labels.*", ".labels.*.objects"}),
        ({"object_answers": {"abcdefgh": {}}}, {".object_answers", ".object_answers.*"}),
        ({"AbC/+=12": 1, "createdAt": 1, "data_hash": 1}, {".*", ".createdAt", ".data_hash"}),
    ],
    ids=[
        "nothing", "empty", "text", "null", "nested", "union", "frames", "hashes", "no names",
    ],
)  # fmt: skip
def test_paths_are_names_of_keys(reply: object, expected: set[str]) -> None:
    assert set(shapes.paths(reply)) == expected


@pytest.mark.parametrize(
    ("expected", "actual", "missed"),
    [
        ({".a", ".b"}, {".a"}, [".b"]),
        ({".a", ".a.b"}, {".c"}, [".a"]),
        ({".a", ".a.b"}, {".a"}, []),
        ({".a", ".a.b"}, {".a", ".a.c"}, [".a.b"]),
        ({".a", ".a[].b"}, {".a"}, []),
        ({".a", ".a.b"}, {".a", ".a[].b"}, [".a.b"]),
        ({"[].a"}, {".a"}, ["[].a"]),
        ({".a"}, {".a", ".b"}, []),
    ],
    ids=[
        "one", "only the outer", "null there", "opened", "empty list", "list for object",
        "object for list", "more is no harm",
    ],
)  # fmt: skip
def test_what_is_missed_is_told(expected: set[str], actual: set[str], missed: list[str]) -> None:
    assert shapes.absent(expected, actual) == missed


def test_a_route_that_was_never_answered_is_missed_as_a_whole() -> None:
    expected = {"labelrow GET": {".status"}, "GET projects": {".results"}}
    actual = {"GET projects": {".results", ".more"}}
    assert shapes.missed(expected, actual) == {
        "GET projects": [],
        "labelrow GET": ["(no good answer)"],
    }
    assert shapes.more(expected, actual) == {"GET projects": {".more"}}
    assert shapes.listed({"GET projects": [], "labelrow GET": ["x"]}) == "labelrow GET\n  x"


@pytest.mark.live
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    not (os.environ.get(KEY_FILE) or os.environ.get(KEY)) or not os.environ.get(PROJECT),
    reason=f"needs an account: {KEY_FILE}=FILE {PROJECT}=TITLE pytest -n 0 -m live",
)
def test_the_service_answers_as_the_fake_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = shapes_of_fake(tmp_path)
    with Recorder(os.environ.get(DOMAIN) or EUROPE) as between:
        options = EncordOptions(project=os.environ[PROJECT], domain=between.url)
        try:
            run = scenario(tmp_path / "live", options)
        finally:  # where the service ends the scenario, its shapes say why
            missed = shapes.listed(shapes.missed(expected, between.shapes))
            more = shapes.listed(shapes.more(expected, between.shapes))
            with capsys.disabled():
                print(f"\nOnly the service:\n{more}\nOnly the fake:\n{missed}")  # noqa: T201
    assert_as_expected(run)
    assert not missed, f"only the fake has:\n{missed}"
