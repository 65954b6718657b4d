"""Signs of lost pictures that no single packet shows, and pauses that are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from oneclick.core.spans import Span
from oneclick.video import losses, source
from oneclick.video.index import read_index
from oneclick.video.packets import ABSENT
from oneclick.video.read import pictures
from tests.corpus.video_frames import Recorder, record

GROUP, STEP = 12, 40


def recording(lost: range, group: int = GROUP) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return stamps and keys of 360 pictures of which some are lost."""
    there = np.array([number for number in range(360) if number not in lost])
    return there * STEP, there % group == 0


def paused(pictures: int, after: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return stamps and keys of a camera that pauses, but counts on."""
    numbers = np.arange(120)
    return STEP * (numbers + pictures * (numbers >= after)), numbers % GROUP == 0


@pytest.mark.parametrize("lost", [range(31, 43), range(31, 55), range(46, 58)])
def test_a_loss_of_whole_groups_is_noticed_by_time(lost: range) -> None:
    stamps, is_key = recording(lost)
    assert losses.find_pauses(stamps, is_key, 16).swallowed == (lost.start,)
    assert losses.find_pauses(stamps + 7_000, is_key, 0).swallowed == (lost.start,)


def test_a_loss_of_as_many_pictures_as_can_be_counted_is_noticed_by_time() -> None:
    stamps, is_key = recording(range(70, 86), 60)
    assert losses.find_pauses(stamps, is_key, 16).swallowed == (70,)
    assert not losses.find_pauses(stamps, is_key, 256).swallowed


def test_a_loss_from_one_group_into_the_next_that_the_counter_does_not_show_is_noticed() -> None:
    stamps, is_key = recording(range(50, 94), 60)  # the 34th of its group counts like the 50th
    assert losses.find_pauses(stamps, is_key, 16).swallowed == (50,)


def test_lost_pictures_beside_a_lost_group_do_not_hide_it() -> None:
    stamps, is_key = recording(range(31, 43))
    is_there = ~np.isin(stamps // STEP, [4, 9, 57, 70, 93])
    swallowed = losses.find_pauses(stamps[is_there], is_key[is_there], 16).swallowed
    assert [int(stamps[is_there][k]) // STEP for k in swallowed] == [43]


@pytest.mark.parametrize("lost", [range(31, 36), range(31, 48), range(30, 41)])
def test_a_loss_that_the_counter_shows_or_a_key_ends_is_left_to_them(lost: range) -> None:
    stamps, is_key = recording(lost)
    assert not losses.find_pauses(stamps, is_key, 16).swallowed


@pytest.mark.parametrize("pictures", [1, 5, 20, 100, 1000])
def test_a_pause_of_any_other_length_costs_no_picture(pictures: int) -> None:
    stamps, is_key = paused(pictures, 31)
    assert losses.find_pauses(stamps, is_key, 16) == losses.Pauses()


def test_a_long_pause_of_whole_groups_costs_no_picture_but_is_said() -> None:
    stamps, is_key = paused(GROUP * 1000, 31)
    assert losses.find_pauses(stamps, is_key, 16) == losses.Pauses(doubtful=1)


def test_a_camera_that_pauses_as_it_likes_loses_no_picture() -> None:
    numbers = np.arange(120)
    stamps = STEP * (numbers + sum(p * (numbers >= at) for at, p in [(31, 24), (55, 17), (80, 40)]))
    assert losses.find_pauses(stamps, numbers % GROUP == 0, 16) == losses.Pauses()


def test_a_camera_that_slows_down_loses_no_picture() -> None:
    steps = np.where(np.arange(120) < 70, STEP, 17 * STEP)
    stamps = np.cumsum(steps)
    assert losses.find_pauses(stamps, np.arange(120) == 0, 16) == losses.Pauses()
    assert losses.find_pauses(stamps, np.arange(120) % GROUP == 0, 16) == losses.Pauses()


def test_where_groups_have_no_usual_length_a_pause_is_only_said() -> None:
    numbers = np.arange(120)
    stamps = STEP * (numbers + 90 * (numbers >= 70))
    is_key = np.isin(numbers, [0, 7, 30, 61, 77, 90])
    assert losses.find_pauses(stamps, is_key, 16) == losses.Pauses(doubtful=1)


def test_stamps_that_tell_no_order_tell_no_loss() -> None:
    stamps, is_key = recording(range(31, 43))
    for odd in (np.where(stamps == 0, ABSENT, stamps), np.roll(stamps, 40), stamps * 0):
        assert losses.find_pauses(odd, is_key, 16) == losses.Pauses()


def transport(tmp_path: Path) -> tuple[Path, bytes]:
    path = record(tmp_path / "a.ts", Recorder(count=60, group=12))
    return path, path.read_bytes()


@pytest.mark.parametrize("stray", [0, 57])
def test_sixteen_lost_packets_of_a_transport_stream_are_noticed(tmp_path: Path, stray: int) -> None:
    path, content = transport(tmp_path)
    assert not read_index(path).table.is_damaged.any()
    start = 188 * (len(content) // 188 // 2) + stray
    path.write_bytes(content[:start] + bytes(188 - stray) + content[start + 188 * 16 :])
    assert read_index(path).table.is_damaged.any()
    assert "lost to damage" in " ".join(read_index(path).info.notes)


def test_a_packet_without_its_mark_tears_the_picture_that_it_lies_in(tmp_path: Path) -> None:
    path, content = transport(tmp_path)
    table = read_index(path).table
    at = int(table.positions[24]) + 188
    path.write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    assert losses.torn_packets(path, table.positions).tolist() == [24]


def test_a_cut_in_a_damaged_stream_reads_no_more_the_later_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(tmp_path / "a.ts", Recorder(count=127, group=12, b_frames=2))
    content = bytearray(path.read_bytes())
    content[5_000:9_000] = bytes(4_000)
    path.write_bytes(content)
    index = read_index(path)
    assert index.is_decoded
    costs: list[int] = []
    packets_of_file = source.packets

    def counted(*arguments: Any) -> Iterator[Any]:
        for packet in packets_of_file(*arguments):
            costs[-1] += 1
            yield packet

    monkeypatch.setattr(source, "packets", counted)
    for share in (0.1, 0.5, 0.9):
        start = int(share * index.info.frames)
        costs.append(0)
        assert len(list(pictures(path, Span(start, start + 7), exact=True))) == 7
    assert max(costs) < 3 * 12, costs


@pytest.mark.parametrize(("before", "after"), [(0, 0), (4, 0), (0, 4), (0, 16)])
def test_packets_of_all_sizes_are_whole(before: int, after: int, tmp_path: Path) -> None:
    packet = bytes(before) + b"\x47" + bytes(187 + after)
    path = tmp_path / "a.ts"
    path.write_bytes(packet * 60)
    positions = len(packet) * np.array([0, 7, 12, 20, 59])
    positions[2] = ABSENT
    assert not len(losses.torn_packets(path, positions))
    path.write_bytes(packet * 9 + bytes(len(packet)) + packet * 50)
    assert losses.torn_packets(path, positions).tolist() == [1, 2]


def test_a_recording_of_a_camcorder_is_whole(tmp_path: Path) -> None:
    path = record(tmp_path / "a.m2ts", Recorder(b_frames=2, count=50))
    assert not read_index(path).table.is_damaged.any()
