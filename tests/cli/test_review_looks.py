"""`oneclick review looks|settle|stats`: two reviews of one clip, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from oneclick.editing.operations import DeleteTrack
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace
from tests.cli.program import oneclick
from tests.stages.test_second_looks import accepted, look


def test_a_lead_lists_and_settles_what_differs(tmp_path: Path) -> None:
    first, second = accepted(tmp_path, 2)
    look(tmp_path, first, DeleteTrack(track=2))
    look(tmp_path, second)
    listed = oneclick("review", "looks", home=tmp_path)
    assert listed.returncode == 0
    assert [line.split()[:3] for line in listed.stdout.splitlines()[1:]] == [[first, "anna", "ben"]]
    (row,) = json.loads(oneclick("review", "looks", "--json", home=tmp_path).stdout)
    assert (row["clip"], row["tracks"], row["corrections"]["removed"]["second"]) == (first, 1, 1)
    quality = json.loads(oneclick("review", "stats", "--json", home=tmp_path).stdout)["quality"]
    assert (quality["looks"], quality["unsettled"]) == (2, 1)
    shown = oneclick("review", "stats", home=tmp_path)
    assert "2 clips were reviewed twice" in shown.stderr
    assert "1 of them wait for a lead: oneclick review looks" in shown.stderr

    words = ("review", "settle", first, "--by", "lea", "--keep")
    for wrong, text in (("third", "give first, second or again"), ("second", "--reason")):
        refused = oneclick(*words, wrong, home=tmp_path)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert text in refused.stderr
    settled = oneclick(*words, "second", "--reason", "a shadow", home=tmp_path)
    assert (settled.returncode, f"{first} is settled: second" in settled.stderr) == (0, True)
    newest = labels.latest(Workspace(tmp_path), first)
    assert newest is not None
    assert (newest.made_by, [track.id for track in newest.tracks]) == ("lea", [1])
    assert "no clip has two reviews" in oneclick("review", "looks", home=tmp_path).stderr
    assert oneclick(*words, "first", home=tmp_path).returncode != 0
