import gc

import pytest

from oneclick.core import garbage


def test_nothing_is_collected_meanwhile_and_what_is_there_is_left_alone() -> None:
    try:
        with garbage.paused():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_a_pause_ends_where_an_import_fails_or_another_one_lasts() -> None:
    try:
        with garbage.paused():
            with pytest.raises(ImportError), garbage.paused():
                raise ImportError
            assert not gc.isenabled()
        assert gc.isenabled()
    finally:
        gc.unfreeze()
