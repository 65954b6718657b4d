// @ts-check
/** Which boxes of two models show the same object: one to one, by the largest total overlap. */
import { iou } from "./geometry.js";

/** @typedef {import("./live_message.js").LiveBox} LiveBox */

/** Least overlap of two boxes of one object, as the triggers about conflicts have it. */
export const SAME_OBJECT = 0.45;

/**
 * Match boxes as `association.match_frames` of the server does.
 * @param {LiveBox[]} a
 * @param {string[]} aNames names of classes
 * @param {LiveBox[]} b
 * @param {string[]} bNames
 * @param {number} [least] overlap
 * @returns {[number, number][]} rows of `a` and of `b`
 */
export function matchBoxes(a, aNames, b, bNames, least = SAME_OBJECT) {
  const nameOf = (/** @type {string[]} */ names, /** @type {LiveBox} */ box) => names[box[5]] ?? `class ${box[5]}`;
  const weights = a.map((first) =>
    b.map((second) => {
      if (nameOf(aNames, first) !== nameOf(bNames, second)) return 0;
      const [x1, y1, x2, y2] = first;
      const [u1, v1, u2, v2] = second;
      const overlap = iou([x1, y1, x2, y2], [u1, v1, u2, v2]);
      return overlap >= least ? overlap : 0;
    }),
  );
  return assign(weights).filter(([row, column]) => weights[row][column] > 0);
}

/**
 * Return the assignment of largest total weight (Hungarian algorithm by shortest paths, Jonker and
 * Volgenant 1987).
 * @param {number[][]} weights
 * @returns {[number, number][]}
 */
function assign(weights) {
  const rows = weights.length;
  const columns = weights[0]?.length ?? 0;
  if (!rows || !columns) return [];
  if (rows > columns) {
    const turned = Array.from({ length: columns }, (_, column) => weights.map((row) => row[column]));
    return assign(turned).map(([row, column]) => [column, row]);
  }
  const rowPrice = new Array(rows + 1).fill(0);
  const columnPrice = new Array(columns + 1).fill(0);
  /** Row of each column, from 1; 0 is none. */
  const rowOf = new Array(columns + 1).fill(0);
  for (let row = 1; row <= rows; row++) {
    rowOf[0] = row;
    const cheapest = new Array(columns + 1).fill(Infinity);
    const before = new Array(columns + 1).fill(0);
    const isDone = new Array(columns + 1).fill(false);
    let column = 0;
    while (rowOf[column]) {
      isDone[column] = true;
      let [delta, next] = [Infinity, 0];
      for (let each = 1; each <= columns; each++) {
        if (isDone[each]) continue;
        const cost = -weights[rowOf[column] - 1][each - 1] - rowPrice[rowOf[column]] - columnPrice[each];
        if (cost < cheapest[each]) [cheapest[each], before[each]] = [cost, column];
        if (cheapest[each] < delta) [delta, next] = [cheapest[each], each];
      }
      for (let each = 0; each <= columns; each++) {
        if (isDone[each]) {
          rowPrice[rowOf[each]] += delta;
          columnPrice[each] -= delta;
        } else cheapest[each] -= delta;
      }
      column = next;
    }
    while (column) {
      rowOf[column] = rowOf[before[column]];
      column = before[column];
    }
  }
  return rowOf.flatMap((row, column) => (row && column ? [/** @type {[number, number]} */ ([row - 1, column - 1])] : []));
}
