"""A recording that grows while its first part is predicted is predicted as a whole in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from oneclick.catalog import Catalog, verify
from oneclick.stages import fetch, predict
from oneclick.storage import predictions
from oneclick.storage.workspace import Workspace
from tests.corpus.layouts_folders import film, variant

MOTION = "opencv:motion"


@pytest.mark.parametrize("name", ["hall_20260501_080000.mp4", "hall.mp4"], ids=["start", "digest"])
def test_a_part_that_is_replaced_while_it_is_predicted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, source = tmp_path / "home", tmp_path / name
    source.write_bytes(film(1))
    (part,) = fetch.fetch(home, [str(source)]).done
    save = predict.save_signals

    def save_meanwhile(*args: object) -> None:
        source.write_bytes(variant(film(1), 0))
        assert fetch.fetch(home, [str(source)]).notes
        save(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(predict, "save_signals", save_meanwhile)
        result = predict.predict(home, [part], MOTION, ["person"], measure=True)
    assert (result.done, list(result.failed)) == ([], [part])
    assert "took the place" in result.failed[part]
    with Catalog.open(home) as catalog:
        (whole,) = catalog.videos()
        assert catalog.marks("predict") == []
    again = predict.predict(home, [whole.id], MOTION, ["person"], measure=True)
    assert again.done == [whole.id]
    assert predictions.load(Workspace(home).predictions(whole.id, "opencv-motion")).length == (
        whole.frames
    )
    with Catalog.open(home) as catalog:
        assert verify.verify(catalog, deep=True) == []
    assert {path.parent.name for path in home.glob("predictions/*/*")} == {whole.id}
    assert {path.parent.name for path in home.glob("signals/*/*")} == {whole.id}
