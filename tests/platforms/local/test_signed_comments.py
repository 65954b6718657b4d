"""Comments: signed by the journal, undone with it, and in the record of the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from oneclick.core.errors import BadInput
from oneclick.editing.operations import CommentSpan, Operation, Redo, ResolveComment, Undo
from oneclick.platforms.local.desk_records import DeskRecord
from oneclick.platforms.local.workbench import EditRequest
from oneclick.stages import reopen, review
from tests.platforms.local.desk import Server, move, waiting

NURSE = CommentSpan(id="a", start=2, stop=5, track=1, text="is this\tthe nurse? \x1b[2J")
PLACE = CommentSpan(id="b", start=0, stop=10, track=None, text="the bed was moved")


def do(server: Server, clip: str, *edits: tuple[str, Operation]) -> None:
    """Do edits of several people, each of whom takes the clip over."""
    for by, operation in edits:
        lease = server.leases.take(clip, by, take=True)
        head = server.bench.open(clip).head
        server.edit(clip, f"k{head}", head, lease.fence, operation, by=by)


@pytest.mark.parametrize(
    ("edits", "signatures"),
    [
        pytest.param([("anna", NURSE)], [("a", "anna", "")], id="one"),
        pytest.param(
            [("anna", NURSE), ("bo", PLACE), ("bo", ResolveComment("a", resolved=True))],
            [("a", "anna", "bo"), ("b", "bo", "")],
            id="another person resolves it",
        ),
        pytest.param([("anna", NURSE), ("bo", Undo())], [], id="taken back"),
        pytest.param(
            [("anna", NURSE), ("bo", Undo()), ("cleo", NURSE)],
            [("a", "cleo", "")],
            id="written again by another person",
        ),
        pytest.param(
            [
                ("anna", NURSE),
                ("anna", ResolveComment("a", resolved=True)),
                ("bo", ResolveComment("a", resolved=False)),
                ("cleo", ResolveComment("a", resolved=True)),
                ("cleo", Undo()),
                ("cleo", Undo()),
            ],
            [("a", "anna", "anna")],
            id="back to the first resolution",
        ),
        pytest.param(
            [("anna", NURSE), ("bo", Undo()), ("bo", Redo())],
            [("a", "anna", "")],
            id="doing it again is no new signature",
        ),
    ],
)
def test_the_journal_says_who_wrote_and_who_resolved(
    tmp_path: Path, edits: list[tuple[str, Operation]], signatures: list[tuple[str, str, str]]
) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    do(server, clip, *edits)
    comments = server.bench.open(clip).comments
    assert [(each.id, each.by, each.resolved_by) for each in comments] == signatures
    assert all((each.resolved_at is None) == (not each.resolved) for each in comments)
    again = Server.start(tmp_path).bench.open(clip)
    assert again.comments == comments
    plain = [(each.id, each.text, each.resolved) for each in again.state.comments]
    assert plain == [(each.id, each.text, each.resolved) for each in comments]


def test_an_answer_has_the_comments_only_where_they_changed(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    fence = server.leases.take(clip, "anna").fence
    edits: list[Operation] = [move(1), NURSE, move(2), Undo(), Undo(), Redo()]
    texts = [
        comments and [each.text for each in comments]
        for head, operation in enumerate(edits)
        for comments in [server.edit(clip, str(head), head, fence, operation).comments]
    ]
    shown = ["is this\\tthe nurse? \\x1b[2J"]
    assert texts == [None, shown, None, None, (), shown]


def test_a_lead_reads_in_the_record_what_is_open(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    do(server, clip, ("anna", NURSE), ("bo", PLACE), ("bo", ResolveComment("b", resolved=True)))
    fence = server.leases.take(clip, "anna", take=True).fence
    request = EditRequest(clip=clip, key="v", base=3, fence=fence, by="anna")
    assert server.bench.decide(request, "accept")
    record = DeskRecord.load(server.queue.desk_file(clip))
    assert record is not None
    assert [(each.text, each.resolved, each.by, each.resolved_by) for each in record.comments] == [
        ("is this\\tthe nurse? \\x1b[2J", False, "anna", ""),
        ("the bed was moved", True, "bo", "bo"),
    ]
    # They are no corrections: the labels are accepted as they were sent.
    (verdict,) = server.queue.collect()
    assert (verdict.tracks, verdict.edits) == (None, 0)


def decide(server: Server, clip: str, by: str = "anna") -> None:
    """Accept a clip as it is, and take the verdict in."""
    fence = server.leases.take(clip, by, take=True).fence
    head = server.bench.open(clip).head
    request = EditRequest(clip=clip, key=f"v-{by}", base=head, fence=fence, by=by)
    assert server.bench.decide(request, "accept")
    assert review.collect_own(server.catalog.workspace.home).done == [clip]


def signatures(server: Server, clip: str) -> list[tuple[str, str, str]]:
    comments = server.bench.open(clip).comments
    return [(each.id, each.by, each.resolved_by) for each in comments]


def test_another_round_begins_with_what_is_still_open(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    third = CommentSpan(id="c", start=1, stop=2, track=1, text="was a shadow")
    do(server, clip, ("anna", NURSE), ("bo", PLACE), ("bo", third))
    do(server, clip, ("bo", ResolveComment("c", resolved=True)))
    decide(server, clip)
    reopen.reopen(tmp_path, clip, "lea", "somebody is missing")
    assert signatures(server, clip) == [("a", "anna", ""), ("b", "bo", "")]
    opened = server.bench.open(clip)
    assert (opened.head, opened.undoable) == (0, 0)
    do(server, clip, ("ben", ResolveComment("a", resolved=True)))
    do(server, clip, ("ben", CommentSpan(id="d", start=0, stop=1, track=None, text="new")))
    expected = [("a", "anna", "ben"), ("b", "bo", ""), ("d", "ben", "")]
    assert signatures(server, clip) == signatures(Server.start(tmp_path), clip) == expected
    do(server, clip, ("ben", Undo()), ("ben", Undo()))
    assert signatures(server, clip) == [("a", "anna", ""), ("b", "bo", "")]
    do(server, clip, ("ben", Redo()))
    decide(server, clip, "ben")
    record = DeskRecord.load(server.queue.desk_file(clip))
    assert record is not None
    assert [(each.id, each.resolved) for each in record.comments] == [("a", True), ("b", False)]
    # A round that was decided on the command line says nothing about comments.
    reopen.reopen(tmp_path, clip, "lea", "once more")
    review.give_verdict(tmp_path, [clip], "accept", "cleo")
    assert review.collect_own(tmp_path).done == [clip]
    reopen.reopen(tmp_path, clip, "lea", "and again")
    assert signatures(server, clip) == [("b", "bo", "")]


def test_a_broken_record_of_the_round_before_is_named(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    do(server, clip, ("anna", NURSE))
    decide(server, clip)
    record = server.queue.desk_file(clip)
    reopen.reopen(tmp_path, clip, "lea", "somebody is missing")
    content = record.read_bytes()
    record.write_bytes(content.replace(b"the nurse", b"the NURSE"))
    with pytest.raises(BadInput, match=str(record)):
        server.bench.open(clip)
    record.write_bytes(content)
    assert signatures(server, clip) == [("a", "anna", "")]
