// @ts-check
/** Comments on spans of a clip: `oneclick/editing/comments.py` in the browser. */
import { BadEdit } from "./bad_edit.js";

/** @typedef {import("./model.js").State} State */
/** @typedef {import("./model.js").Operation} Operation */
/**
 * @typedef {object} Comment
 * @property {string} id
 * @property {number} start
 * @property {number} stop
 * @property {number | null} track null: the span as a whole
 * @property {string} text
 * @property {boolean} resolved
 */

export const MAX_TEXT = 1000;
const MAX_COMMENTS = 200;
const ID = /^[A-Za-z0-9_-]{1,100}$/;
/** Controls, marks of the writing direction, separators and lone halves of characters: core/visible.py. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/gu;
/** @type {Record<string, string>} */
const SHORT = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** @param {string} text @returns {string} with every hidden character as an escape */
export const visibleLine = (text) => text.replace(HIDDEN, escapeHidden);

/** @param {string} character */
function escapeHidden(character) {
  if (SHORT[character]) return SHORT[character];
  const code = character.charCodeAt(0);
  const value = code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : code;
  return value < 0x100 ? `\\x${value.toString(16).padStart(2, "0")}` : `\\u${value.toString(16).padStart(4, "0")}`;
}

/**
 * Return the state with one more comment, which is open.
 * @param {State} state
 * @param {Operation} op
 * @returns {State}
 */
export function addComment(state, { id, start, stop, track, text }) {
  if (!ID.test(id) || state.comments.some((each) => each.id === id))
    throw new BadEdit("that id of a comment is in use, or not 1 to 100 letters and digits");
  if (state.comments.length >= MAX_COMMENTS)
    throw new BadEdit(`a clip takes ${MAX_COMMENTS} comments; the newest ones can be undone`);
  const line = visibleLine(text).trim();
  const length = [...line].length;
  if (!length || length > MAX_TEXT)
    throw new BadEdit(`a comment has 1 to ${MAX_TEXT} characters, not ${length}`);
  const comment = { id, start, stop, track, text: line, resolved: false };
  return { ...state, comments: [...state.comments, comment] };
}

/**
 * Return the state with a comment resolved, or open again.
 * @param {State} state
 * @param {Operation} op
 * @returns {State}
 */
export function resolveComment(state, { id, resolved }) {
  const comment = state.comments.find((each) => each.id === id);
  if (!comment) throw new BadEdit("there is no such comment");
  if (comment.resolved === resolved)
    throw new BadEdit(`the comment is ${resolved ? "resolved" : "open"} already`);
  const changed = { ...comment, resolved };
  return { ...state, comments: state.comments.map((each) => (each === comment ? changed : each)) };
}
