"""What goes wrong on the way to Encord: each is one clear line, and the other clips go on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from oneclick.core.errors import BadInput, PlatformAway, PlatformRefused
from oneclick.platforms.base import Offer
from oneclick.platforms.encord import connect
from oneclick.platforms.encord.platform import EncordPlatform
from oneclick.storage import files
from tests.fakes import clips
from tests.fakes.encord_server import Call, EncordServer, Fault, new_key
from tests.platforms.encord.desk import ANNA, BEN, MACHINE, Desk, NewDesk
from tests.waits import HANG_SECONDS

FAULTS: list[Fault] = ["drop", "lose", (429, {"retry-after": "2"}), (500, {}), (503, {})]


def changed(desk: Desk, **options: object) -> EncordPlatform:
    """A platform with other settings."""
    other = replace(desk.choice, section=replace(desk.choice.section, **options))
    desk.choice = other
    return desk.open()


def trouble(platform: EncordPlatform, offers: list[Offer]) -> list[str]:
    """What became of each offer; empty where it waits for review."""
    return [str(receipt.error or "") for receipt in platform.send(offers)]


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_a_fault_at_any_request_heals_by_itself(every: int, desks: NewDesk) -> None:
    clean, offers = desks()
    for step in (clean.open().setup, lambda: list(clean.open().send(offers))):
        step()
    requests = len(clean.server.log)
    for k in range(0, requests, every):  # 4 and the five faults: each of them comes up
        desk, offers = desks()
        desk.server.script = once(k, FAULTS[k % len(FAULTS)])
        desk.open(tries=(1.0, 4.0)).setup()
        assert trouble(desk.open(tries=(1.0, 4.0), upload=2.0), offers) == ["", ""], f"request {k}"
        assert [len(desk.world.items), len(desk.world.units)] == [2, 2], f"request {k}"
        # The SDK itself asks again for the end of an upload.
        assert desk.waited or desk.server.log[k].name.endswith("data-upload-jobs/*")


def once(number: int, fault: Fault) -> Callable[[Call], Fault]:
    return lambda call: fault if call.number == number else None


def test_what_takes_its_time_there_is_waited_for(ready: tuple[Desk, list[Offer]]) -> None:
    desk, offers = ready
    desk.world.pending, desk.world.looking = 1, 2
    assert trouble(desk.open(), offers) == ["", ""]
    assert (desk.world.pending, desk.world.looking) == (0, 0)


def test_a_file_that_is_never_decoded_waits_for_the_next_run(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    desk.world.looking = 100
    assert all("not decoded the file yet" in line for line in trouble(desk.open(), offers))
    desk.world.looking = 0
    assert trouble(desk.open(), offers) == ["", ""]
    assert len(desk.world.items) == 2


def test_a_server_that_asks_for_an_hour_is_away_at_once(ready: tuple[Desk, list[Offer]]) -> None:
    desk, offers = ready
    desk.server.script = lambda call: (429, {"retry-after": "3600"})
    with pytest.raises(PlatformAway, match="does not answer"):
        trouble(desk.open(tries=(1.0, 4.0)), offers)
    assert desk.waited == []


def test_a_server_that_never_answers_is_away(
    ready: tuple[Desk, list[Offer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, offers = ready
    monkeypatch.setattr(connect, "ANSWER_TIMEOUT", 0.2)
    desk.server.script = lambda call: 3.0
    with pytest.raises(PlatformAway, match="does not answer"):
        trouble(desk.open(), offers)


def test_an_upload_that_hangs_is_given_up(ready: tuple[Desk, list[Offer]]) -> None:
    desk, offers = ready
    desk.server.script = lambda call: 3.0 if call.name.startswith("PUT /bucket") else None
    with pytest.raises(PlatformAway, match=r"upload a clip: .*no end after 0 s"):
        trouble(desk.open(upload=0.3), offers)


def test_a_server_that_is_not_there_is_named(ready: tuple[Desk, list[Offer]]) -> None:
    desk, _ = ready
    platform = changed(desk, domain="http://127.0.0.1:9")
    with pytest.raises(PlatformAway, match=r"Encord at http://127.0.0.1:9 does not answer"):
        platform.check()


def rsa_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    ).decode()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (None, r"cannot be read: correct review\.encord\.key_file"),
        ("nonsense", r"no Ed25519 key in OpenSSH format"),
        ("rsa", r"no Ed25519 key in OpenSSH format"),
        ("stranger", r"does not know this key.*https://api\.us\.encord\.com"),
    ],
)
def test_a_key_that_does_not_fit_is_explained_and_never_shown(
    ready: tuple[Desk, list[Offer]], tmp_path: Path, content: str | None, match: str
) -> None:
    desk, _ = ready
    path = tmp_path / "other_key"
    if content is not None:
        text = {"rsa": rsa_key, "stranger": lambda: new_key()[0]}.get(content, lambda: "nonsense")()
        path.write_text(text)
    with pytest.raises(PlatformAway, match=match) as excinfo:
        changed(desk, key_file=str(path)).check()
    messages = str(excinfo.value) + repr(excinfo.value.__cause__)
    assert "PRIVATE KEY" not in messages


def test_without_a_key_both_ways_to_give_one_are_named(
    ready: tuple[Desk, list[Offer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, _ = ready
    key = Path(desk.choice.section.key_file)
    for name in (connect.KEY, connect.KEY_FILE):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(PlatformAway, match=r"review\.encord\.key_file or ENCORD_SSH_KEY_FILE"):
        changed(desk, key_file="").check()
    monkeypatch.setenv(connect.KEY, key.read_text())
    assert "Annotate 1" in desk.open().check()
    monkeypatch.setenv(connect.KEY_FILE, str(key))
    assert "Annotate 1" in desk.open().check()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"project": "other"}, r"is called 'other': oneclick review setup makes it"),
        ({"project": "0" * 8 + "-0000" * 3 + "-" + "0" * 12}, r"has this key access to"),
        (
            {"finished": "Done"},
            r"has no stage 'Done' \(it has Annotate 1.*review\.encord\.finished",
        ),
        ({"hold": "Wait"}, r"has no stage 'Wait'.*review\.encord\.hold"),
    ],
)
def test_a_project_that_is_not_as_the_settings_say_is_explained(
    ready: tuple[Desk, list[Offer]], options: dict[str, str], match: str
) -> None:
    desk, _ = ready
    with pytest.raises(PlatformAway, match=match):
        changed(desk, **options).check()


def test_a_team_s_own_project_is_taken_as_it_is(ready: tuple[Desk, list[Offer]]) -> None:
    """Its ontology grows, its dataset stays, and ours comes beside it."""
    desk, offers = ready
    team_project = desk.project
    for item in (*desk.world.datasets.values(), *desk.world.ontologies.values()):
        item["title"] = "theirs"
    del desk.world.ontologies[team_project.ontology]["editor"]["objects"][:]
    changed(desk).setup()
    assert (len(desk.world.projects), len(desk.world.ontologies)) == (1, 1)
    assert len(team_project.datasets) == 2
    assert trouble(desk.open(), offers) == ["", ""]


def test_two_projects_of_one_title_are_told_apart_by_id(ready: tuple[Desk, list[Offer]]) -> None:
    desk, offers = ready
    first = desk.project
    desk.world.projects["x"] = replace(first, uuid=desk.world.new_id())
    with pytest.raises(PlatformAway, match=rf"2 projects.*{first.uuid}"):
        desk.open().check()
    del desk.world.projects["x"]
    assert trouble(changed(desk, project=first.uuid), offers) == ["", ""]


def test_access_that_is_taken_away_in_the_middle_stops_the_sending(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready

    def revoke(call: Call) -> None:
        if call.name == "datasetlinkitems POST":
            desk.world.revoked.add(MACHINE)

    desk.server.script = revoke
    with pytest.raises(PlatformAway, match=r"not authorised.*has this key access"):
        trouble(desk.open(), offers)
    desk.server.script = lambda call: None
    desk.world.revoked.clear()
    assert trouble(desk.open(), offers) == ["", ""]


def test_a_clip_that_encord_sees_otherwise_falls_with_both_figures(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, (first, second) = ready
    path = desk.workspace.clip_file(first[0].id)
    content = path.read_bytes()
    digest = clips.film(path, frames=9)
    short = (replace(first[0], digest=digest), first[1])
    receipts = list(desk.open().send([short, second]))
    assert [type(receipt.error) for receipt in receipts] == [BadInput, type(None)]
    assert "Encord sees 9 frames of 64×48 at 10.0 fps, we cut 10 frames of 64×48 at 10.0" in str(
        receipts[0].error
    )
    assert len(desk.world.items) == 1
    path.write_bytes(content)
    assert trouble(desk.open(), [first, second]) == ["", ""]


def test_a_clip_that_cannot_be_sent_leaves_the_others_alone(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, (first, second) = ready
    path = desk.workspace.clip_file(first[0].id)
    content = path.read_bytes()
    path.write_bytes(b"not what was cut")
    lines = trouble(desk.open(), [first, second])
    assert "was changed after it was cut" in lines[0]
    assert lines[1] == ""
    path.unlink()
    assert "is missing" in trouble(desk.open(), [first])[0]
    path.write_bytes(content)
    assert trouble(desk.open(), [first]) == [""]


def test_a_file_that_encord_cannot_read_is_the_matter_of_one_clip(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, (first, second) = ready
    path = desk.workspace.clip_file(first[0].id)
    path.write_bytes(b"no video at all")
    broken = (replace(first[0], digest=files.sha256(path)), first[1])
    lines = trouble(desk.open(), [broken, second])
    assert "Encord refuses to upload a clip" in lines[0]
    assert "no video" in lines[0]
    assert lines[1] == ""


def test_labels_that_one_clip_may_not_have_are_found_by_halves(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, (first, second) = ready
    desk.server.most = 9_000
    assert trouble(desk.open(), [first, second]) == ["", ""]
    assert [call.units for call in desk.server.calls("labelrow POST")] == [2, 1, 1]


def test_labels_too_large_for_encord_are_said_to_be(ready: tuple[Desk, list[Offer]]) -> None:
    desk, offers = ready
    desk.server.most = 4_000
    assert all("more than 4000 bytes" in line for line in trouble(desk.open(), offers))


def test_another_file_under_the_same_name_is_never_labelled(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, (first, _) = ready
    assert trouble(desk.open(), [first]) == [""]
    path = desk.workspace.clip_file(first[0].id)
    path.write_bytes(path.read_bytes() + b"\0")
    other = (replace(first[0], digest=files.sha256(path)), first[1])
    assert "holds another file" in trouble(desk.open(), [other])[0]
    assert len(desk.world.items) == 1


def test_a_row_that_was_deleted_is_named_with_both_remedies(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    assert trouble(desk.open(), offers) == ["", ""]
    deleted_id, other_id = (clip.id for clip, _ in offers)
    desk.world.forget_unit(desk.world.find(desk.title(deleted_id))[1])
    desk.finish(other_id)
    platform = desk.open()
    platform.fetch([deleted_id, other_id])
    assert [verdict.clip for verdict in platform.collect()] == [other_id]
    assert f"oneclick review send {deleted_id}" in platform.unreadable()[deleted_id]
    assert f"oneclick review erase {deleted_id}" in platform.unreadable()[deleted_id]
    assert trouble(desk.open(), offers[:1]) == [""]
    again = desk.open()
    again.fetch([deleted_id, other_id])
    assert again.unreadable() == {}


def test_labels_that_cannot_be_read_are_named_and_the_others_come(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    assert trouble(desk.open(), offers) == ["", ""]
    first, second = (clip.id for clip, _ in offers)
    for clip_id in (first, second):
        desk.finish(clip_id)
    for frame in desk.blob(first)["data_units"][desk.world.find(desk.title(first))[1]][
        "labels"
    ].values():
        frame["objects"][0]["featureHash"] = "AAAAAAAA"
    platform = desk.open()
    platform.fetch([first, second])
    assert [verdict.clip for verdict in platform.collect()] == [second]
    assert "AAAAAAAA" in platform.unreadable()[first]


def test_a_clip_finished_without_any_labels_is_sent_back_to_people(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    assert trouble(desk.open(), offers) == ["", ""]
    clip_id = offers[0][0].id
    project, data = desk.world.find(desk.title(clip_id))
    del project.labels[data, "main"]
    desk.finish(clip_id)
    platform = desk.open()
    platform.fetch([clip_id])
    assert "reopen it" in platform.unreadable()[clip_id]
    assert (data, "main") not in project.labels


def test_signed_addresses_reach_neither_errors_nor_logs(
    ready: tuple[Desk, list[Offer]], caplog: pytest.LogCaptureFixture
) -> None:
    desk, offers = ready
    desk.server.script = lambda call: (403, {}) if call.name.startswith("PUT /bucket") else None
    platform = desk.open()
    with caplog.at_level(logging.DEBUG), pytest.raises(PlatformAway) as excinfo:
        trouble(platform, offers)
    assert "Error uploading file" in str(excinfo.value)
    assert any("upload" in record.getMessage() for record in caplog.records)
    messages = str(excinfo.value) + caplog.text
    assert "X-Signature" not in messages
    assert "secret" not in messages


def test_a_refusal_names_what_the_support_asks_for(ready: tuple[Desk, list[Offer]]) -> None:
    desk, offers = ready
    desk.server.script = lambda call: (
        (400, {}) if call.name.endswith("upload-signed-urls") else None
    )
    assert all("(trace " in line for line in trouble(desk.open(), offers))


def test_a_row_that_comes_late_is_waited_for_and_then_left_to_the_next_run(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    desk.world.late = 2
    assert trouble(desk.open(), offers) == ["", ""]
    desk, offers = ready
    desk.world.late = 100
    assert all("has made no task" in line for line in trouble(desk.open(), offers))
    desk.world.late = 0
    assert trouble(desk.open(), offers) == ["", ""]


def test_an_ontology_that_may_not_be_changed_is_explained(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    bed = [(clip, replace(labels, classes=("person", "bed"))) for clip, labels in offers]
    desk.server.script = refuses("PUT ontologies")
    with pytest.raises(PlatformAway, match=r"by hand what of these it lacks: bed, person"):
        trouble(desk.open(), bed)
    desk.server.script = lambda call: None
    assert trouble(desk.open(), bed) == ["", ""]


def test_without_the_logs_decisions_come_back_by_the_rows(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    ids = [clip.id for clip, _ in offers]
    assert trouble(desk.open(), offers) == ["", ""]
    desk.open().fetch(ids)
    desk.finish(ids[0])
    desk.server.script = refuses("GET analytics")
    platform = desk.open()
    platform.fetch(ids, thorough=False)
    assert [(v.clip, v.by, v.seconds) for v in platform.collect()] == [(ids[0], BEN, 0)]


def refuses(name: str) -> Callable[[Call], Fault]:
    return lambda call: (403, {}) if call.name.startswith(name) else None


def test_erasing_says_what_is_left(ready: tuple[Desk, list[Offer]]) -> None:
    desk, offers = ready
    assert trouble(desk.open(), offers) == ["", ""]
    clip_id = offers[0][0].id
    desk.world.edit(desk.title(clip_id), ANNA, lambda blob, data: None)
    forget_item = desk.world.forget_item
    desk.world.forget_item = lambda uuid: None  # type: ignore[method-assign]
    with pytest.raises(PlatformRefused, match=r"still has file .*erase it again"):
        desk.open().erase(clip_id)
    desk.world.forget_item = forget_item  # type: ignore[method-assign]
    receipt = desk.open().erase(clip_id)
    assert [line.split()[0] for line in receipt.deleted] == ["file"]
    assert clip_id not in str(desk.world.items)


def test_the_fake_checks_what_it_is_told(tmp_path: Path) -> None:
    """A fake that takes anything would prove nothing."""
    server = EncordServer()
    server.user(MACHINE)
    answer = requests.get(f"{server.url}/v2/public/projects", timeout=HANG_SECONDS)
    assert answer.status_code == 401
    forged = {"Authorization": f"{next(iter(server.world.keys))}:{'00' * 64}"}
    body = (
        '{"query_type": "dataset", "query_method": "GET", "values": {"uid": null, "payload": null}}'
    )
    answer = requests.post(f"{server.url}/public", data=body, headers=forged, timeout=HANG_SECONDS)
    assert answer.json()["status"] == 401
    server.end()
