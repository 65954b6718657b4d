"""The tests that `pytest -m fast` runs in less than a minute."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
FAST = {
    "catalog",
    "cli",
    "core",
    "formats",
    "hindsight",
    "report",
    "storage",
    "triggers",
    "ward",
    "test_contracts.py",
    "test_design.py",
    "test_fast.py",
    "test_settings.py",
}
"""Folders and files without networks, servers and video: what `-m fast` runs."""
SLOWER = {
    "catalog/test_claims.py",
    "catalog/test_damaged_rows.py",
    "catalog/test_postgres.py",
    "catalog/test_rebuild.py",
    "catalog/test_reconcile.py",
    "catalog/test_rollups.py::test_totals_equal_a_recount",
    "cli/test_bad_input.py",
    "cli/test_command_line.py::test_status_of_an_empty_workspace_names_the_next_command",
    "cli/test_exchange_commands.py",
    "cli/test_models_export.py",
    "cli/test_plugins.py::test_doctor_has_a_row_for_each",
    "cli/test_live.py",
    "cli/test_review_encord.py",
    "cli/test_review_users.py",
    "cli/test_taken_out.py",
    "cli/test_up.py",
    "cli/test_watch.py::test_on_a_terminal_status_is_drawn_in_place_until_ctrl_c",
    "formats/test_corpus.py",
    "formats/test_formats.py::test_labels_come_back_as_they_went",
    "formats/test_formats.py::test_yolo_keeps_every_box_of_every_frame_within_half_a_pixel",
    "hindsight/test_ensemble.py::test_the_order_of_the_labellers_does_not_matter",
    "hindsight/test_keyframes.py::test_12000_boxes_are_thinned_within_the_bound",
    "hindsight/test_keyframes.py::test_a_track_needs_few_keys",
    "hindsight/test_keyframes.py::test_an_edit_changes_two_stretches_to_each_side_and_no_more",
    "hindsight/test_keyframes.py::test_any_tracks_stay_within_the_bound_and_come_back_bit_for_bit",
    "report/test_history.py",
    "report/test_search.py::test_a_filter_finds_what_a_look_at_every_clip_finds",
    "report/test_timeline.py::test_the_picture_shows_hits_dark_and_hours_without_video_blank",
    "storage/test_sealed_archives.py::test_every_changed_bit_is_noticed",
    "triggers/rules/test_triggers.py::test_every_hit_is_well_formed_whatever_the_boxes",
    "triggers/selection/test_select.py::test_a_large_budget_of_ten_hours_is_used_up",
    "triggers/selection/test_select.py::test_a_selection_is_in_its_video_apart_and_independent_of_order",
    "triggers/selection/test_select.py::test_a_video_of_one_clip_comes_up_as_often_as_its_time",
    "triggers/test_streaming.py::test_any_chunking_finds_the_same_hits",
    "ward/test_novelties.py",
    "ward/test_ward.py",
}
"""Files and tests there that are left out of it: each costs seconds or starts other processes."""


def is_fast(path: Path, test: str = "") -> bool:
    """Return whether `-m fast` runs a file, or a test of it."""
    if not path.is_relative_to(HERE):
        return False
    name = path.relative_to(HERE)
    slower = {name.as_posix(), f"{name.as_posix()}::{test}"} & SLOWER
    return name.parts[0] in FAST and not slower
