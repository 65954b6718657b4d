// @ts-check
/** Where the reviewer was on a clip, kept over reloads of the page. */
import { findTrack } from "./model.js";

export class Place {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
    this.name = `oneclick-place-${editor.state.clip}`;
    addEventListener("pagehide", () => this.#write());
  }

  /** @returns {boolean} whether there was a place */
  restore() {
    const { editor } = this;
    let place;
    try {
      place = JSON.parse(sessionStorage.getItem(this.name) ?? "null");
    } catch {
      return false;
    }
    if (!place) return false;
    editor.showAll = Boolean(place.showAll);
    editor.listDoubts();
    const index = editor.doubts.findIndex((doubt) => doubt.id === place.doubt);
    if (index >= 0) editor.openDoubt(index);
    // Where somebody else edited since, undo goes on edit by edit.
    if (place.edits === this.#countEdits()) {
      editor.steps = Array.isArray(place.steps) ? place.steps : [];
      editor.undone = Array.isArray(place.undone) ? place.undone : [];
    }
    editor.marks = place.marks ?? editor.marks;
    editor.view.camera.turn = place.turn ?? 0;
    editor.activity.total = place.active ?? 0;
    editor.selected = place.selected !== null && findTrack(editor.state, place.selected) ? place.selected : null;
    editor.goTo(place.frame ?? 0);
    return true;
  }

  /** @returns {string} the round of review, and how many edits it has with those on their way */
  #countEdits() {
    const { round, base, pending } = this.editor.labels.queue;
    return `${round}/${base + pending.length}`;
  }

  keep() {
    if (this.timer) return;
    this.timer = setTimeout(() => (this.timer = undefined, this.#write()), 200);
  }

  #write() {
    const { frame, selected, current, showAll, marks, steps, undone, view, activity } = this.editor;
    const place = {
      frame, selected, showAll, marks, steps, undone,
      edits: this.#countEdits(),
      doubt: current?.id ?? null,
      turn: view.camera.turn,
      active: activity.seconds() * 1000,
    };
    if (!this.isForgotten) sessionStorage.setItem(this.name, JSON.stringify(place));
  }

  forget() {
    this.isForgotten = true;
    sessionStorage.removeItem(this.name);
  }
}
