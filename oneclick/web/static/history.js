// @ts-check
/** Operations one after another, with undo and redo: `oneclick/editing/history.py` in the browser. */
import { BadEdit, apply, withTracks } from "./model.js";

/** @typedef {import("./model.js").State} State */
/** @typedef {import("./model.js").Track} Track */
/** @typedef {import("./model.js").Operation} Operation */

/** The states through which the labels of a clip went, since the page was loaded. */
export class History {
  /**
   * @param {State} state
   * @param {number} undoable operations before `state` that the server can take back
   * @param {number} redoable
   */
  constructor(state, undoable = 0, redoable = 0) {
    /** @type {(State | null)[]} null where only the server has the state */
    this.past = Array(undoable).fill(null);
    /** @type {(State | null)[]} */
    this.future = Array(redoable).fill(null);
    this.state = state;
  }

  /** @returns {History} */
  copy() {
    const history = new History(this.state);
    history.past = [...this.past];
    history.future = [...this.future];
    return history;
  }

  /**
   * Do an operation; raises BadEdit and changes nothing where it is impossible.
   *
   * A step to a state that only the server has leaves `state` as it is until `settle`.
   * @param {Operation} op
   */
  push(op) {
    if (op.op === "undo" || op.op === "redo") {
      const [from, to] = op.op === "undo" ? [this.past, this.future] : [this.future, this.past];
      if (!from.length) throw new BadEdit(`nothing to ${op.op}`);
      const state = from.pop();
      to.push(this.state);
      this.state = state ?? this.state;
    } else {
      const state = apply(this.state, op);
      this.past.push(this.state);
      this.future = [];
      this.state = state;
    }
    return this.state;
  }

  /**
   * Take what the server answered to the newest operation: its tracks are the true ones.
   * @param {{changed: Track[], removed: number[], answers: Record<string, string>,
   *   comments?: import("./comments.js").Comment[],
   *   undoable: number, redoable: number}} answer
   */
  settle(answer) {
    const state = withTracks(this.state, answer.changed, answer.removed);
    this.state = { ...state, answers: answer.answers, comments: answer.comments ?? state.comments };
    this.past = fit(this.past, answer.undoable);
    this.future = fit(this.future, answer.redoable);
  }
}

/**
 * @param {(State | null)[]} states
 * @param {number} length
 */
function fit(states, length) {
  if (states.length >= length) return states.slice(states.length - length);
  return [...Array(length - states.length).fill(null), ...states];
}
