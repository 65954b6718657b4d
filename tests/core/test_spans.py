import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core import spans
from oneclick.core.spans import Span

SPANS = st.builds(lambda a, n: Span(a, a + n), st.integers(0, 200), st.integers(1, 50))


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (5, 4), (-1, 3)])
def test_an_empty_or_negative_span_cannot_be_made(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="empty or negative"):
        Span(start, stop)


@pytest.mark.parametrize(
    ("a", "b", "overlap", "gap"),
    [
        (Span(0, 5), Span(5, 9), False, 0),
        (Span(0, 5), Span(4, 9), True, 0),
        (Span(0, 9), Span(3, 4), True, 0),
        (Span(0, 5), Span(8, 9), False, 3),
    ],
    ids=["touching", "one frame", "inside", "apart"],
)
def test_overlap_and_gap_are_symmetric(a: Span, b: Span, overlap: bool, gap: int) -> None:
    assert a.overlaps(b) == b.overlaps(a) == overlap
    assert a.gap(b) == b.gap(a) == gap


def test_a_span_holds_its_start_and_not_its_stop() -> None:
    assert 3 in Span(3, 5)
    assert 5 not in Span(3, 5)
    assert len(Span(3, 5)) == 2


def test_padding_stays_inside_the_video() -> None:
    assert Span(2, 9).padded(5, 10) == Span(0, 10)
    assert Span(5, 6).padded(2, 100) == Span(3, 8)


@given(st.lists(SPANS), st.integers(0, 10))
def test_merging_keeps_every_frame_and_leaves_wide_gaps(items: list[Span], within: int) -> None:
    merged = spans.merge(items, within)
    for span in items:
        assert any(m.start <= span.start and span.stop <= m.stop for m in merged)
    assert all(b.start - a.stop > within for a, b in itertools.pairwise(merged))
    assert spans.merge(merged, within) == merged
