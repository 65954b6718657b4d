"""The same scenario on the server of the tests and on the real service, and what both answer.

ENCORD_SSH_KEY_FILE=key ENCORD_LIVE_PROJECT="oneclick live test" \
    uv run pytest -n 0 -m live tests/platforms/test_encord_live.py

ENCORD_LIVE_DOMAIN names another region. The project is made where there is none of that title; the
clips are erased at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from oneclick.io import labels
from oneclick.io.workspace import Workspace
from oneclick.platforms.base import Offer
from oneclick.platforms.encord import convert
from oneclick.platforms.encord.connect import KEY, KEY_FILE
from oneclick.platforms.encord.platform import EncordPlatform
from oneclick.platforms.encord.records import code
from oneclick.platforms.options import EUROPE, Choice, EncordOptions
from tests.fakes import clips
from tests.fakes.encord_server import EncordServer
from tests.platforms import encord_shapes
from tests.platforms.encord_shapes import Proxy, Shapes

PROJECT, DOMAIN = "ENCORD_LIVE_PROJECT", "ENCORD_LIVE_DOMAIN"
POSTURES = {"posture": ("lying", "sitting")}


def scenario(home: Path, domain: str, project: str, key_file: str) -> Shapes:
    """Set up, send, read back, fetch, erase; the shapes of all answers."""
    proxy = Proxy(domain)
    options = EncordOptions(project=project, key_file=key_file, domain=proxy.url)
    platform = EncordPlatform(
        Choice("encord", attributes=POSTURES, encord=options), Workspace(home)
    )
    offers = [offer(home, k) for k in range(2)]
    try:
        platform.setup()
        assert [sent.trouble for sent in platform.send(offers)] == [None, None]
        for clip, sent in offers:
            assert_stored(platform, clip.id, sent)
        platform.fetch([clip.id for clip, _ in offers])
        assert (list(platform.collect()), platform.broken()) == ([], {})
    finally:
        for clip, _ in offers:
            assert platform.erase(clip.id).checked
        proxy.end()
    return proxy.shapes


def offer(home: Path, number: int) -> Offer:
    """A real clip with a track that has key boxes and an attribute."""
    clip = clips.clip(number)
    clip = replace(clip, digest=clips.film(Workspace(home).clip_file(clip.id)))
    posture = {"posture": ((0, 4, "lying"), (4, 10, "sitting"))}
    drawn = replace(clips.track(3, 0.25), keyframes=(0, 5, 9), attributes=posture)
    found = replace(clips.auto_labels(clip), tracks=(clips.track(1), drawn))
    labels.save(Workspace(home), found)
    return clip, found


def assert_stored(platform: EncordPlatform, clip_id: str, sent: labels.LabelSet) -> None:
    """What people would see is what was sent, within half a pixel."""
    project = platform._place.project
    (row,) = project.list_label_rows_v2(data_title_eq=f"{code(clip_id)}.mp4")
    row.initialise_labels()
    found = convert.read(row, sent, code(clip_id))
    for back, ours in zip(found, convert.shown(sent), strict=True):
        assert abs(back.boxes - ours.boxes).max() < 0.5
        assert (back.id, back.cls, back.keyframes) == (ours.id, ours.cls, ours.keyframes)
        assert back.attributes == ours.attributes


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Shapes]:
    server = EncordServer()
    key = tmp_path / "fake_key"
    key.write_text(server.user("machine@example.org"))
    yield scenario(tmp_path / "fake", server.url, "oneclick", str(key))
    assert server.mistakes == []
    server.end()


def test_shapes_are_noted_without_any_value(fake: Shapes) -> None:
    assert {"labelrow GET", "labelrow PUT", "labelrowmetadata GET", "video DELETE"} <= set(fake)
    assert "POST projects/*/labels/copy-branch" in fake
    box = "response[].data_units.*.labels.*.objects[].boundingBox"
    assert {f"{box}.{side}" for side in "xywh"} <= fake["labelrow GET"]
    assert "frameCount" in fake["GET storage/items/*"]
    noted = str(fake)
    assert not any(secret in noted for secret in ("oneclick-", "machine@", "X-Signature"))


def test_what_only_one_of_two_services_tells_is_named_by_route() -> None:
    ours = {"labelrow GET": {"response[].a", "response[].b"}, "GET projects": {"results[].c"}}
    theirs = {"labelrow GET": {"response[].a", "response[].z"}}
    found = encord_shapes.missing(ours, theirs)
    assert found == ["GET projects: results[].c", "labelrow GET: response[].b"]


@pytest.mark.live
@pytest.mark.timeout(1200)
@pytest.mark.skipif(
    not (os.environ.get(PROJECT) and (os.environ.get(KEY_FILE) or os.environ.get(KEY))),
    reason=f"needs {KEY_FILE} and {PROJECT}, the title of a throw-away project on Encord",
)
def test_the_real_service_answers_as_the_fake_does(tmp_path: Path, fake: Shapes) -> None:
    domain = os.environ.get(DOMAIN, EUROPE)
    real = scenario(tmp_path / "real", domain, os.environ[PROJECT], "")
    new = encord_shapes.missing(real, fake)
    lost = encord_shapes.missing(fake, real)
    assert lost == [], "\n".join(["only the fake:", *lost, "only the real service:", *new])
