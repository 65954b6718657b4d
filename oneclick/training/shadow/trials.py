"""Candidates that wait in shadow: judged again at each pass of the training, never trained again.

The newest candidate that the test clips would promote waits, one at a time. Its card says so from
the moment it is judged, so that a kill or a restart loses nothing but the video that it came in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import msgspec

from oneclick.catalog import Catalog
from oneclick.core import training_defaults
from oneclick.core.errors import BadInput, DetectorUnavailable, OneclickError
from oneclick.core.evaluation import ShadowEvidence
from oneclick.core.shadow_measures import WAITS_IN_SHADOW
from oneclick.storage import datasets, model_cards, model_registry
from oneclick.storage.model_cards import ModelCard
from oneclick.storage.workspace import Workspace
from oneclick.training import decision as decisions
from oneclick.training.config import TrainingConfig, TrainingPaths
from oneclick.training.decision import PromotionDecision
from oneclick.training.gate import GateOptions, shadow
from oneclick.training.gate.shadow import ShadowOptions
from oneclick.training.shadow import evidence
from oneclick.training.shadow.look import ShadowPass

ShadowMode = Literal["off", "report", "demand"]


@dataclass(frozen=True, kw_only=True)
class ShadowTrials:
    """What the gate asks of candidates for the place of the champion; under the training's lock."""

    workspace: Workspace
    mode: ShadowMode
    options: ShadowOptions
    gate: GateOptions
    classes: tuple[str, ...]
    device: str
    root: Path
    """Folder of the training server."""
    max_broken: float = training_defaults.MAX_BROKEN
    sentences: list[str] = field(default_factory=list)
    """What became of candidates that waited."""

    def demand(self, decision: PromotionDecision) -> PromotionDecision:
        """Return the decision of the test clips, or that the candidate waits in shadow now."""
        if self.mode != "demand" or decision.verdict != "promote" or decision.champion is None:
            return decision
        waits = shadow.judge_shadow([], decision.champion, self.options)
        return conclude(decision, waits)

    def settle(self) -> None:
        """Judge the candidate that waits once more; older ones have been replaced by it.

        One that was promoted and does not serve, after a kill or because another champion came
        into service, is pending too. What goes wrong with it does not stop the training.
        """
        pending = [card for card in self._cards() if self._is_pending(card)]
        for card in pending[:-1]:
            self._end(card, f"replaced in shadow by the newer candidate {pending[-1].id}")
        for card in pending[-1:]:
            if model_registry.was_in_service(self.workspace, card.id):
                self._end(card, "put into service by hand while it waited in shadow")
                continue
            try:
                decision = self.judge(card)
                self.serve(card.id, decision)
            except OneclickError as error:
                self.sentences.append(f"{card.id} could not be judged in shadow: {error}")
            else:
                seen = decision.shadow.reasons if decision.shadow else decision.reasons
                self.sentences.append(f"{card.id}: {decision.verdict}, {seen[0]}")
        self.sweep()

    def _is_pending(self, card: ModelCard) -> bool:
        """Check whether a candidate waits in shadow, or was promoted there and never served."""
        if waits_in_shadow(card):
            return True
        decision = card.decision or {}
        state = (decision.get("shadow") or {}).get("state")
        is_owed = decision.get("verdict") == "promote" and state in ("no worse", "ended")
        return is_owed and not model_registry.was_in_service(self.workspace, card.id)

    def follow(
        self, card: ModelCard, decision: PromotionDecision, is_new: bool
    ) -> PromotionDecision:
        """Return what is decided of a model after its time in shadow.

        Args:
            card: of the model.
            decision: on its test clips.
            is_new: it was judged on them now; else `settle` has looked at it in this pass.
        """
        if is_new and waits_in_shadow(card):
            for other in self._cards():
                if other.id != card.id and waits_in_shadow(other):
                    self._end(other, f"replaced in shadow by the newer candidate {card.id}")
            decision = self.judge(card)
        self.serve(card.id, decision)
        if self.mode == "report" and decision.verdict == "promote" and decision.champion:
            decision = self._report(card, decision)
        self.sweep()
        return decision

    def serve(self, model_id: str, decision: PromotionDecision) -> None:
        """Put a model that is to be promoted into service.

        A champion that was rolled back stays so: only a model that never served is.

        Raises:
            Unavailable: another champion than the one it was compared with serves now.
        """
        if decision.verdict == "promote" and not model_registry.was_in_service(
            self.workspace, model_id
        ):
            reason = decision.reasons[-1]
            model_registry.promote(self.workspace, model_id, reason, instead_of=decision.champion)

    def judge(self, card: ModelCard) -> PromotionDecision:
        """Judge a candidate that waits, on its test clips too where another champion serves."""
        decision = msgspec.convert(card.decision, PromotionDecision)
        champion = model_registry.champion(self.workspace)
        if champion != decision.champion:
            decision = self.demand(self._compare_again(card, champion))
            self._write(card, decision)
        if decision.shadow is None or decision.shadow.state != "waits":
            return decision
        if self.mode != "demand":
            text = "what it does in shadow is no longer demanded"
            seen = replace(decision.shadow, state="ended", reasons=(text,))
            decision = msgspec.structs.replace(conclude(decision, seen), verdict="promote")
        else:
            assert decision.champion is not None
            decision = conclude(decision, self._look(card, decision.champion))
        self._write(card, decision)
        return decision

    def sweep(self) -> None:
        """Remove what no candidate that waits needs. Raises Unavailable."""
        evidence.sweep(self.workspace, [c.id for c in self._cards() if waits_in_shadow(c)])

    def _look(self, card: ModelCard, champion: str) -> ShadowEvidence:
        """Return the evidence, after looking at more video where it is lacking.

        Where the hours are there and it is still unclear, as many are looked at again.
        """
        search = ShadowPass(
            workspace=self.workspace,
            candidate=card.id,
            champion=champion,
            trained_on=self._trained_on(card, champion),
            classes=self.classes,
            device=self.device,
        )
        try:
            pieces = search.look(self.options.hours)
            seen = shadow.judge_shadow(pieces, champion, self.options)
            if seen.state == "waits" and seen.hours >= self.options.hours:
                pieces = search.look(seen.hours + self.options.hours)
                seen = shadow.judge_shadow(pieces, champion, self.options)
        except DetectorUnavailable as error:
            waits = shadow.judge_shadow([], champion, self.options)
            return replace(waits, reasons=(f"{WAITS_IN_SHADOW}: {error}",))
        return replace(seen, failed=search.failed)

    def _report(self, card: ModelCard, decision: PromotionDecision) -> PromotionDecision:
        """Add what it did in shadow to the decision about a model; nothing depends on it."""
        if decision.shadow is not None or decision.champion is None:
            return decision
        try:
            seen = self._look(card, decision.champion)
        except OneclickError as error:
            self.sentences.append(f"{card.id} was not looked at in shadow: {error}")
            return decision
        decision = msgspec.structs.replace(decision, shadow=replace(seen, state="reported"))
        self._write(card, decision)
        return decision

    def _trained_on(self, card: ModelCard, champion: str) -> Collection[str]:
        clips: set[str] = set()
        dataset = datasets.find(self.workspace, card.dataset.name)
        folders = [self.workspace.model_dir(name) for name in (card.id, champion)]
        for folder in folders:
            if dataset is not None:
                clips.update(decisions.training_clips(self.workspace, dataset, folder))
        return clips

    def _compare_again(self, card: ModelCard, champion: str | None) -> PromotionDecision:
        """Judge a model on the test clips of its dataset, beside the champion of today."""
        dataset = datasets.find(self.workspace, card.dataset.name)
        assert dataset is not None  # a name was given
        folder = self.workspace.model_dir(card.id)
        parent = self.workspace.model_dir(champion) if champion else None
        return decisions.judge(
            self.workspace,
            dataset,
            msgspec.convert(card.config, TrainingConfig, strict=False),
            TrainingPaths(self.root, folder.parent, parent),
            card.id,
            options=self.gate,
            max_broken=self.max_broken,
        )

    def _end(self, card: ModelCard, text: str) -> None:
        """Say that a candidate waits no longer, and why."""
        decision = msgspec.convert(card.decision, PromotionDecision)
        assert decision.shadow is not None
        seen = replace(decision.shadow, state="ended", reasons=(text,))
        self._write(card, conclude(decision, seen))
        self.sentences.append(f"{card.id}: {text}")

    def _cards(self) -> list[ModelCard]:
        """Return the cards of all whole models, oldest first."""
        cards = []
        for path in self.workspace.home.glob(f"models/*/{model_cards.CARD_FILE}"):
            try:
                card = model_cards.read(path.parent)
            except BadInput:  # named by `catalog verify`
                continue
            cards += [card] if card else []
        return sorted(cards, key=lambda card: (card.made_at, card.id))

    def _write(self, card: ModelCard, decision: PromotionDecision) -> None:
        """Write a decision into the card of a model, unless it was deleted meanwhile."""
        folder = self.workspace.model_dir(card.id)
        if not (folder / model_cards.CARD_FILE).exists():
            return
        fields = msgspec.to_builtins(decision)
        card = msgspec.structs.replace(card, decision=fields)
        model_cards.write(folder, card)
        with Catalog.open(self.workspace.home) as catalog:
            catalog.add_model(card.id, card.dataset.name, msgspec.to_builtins(card))


def waits_in_shadow(card: ModelCard) -> bool:
    """Check whether a model is a candidate that waits in shadow."""
    seen = (card.decision or {}).get("shadow")
    return isinstance(seen, dict) and seen.get("state") == "waits"


def conclude(decision: PromotionDecision, seen: ShadowEvidence) -> PromotionDecision:
    """Return a decision with what was seen in shadow in the place of what was seen before."""
    before = decision.shadow.reasons if decision.shadow else ()
    reasons = [reason for reason in decision.reasons if reason not in before]
    verdict = {"no worse": "promote", "worse": "refuse"}.get(seen.state, "not enough evidence")
    return msgspec.structs.replace(
        decision, verdict=verdict, reasons=(*reasons, *seen.reasons), shadow=seen
    )
