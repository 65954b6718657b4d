import itertools
import threading

import pytest

from oneclick.video import ahead


def test_items_come_in_order_and_end():
    assert list(ahead.read_ahead(iter(range(50)))) == list(range(50))
    assert list(ahead.read_ahead(iter(()))) == []


def test_an_error_comes_after_the_items_before_it():
    def broken():
        yield from range(20)
        raise ValueError("frame 20")

    items: list[int] = []
    with pytest.raises(ValueError, match="frame 20"):
        items.extend(ahead.read_ahead(broken()))
    items.extend(itertools.islice(ahead.read_ahead(broken()), 20))
    assert items[-20:] == list(range(20))


def test_no_more_is_read_than_may_wait_and_closing_ends_the_thread():
    taken = []

    def endless():
        for k in itertools.count():
            taken.append(k)
            yield k

    reader = ahead.read_ahead(endless())
    assert next(reader) == 0
    assert any(thread.name == "read-ahead" for thread in threading.enumerate())
    reader.close()
    assert not any(thread.name == "read-ahead" for thread in threading.enumerate())
    assert len(taken) <= ahead.AHEAD + 3
