// @ts-check
/** A box that is being drawn or moved and is not set yet: by pointer or by the arrow keys. */
import { clip, resize, shift } from "./geometry.js";
import { roundBox } from "./tracks.js";

/** @typedef {import("./model.js").Box} Box */
/**
 * @typedef {object} Draft
 * @property {"move" | "draw"} kind
 * @property {number | null} track of a move
 * @property {string} cls of a new track
 * @property {number} frame
 * @property {Box} box
 * @property {boolean} carry
 * @property {boolean} [isTouched] it was moved or drawn, not only offered
 * @property {string} [snapped] model whose detection the box is
 * @property {(() => void)} [after] what follows once it is set
 */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Move or resize the box by an arrow key, as it looks on the screen; false for other keys.
 * @param {Draft} draft
 * @param {KeyboardEvent} event
 * @param {import("./geometry.js").Camera} camera
 */
export function nudge(draft, event, camera) {
  const arrow = ARROWS[/** @type {"ArrowLeft"} */ (event.key)];
  if (!arrow || event.ctrlKey || event.metaKey) return false;
  draft.isTouched = true;
  draft.snapped = undefined;
  const size = event.shiftKey ? 10 : 1;
  const [dx, dy] = camera.stepToPicture(arrow[0] * size, arrow[1] * size);
  if (event.altKey) {
    // The right and the lower side on the screen, wherever they are in the picture.
    const handle = camera.stepToPicture(Math.abs(arrow[0]), Math.abs(arrow[1]));
    draft.box = resize(draft.box, handle, dx, dy);
  } else draft.box = shift(draft.box, dx, dy);
  return true;
}

/**
 * Return the box as it is set: its sides in the picture, with two decimals.
 * @param {Box} box
 * @param {import("./model.js").State} state
 * @returns {Box}
 */
export const settled = (box, { width, height }) => roundBox(clip(box, width, height));

/**
 * Return a box of a usual size about a point.
 * @param {import("./model.js").State} state
 * @param {Box[]} others boxes of the frame
 * @param {number} x
 * @param {number} y
 * @returns {Box}
 */
export function usualBox(state, others, x, y) {
  const middle = (/** @type {number[]} */ values) => values.sort((a, b) => a - b)[values.length >> 1];
  const width = middle(others.map((box) => box[2] - box[0])) ?? state.height / 10;
  const height = middle(others.map((box) => box[3] - box[1])) ?? state.height / 4;
  const left = Math.round(x - width / 2);
  const top = Math.round(y - height / 2);
  return [left, top, left + Math.round(width), top + Math.round(height)];
}
