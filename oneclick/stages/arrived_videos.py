"""How Videos of edge cameras are written, while they grow and when they are complete."""

from __future__ import annotations

from collections.abc import Sequence

from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.hits import Hit
from oneclick.storage import cards
from oneclick.storage.cards import ModelPair
from oneclick.storage.workspace import Workspace


def put_video(workspace: Workspace, catalog: Catalog, video: Video) -> None:
    """Write card and row of a Video, in place of what there was of it so far."""
    cards.save_video_card(workspace, video)
    catalog.replace_part(video, video)


def put_hits(
    workspace: Workspace,
    catalog: Catalog,
    video_id: str,
    models: ModelPair,
    *,
    options_key: str,
    hits: Sequence[Hit],
) -> None:
    """Write the Hits of a Video, in place of those found so far.

    Args:
        workspace: gets the file.
        catalog: gets the rows, after the file, so that a row is true.
        video_id: of a Video in the catalog.
        models: whose predictions were searched.
        options_key: digest of triggers and parameters.
        hits: all that are known.
    """
    key = f"{models.predictor.id}-{options_key}"
    cards.save_hits(workspace, video_id, key, models, hits, [])
    catalog.replace_hits(video_id, hits, key)
    catalog.add_selections([], [(video_id, cards.SCAN_STEP, key)])
