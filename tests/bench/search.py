"""How long a page of clips takes, by filter, in a catalog of tests/bench/crowd.py.

uv run python -m tests.bench.crowd HOME --hits 1000 --verdicts 1000
uv run python -m tests.bench.search HOME
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from oneclick.catalog import Catalog, utc_now
from oneclick.catalog.search import COUNTED
from oneclick.report.search import parse_query

FILTERS = (
    *("", "stage:cut", "stage:published", "-stage:published", "cam:cam03", "-cam:cam03"),
    *("cam03-00", "no-such-id", "stage:review cam:cam03 00199", "video:cam03-0100"),
    *("why:flicker", "why:jump", "by:control", "split:test", "rev:0", "error:early", "age>2h"),
    *("age<1d", "sort:id", "sort:stage", "sort:age", "sort:-age"),
)
PAGES = (0, 99, 500)
ROWS, REPEATS = 100, 5


def seconds(catalog: Catalog, text: str, page: int) -> float:
    """The quickest of some searches."""
    query, times = parse_query(text), []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        catalog.search(query.terms, query.sort, query.down, ROWS, page * ROWS, utc_now())
        times.append(time.perf_counter() - begin)
    return min(times)


def main(home: Path) -> None:
    """Print a table."""
    with Catalog.open(home, readonly=True) as catalog:
        print(f"{'filter':32}" + "".join(f"  page {page + 1:>3}" for page in PAGES) + "   clips")
        for text in FILTERS:
            times = "".join(f"  {1000 * seconds(catalog, text, page):5.0f} ms" for page in PAGES)
            query = parse_query(text)
            _, total = catalog.search(query.terms, query.sort, query.down, 1, 0, utc_now())
            print(f"{text:32}{times}  {f'{COUNTED:,}+' if total > COUNTED else f'{total:,}'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    main(parser.parse_args().home)
