"""The catalog that the timeline's benchmark fills in bulk is one that we would have written."""

from __future__ import annotations

from pathlib import Path

from oneclick.catalog import Catalog, counters, recount
from tests.bench import trigger_timeline


def test_counters_filled_in_bulk_are_those_of_a_recount(tmp_path: Path) -> None:
    trigger_timeline.fill(tmp_path, 24 * 2 * 90, cameras=2, days=1)
    kinds = (counters.HIT, counters.RECORDED, counters.SCANNED)
    with Catalog.open(tmp_path) as catalog, catalog.transaction() as connection:
        videos, hits = recount.count_videos(connection), recount.count_hits(connection)
        recounted = {key: value for key, value in {**videos, **hits}.items() if key[0] in kinds}
        for kind in kinds:
            assert catalog.totals(kind) == {
                (who, what): value
                for (name, size, _, who, what), value in recounted.items()
                if (name, size) == (kind, 0)
            }
        shown = catalog.hit_lanes(0, 1 << 40, counters.HOUR)
        assert sum(sum(cells[1::2]) for cells in shown.values()) == 24 * 2 * 90
        for (camera, trigger), cells in shown.items():
            for place, number in zip(cells[::2], cells[1::2], strict=True):
                key = (counters.HIT, counters.HOUR, place * counters.HOUR, camera, trigger)
                assert recounted[key] == number
