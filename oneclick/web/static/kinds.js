// @ts-check
/** How sure a box is, and from whom: what colour, dash and height tell everywhere. */
import { CERTAIN } from "./doubts.js";

/** @typedef {import("./model.js").Track} Track */
/** @typedef {"certain" | "filled" | "doubt" | "human"} Kind */

/** @param {string} origin @param {number} score @returns {Kind} */
export function kindOf(origin, score) {
  if (origin === "h") return "human";
  if (score <= CERTAIN) return "doubt";
  return origin === "i" || origin === "r" ? "filled" : "certain";
}

/** @type {WeakMap<Track, [number, number, Kind][]>} */
const runsByTrack = new WeakMap();

/** @param {Track} track @returns {[number, number, Kind][]} half-open spans of boxes of one kind */
export function runs(track) {
  const known = runsByTrack.get(track);
  if (known) return known;
  /** @type {[number, number, Kind][]} */
  const spans = [];
  for (let row = 0; row < track.frames.length; row++) {
    const kind = kindOf(track.origins[row], track.scores[row]);
    const [frame, last] = [track.frames[row], spans[spans.length - 1]];
    if (last && last[2] === kind && last[1] === frame) last[1]++;
    else spans.push([frame, frame + 1, kind]);
  }
  runsByTrack.set(track, spans);
  return spans;
}
