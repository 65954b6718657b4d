"""The page and the server do the same to labels: one set of cases, and operations at random."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page

from oneclick.editing.history import History
from oneclick.editing.operations import BadEdit, Redo, Undo
from oneclick.web import pages
from tests.editing.random_edits import draw_operation, draw_state
from tests.web.browser.conftest import OpenPage

pytestmark = pytest.mark.browser
CASES: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "editing" / "cases.json").read_text()
)
RUN = """async ([folder, start, operations]) => {
  const { BadEdit } = await import(`${folder}/model.js`);
  const { History } = await import(`${folder}/history.js`);
  const history = new History(start);
  const outcomes = [];
  for (const operation of operations) {
    try {
      history.push(operation);
      outcomes.push("");
    } catch (error) {
      if (!(error instanceof BadEdit)) throw error;
      outcomes.push(error.message);
    }
  }
  return { state: history.state, outcomes };
}"""


def run(page: Page, start: object, operations: list[Any]) -> dict[str, Any]:
    """Do operations in the browser; return the labels after them, and what was refused."""
    outcome: dict[str, Any] = page.evaluate(RUN, [pages.load().address, start, operations])
    return outcome


def test_the_browser_passes_the_cases_of_the_server(open_page: OpenPage) -> None:
    page = open_page("/login", name="")
    for case in CASES["possible"]:
        assert run(page, case["state"], case["ops"])["state"] == case["want"], case["name"]
    for case in CASES["refused"]:
        outcome = run(page, case["state"], [case["op"]])
        assert outcome["state"] == case["state"], case["name"]
        assert outcome["outcomes"] != [""], case["name"]


def test_browser_and_server_agree_on_operations_at_random(open_page: OpenPage) -> None:
    page = open_page("/login", name="")
    refusals = 0
    for seed in range(25):
        rng = random.Random(seed)
        history = History(draw_state(rng))
        first, sent, refused = history.state.to_document(), [], []
        for _ in range(60):
            operation = rng.choice((draw_operation(rng, history.state),) * 6 + (Undo(), Redo()))
            sent.append(msgspec.to_builtins(operation))
            try:
                history.push(operation)
                refused.append(False)
            except BadEdit:
                refused.append(True)
        outcome = run(page, first, sent)
        assert [text != "" for text in outcome["outcomes"]] == refused, seed
        assert outcome["state"] == json.loads(json.dumps(history.state.to_document())), seed
        refusals += sum(refused)
    assert refusals > 50
