// @ts-check
/** The boxes of models A and B on a picture: where they agree, and where only one sees something. */
import { matchBoxes } from "./matching.js";

/** @typedef {import("./live_message.js").MessageHead} MessageHead */
/** @typedef {import("./view.js").ShownBox} ShownBox */
/** @typedef {"all" | "a" | "b" | "both"} Difference */

/** @type {Difference[]} */
export const DIFFERENCES = ["all", "a", "b", "both"];

/**
 * @typedef {object} Comparison
 * @property {ShownBox[]} boxes that are shown
 * @property {number[]} counts of boxes of A and of B that count
 * @property {number} pairs that both have
 */

/**
 * Compare what two models see.
 * @param {MessageHead} head
 * @param {number} confidence from which on a box counts
 * @param {Difference} difference what is shown
 * @returns {Comparison}
 */
export function compare(head, confidence, difference) {
  const models = Object.keys(head.boxes).slice(0, 2);
  const sides = models.map((model) => ({
    boxes: head.boxes[model].filter((box) => box[4] >= confidence),
    names: head.classes[model] ?? [],
  }));
  const [a, b] = sides;
  const pairs = b ? matchBoxes(a.boxes, a.names, b.boxes, b.names) : [];
  const paired = [0, 1].map((side) => new Set(pairs.map((pair) => pair[side])));
  /** @type {ShownBox[]} */
  const boxes = sides.flatMap(({ boxes, names }, side) =>
    boxes.flatMap((box, row) => {
      const isAlone = Boolean(b) && !paired[side].has(row);
      const isShown = !b || difference === "all" || (isAlone ? difference === "ab"[side] : difference === "both");
      if (!isShown) return [];
      const [x1, y1, x2, y2, score, cls] = box;
      const kind = /** @type {"a" | "b"} */ ("ab"[side]);
      // Where both agree one tag is enough.
      const tag = isAlone || side === 0 ? `${"AB"[side]} ${names[cls] ?? cls} ${Math.round(100 * score)} %` : "";
      return [{ track: -1, box: /** @type {import("./model.js").Box} */ ([x1, y1, x2, y2]), kind, tag, hatched: isAlone }];
    }),
  );
  return { boxes, counts: sides.map((side) => side.boxes.length), pairs: pairs.length };
}

/** @param {Comparison} comparison @returns {number} share of the boxes that both models have */
export function agreement({ counts, pairs }) {
  const [a, b] = counts;
  return a + b ? (2 * pairs) / (a + b) : 1;
}
