// @ts-check
/** The doubts about a clip, in the order in which they are asked, and what was answered. */
import { boxAt, rowFrom } from "./tracks.js";

/** @typedef {import("./model.js").State} State */
/** @typedef {import("./model.js").Track} Track */
/**
 * @typedef {object} Doubt
 * @property {string} id
 * @property {number | null} track null: is anybody here?
 * @property {number} start
 * @property {number} stop
 * @property {number} expected
 * @property {string} why
 * @property {import("./model.js").Box | null} box the place
 * @property {string} [cls] class of what may be at the place; empty where it is unknown
 */

/** A box with a score up to this is in doubt: `hindsight.questions.ASK`. */
export const CERTAIN = 0.8;

/** @param {number} id @returns {string} the question about a whole track */
export const trackQuestion = (id) => `track:${id}`;

/** @param {Doubt} doubt whether it asks about everything in a picture */
export const isPicture = (doubt) => doubt.id.startsWith("picture:");

/** @param {Doubt} doubt @returns {string} the class that a place is asked about; empty where that is anybody */
export const askedClass = (doubt) => (doubt.cls === "person" ? "" : (doubt.cls ?? ""));

/** @param {Doubt} doubt */
export const isWholeTrack = (doubt) => doubt.id.startsWith("track:");

/**
 * Return the doubts that are listed: those of the server, and all other tracks where `all` is set.
 * @param {Doubt[]} questions
 * @param {State} state
 * @param {boolean} all
 * @returns {Doubt[]}
 */
export function listDoubts(questions, state, all) {
  const ids = new Set(state.tracks.map((track) => track.id));
  const asked = questions.filter(
    (each) => each.track === null || ids.has(each.track) || state.answers[each.id],
  );
  if (!all) return asked;
  const inDoubt = new Set(asked.map((each) => each.track));
  const others = state.tracks.filter((track) => !inDoubt.has(track.id));
  return [...asked, ...others.map(wholeTrack)];
}

/** @param {Track} track @returns {Doubt} */
function wholeTrack(track) {
  const { id, frames } = track;
  const stop = frames[frames.length - 1] + 1;
  return { id: trackQuestion(id), track: id, start: frames[0], stop, expected: 0, why: "", box: null };
}

/**
 * Return the index of the next doubt without an answer, from one on and then from the start; -1: none.
 * @param {Doubt[]} doubts
 * @param {State} state
 * @param {number} from
 */
export function nextOpen(doubts, state, from) {
  const order = doubts.map((_, k) => (Math.max(from, 0) + k) % doubts.length);
  return order.find((k) => !state.answers[doubts[k].id]) ?? -1;
}

/**
 * Tell whether labels have boxes of the doubt's track within it.
 * @param {Doubt} doubt
 * @param {Track | undefined} track
 */
export function hasBoxes(doubt, track) {
  if (!track) return false;
  const row = rowFrom(track.frames, doubt.start);
  return row < track.frames.length && track.frames[row] < doubt.stop;
}

/**
 * Return the frame to look at first: where the score is lowest, else the one at the track's end.
 * @param {Doubt} doubt
 * @param {Track | undefined} track
 */
export function firstLook(doubt, track) {
  if (!track) return (doubt.start + doubt.stop) >> 1;
  let best = -1;
  for (let row = rowFrom(track.frames, doubt.start); track.frames[row] < doubt.stop; row++)
    if (best < 0 || track.scores[row] < track.scores[best]) best = row;
  if (best >= 0) return track.frames[best];
  return track.frames[0] >= doubt.stop ? doubt.stop - 1 : doubt.start;
}

/**
 * Return the next frame with boxes on which models disagree: one where a box is by one model alone
 * after others were united, or where a score falls below one half.
 * @param {State} state
 * @param {number} frame
 * @param {number | null} only a track
 */
export function nextConflict(state, frame, only) {
  let best = -1;
  for (const track of state.tracks) {
    if (only !== null && track.id !== only) continue;
    const isUnited = track.origins.includes("u");
    for (let row = Math.max(rowFrom(track.frames, frame + 1), 1); row < track.frames.length; row++) {
      const falls = track.scores[row] < 0.5 && track.scores[row - 1] >= 0.5;
      const parts = isUnited && track.origins[row] === "d" && track.origins[row - 1] !== "d";
      if (!falls && !parts) continue;
      if (best < 0 || track.frames[row] < best) best = track.frames[row];
      break;
    }
  }
  return best;
}

/**
 * Return the next frame after one in which a track has no box though it begins before; -1: none.
 * @param {Track} track
 * @param {number} frame
 * @param {number} length frames of the clip
 */
export function nextGap(track, frame, length) {
  const isHole = (/** @type {number} */ each) => each > track.frames[0] && !boxAt(track, each);
  for (let each = frame + 1; each < length; each++) if (isHole(each) && !isHole(each - 1)) return each;
  return -1;
}

/**
 * Return the frame halfway between the key boxes around one.
 * @param {Track} track
 * @param {number} frame
 */
export function midpoint(track, frame) {
  const ends = [track.frames[0], track.frames[track.frames.length - 1]];
  const keys = [...new Set([...track.keyframes, ...ends])].sort((a, b) => a - b);
  const before = keys.filter((key) => key <= frame).pop() ?? keys[0];
  const after = keys.find((key) => key > frame) ?? keys[keys.length - 1];
  return Math.round((before + after) / 2);
}

/**
 * Return the tracks that a track may continue in or come from, the most likely first.
 * @param {State} state
 * @param {Track} track
 * @returns {Track[]}
 */
export function joinCandidates(state, track) {
  const others = state.tracks.filter((each) => each.id !== track.id);
  return others.sort((a, b) => joinCost(track, a, state.fps) - joinCost(track, b, state.fps));
}

/** @param {Track} a @param {Track} b @param {number} fps */
function joinCost(a, b, fps) {
  const [first, second] = a.frames[0] <= b.frames[0] ? [a, b] : [b, a];
  const last = first.frames.length - 1;
  const gap = second.frames[0] - first.frames[last];
  const [end, start] = [first.boxes[last], second.boxes[0]];
  const distance = Math.hypot(end[0] + end[2] - start[0] - start[2], end[1] + end[3] - start[1] - start[3]) / 2;
  const size = Math.max(8, end[3] - end[1]);
  return Math.abs(gap) / fps + distance / size + (gap < 0 ? 3 : 0) + (a.class === b.class ? 0 : 5);
}

/**
 * Return the tracks that are near a track in a frame, the nearest first.
 * @param {State} state
 * @param {Track} track
 * @param {number} frame
 * @returns {Track[]}
 */
export function swapCandidates(state, track, frame) {
  const distance = (/** @type {Track} */ other) => {
    const [a, b] = [boxAt(track, frame) ?? track.boxes[0], boxAt(other, frame)];
    return b ? Math.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) : 1e6 + other.id;
  };
  const others = state.tracks.filter((each) => each.id !== track.id);
  return others.sort((a, b) => distance(a) - distance(b));
}
