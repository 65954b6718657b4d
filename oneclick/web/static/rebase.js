// @ts-check
/**
 * Edits done again after labels that their author has not seen. Pure: no page, no network.
 *
 * Two people who add somebody choose the same id: the added track gets a fresh one, which all later edits
 * follow. What is not possible any more is left out, with everything that depends on it.
 */
import { trackQuestion } from "./doubts.js";
import { BadEdit, findTrack, newId } from "./model.js";

/** @typedef {import("./model.js").Operation} Operation */
/** @typedef {import("./pending_edits.js").Pending} Pending */
/** @typedef {Map<number, number | null>} Names id of now by id of before; null: that track is gone, and the id is another's */
/** @typedef {{isDone: boolean, before: Names, after: Names}} Act an edit that can be taken back, or was */

/** Fields of an operation that name a track. */
const TRACKS = ["track", "other", "new"];
/** The one of them that names a track which is added. @type {Record<string, string>} */
const ADDED = { draw: "track", split: "new" };

/** @param {Operation} op @returns {number[]} the tracks that it is about */
export const tracksOf = (op) => TRACKS.map((name) => op[name]).filter((id) => typeof id === "number");

/**
 * Do edits on their way after what the server has.
 * @param {import("./history.js").History} saved is not changed
 * @param {Pending[]} edits
 * @param {{others?: Operation[], refused?: Pending}} [news] what others did in between, if anybody did; an edit that
 *   the server refused
 * @returns {{shown: import("./history.js").History, kept: Pending[], lost: Pending[]}} kept: with the ids of now
 */
export function rebase(saved, edits, { others, refused } = {}) {
  const shown = saved.copy();
  /** @type {Pending[]} */
  const kept = [];
  /** @type {Pending[]} */
  const lost = [];
  /** @type {Act[]} */
  const done = [];
  /** @type {Act[]} */
  let undone = [];
  /** @type {Names} */
  let names = new Map((others ?? []).filter((op) => op.op in ADDED).map((op) => [op[ADDED[op.op]], null]));
  let wasLost = false;

  // An answer says what the edit before it made of the labels.
  const isOut = (/** @type {Pending} */ edit) => edit === refused || (edit.op.op === "answer" && wasLost);
  /** @param {Pending} edit @param {Operation | null} op @returns {boolean} whether it was possible */
  const attempt = (edit, op) => {
    try {
      if (op) shown.push(op);
    } catch (error) {
      if (!(error instanceof BadEdit)) throw error;
      op = null;
    }
    if (op) kept.push(op === edit.op ? edit : { ...edit, op });
    else lost.push(edit);
    return Boolean(op);
  };
  /** @param {Pending} edit @param {Act[]} from @param {Act[]} to */
  const step = (edit, from, to) => {
    // Before the first of these edits lies what others did: that is not taken back.
    const act = from.pop() ?? { isDone: !others, before: names, after: names };
    attempt(edit, act.isDone ? edit.op : null);
    names = edit.op.op === "undo" ? act.before : act.after;
    to.push(act);
  };

  for (const edit of edits) {
    const { op } = edit;
    if (op.op === "undo") step(edit, done, undone);
    else if (op.op === "redo") step(edit, undone, done);
    else {
      const before = names;
      const added = op[ADDED[op.op]];
      if (added !== undefined) names = new Map(names).set(added, findTrack(shown.state, added) ? newId(shown.state) : added);
      const isDone = attempt(edit, isOut(edit) ? null : rename(op, before, names));
      done.push({ isDone, before, after: names });
      undone = [];
      wasLost = !isDone;
    }
  }
  return { shown, kept, lost };
}

/**
 * Return an operation with the ids of now; null where one of its tracks is gone.
 * @param {Operation} op
 * @param {Names} before
 * @param {Names} after with what it adds
 * @returns {Operation | null}
 */
function rename(op, before, after) {
  /** @type {Record<string, any>} */
  const changed = {};
  for (const name of TRACKS) {
    const now = (name === ADDED[op.op] ? after : before).get(op[name]);
    if (now === null) return null;
    if (now !== undefined && now !== op[name]) changed[name] = now;
  }
  if (op.op === "answer") {
    const [id, now] = [...before].find(([each]) => op.question === trackQuestion(each)) ?? [];
    if (now === null) return null;
    if (now !== undefined && now !== id) changed.question = trackQuestion(now);
  }
  return Object.keys(changed).length ? { ...op, ...changed } : op;
}
