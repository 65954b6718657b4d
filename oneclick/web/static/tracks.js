// @ts-check
/**
 * Edits of the boxes of one track: `oneclick/editing/boxes_over_time.py` in the browser.
 *
 * Positions are computed in double precision from coordinates with two decimals and rounded to two
 * decimals again, halves up.
 */

/** @typedef {import("./model.js").Box} Box */
/** @typedef {import("./model.js").Track} Track */

const HUMAN = "h";
const INTERPOLATED = "i";
/** Share of a correction within which a box around it may differ without being better. */
const NOISE = 0.2;
/** px of the shorter side of a box that is drawn or set; the shift of one makes no other smaller. */
export const LEAST_SIDE = 1;

/** @param {number} value @returns {number} */
export const roundCorner = (value) => Math.floor(value * 100 + 0.5) / 100;

/** @param {Box} box @returns {Box} */
export const roundBox = ([x1, y1, x2, y2]) => [
  roundCorner(x1),
  roundCorner(y1),
  roundCorner(x2),
  roundCorner(y2),
];

/**
 * Return the first row at or after a frame.
 * @param {number[]} frames rising
 * @param {number} frame
 */
export function rowFrom(frames, frame) {
  let [low, high] = [0, frames.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (frames[middle] < frame) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {Track} track @param {number} frame @returns {number} the row of a frame, or -1 */
export function rowAt(track, frame) {
  const row = rowFrom(track.frames, frame);
  return track.frames[row] === frame ? row : -1;
}

/** @param {Track} track @param {number} frame @returns {Box | null} */
export function boxAt(track, frame) {
  const row = rowAt(track, frame);
  return row < 0 ? null : track.boxes[row];
}

/** @param {Iterable<number>} numbers @returns {number[]} each once, rising */
const risingSet = (numbers) => [...new Set(numbers)].sort((a, b) => a - b);

/**
 * Set the box in one frame; it becomes a human key box, and its shift spreads.
 * @param {Track} track
 * @param {number} frame
 * @param {Box} box
 * @param {number} reach frames
 * @returns {Track}
 */
export function moveBox(track, frame, box, reach) {
  const row = rowFrom(track.frames, frame);
  const target = roundBox(box);
  const keyframes = risingSet([...track.keyframes, frame]);
  const isNew = track.frames[row] !== frame;
  const scores = track.scores.toSpliced(row, isNew ? 0 : 1, 1);
  const origins = track.origins.slice(0, row) + HUMAN + track.origins.slice(row + (isNew ? 0 : 1));
  if (isNew) {
    const frames = track.frames.toSpliced(row, 0, frame);
    return { ...track, frames, boxes: track.boxes.toSpliced(row, 0, target), scores, origins, keyframes };
  }
  const shift = /** @type {Box} */ (target.map((value, side) => value - track.boxes[row][side]));
  const weights = spreadWeights(track, row, reach);
  const shares = missingShares(track, row, shift, weights);
  const boxes = track.boxes.map((each, k) => {
    const weight = weights[k] * shares[k];
    if (!weight) return each;
    const moved = /** @type {Box} */ (each.map((v, s) => v + weight * shift[s]));
    return roundBox(keepSides(each, moved, track.boxes[row], target));
  });
  boxes[row] = target;
  return { ...track, boxes, scores, origins, keyframes };
}

/**
 * Return how much of a correction the boxes around the corrected one still lack, 0 … 1.
 *
 * A box that lies where its motion and the correction together would put it is right already.
 * Interpolated boxes follow the key boxes.
 * @param {Track} track
 * @param {number} row
 * @param {Box} shift
 * @param {Float64Array} weights
 * @returns {Float64Array}
 */
function missingShares(track, row, shift, weights) {
  const shares = new Float64Array(track.frames.length).fill(1);
  const length = dot(shift, shift);
  const [first, last] = [weights.findIndex((w) => w > 0), weights.findLastIndex((w) => w > 0)];
  if (first === last || length === 0) return shares;
  const { boxes } = track;
  const motion = shift.map((_, side) => {
    const steps = [];
    for (let k = first; k < last; k++) steps.push(boxes[k + 1][side] - boxes[k][side]);
    steps.sort((a, b) => a - b);
    return (steps[(steps.length - 1) >> 1] + steps[steps.length >> 1]) / 2;
  });
  for (let k = first; k <= last; k++) {
    if (track.origins[k] === INTERPOLATED) continue;
    const apart = boxes[k].map((v, side) => v - boxes[row][side] - (k - row) * motion[side]);
    const ahead = dot(/** @type {Box} */ (apart), shift) / length;
    shares[k] = 1 - Math.min(Math.max((ahead - NOISE) / (1 - NOISE), 0), 1);
  }
  return shares;
}

/** @param {Box} a @param {Box} b */
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];

/**
 * Return a moved box of which no side shrank by more than that of the box that is set.
 * @param {Box} box before
 * @param {Box} moved
 * @param {Box} replaced the box in whose place another is set
 * @param {Box} target the box that is set
 * @returns {Box}
 */
function keepSides(box, moved, replaced, target) {
  const kept = /** @type {Box} */ ([...moved]);
  for (const side of [0, 1]) {
    const ratio = (target[side + 2] - target[side]) / Math.max(replaced[side + 2] - replaced[side], 0.01);
    const before = box[side + 2] - box[side];
    const least = Math.max(before * Math.min(1, ratio), Math.min(before, LEAST_SIDE));
    if (moved[side + 2] - moved[side] >= least) continue;
    const middle = (moved[side] + moved[side + 2]) / 2;
    kept[side] = middle - least / 2;
    kept[side + 2] = middle + least / 2;
  }
  return kept;
}

/**
 * Return by how much of the shift of one box the boxes around it move, 0 … 1.
 * @param {Track} track
 * @param {number} row
 * @param {number} reach
 * @returns {Float64Array}
 */
function spreadWeights(track, row, reach) {
  const weights = new Float64Array(track.frames.length);
  weights[row] = 1;
  const keyFrames = new Set(track.keyframes);
  for (const step of [-1, 1]) {
    let [count, keyDistance, isInterpolated] = [0, 0, true];
    for (
      let at = row + step;
      at >= 0 && at < weights.length && track.frames[at] === track.frames[at - step] + step;
      at += step
    ) {
      const distance = Math.abs(at - row);
      if (track.origins[at] === HUMAN && keyFrames.has(track.frames[at])) {
        keyDistance = distance;
        break;
      }
      isInterpolated = isInterpolated && track.origins[at] === INTERPOLATED;
      if (distance > reach && !isInterpolated) break;
      count = distance;
    }
    let fadesAt = reach;
    if (keyDistance && (keyDistance <= reach || isInterpolated)) fadesAt = keyDistance;
    else if (isInterpolated) fadesAt = Infinity;
    for (let distance = 1; distance <= count; distance++)
      weights[row + step * distance] = Math.max(0, 1 - distance / fadesAt);
  }
  return weights;
}

/**
 * Add a box in every frame of a span that has none; null where none lacks one.
 * @param {Track} track
 * @param {number} start
 * @param {number} stop
 * @returns {Track | null}
 */
export function fillSpan(track, start, stop) {
  /** @type {Track} */
  const filled = { ...track, frames: [], boxes: [], scores: [], origins: "", keyframes: [] };
  const last = track.frames.length - 1;
  for (let frame = start; frame < stop; frame++) {
    const after = rowFrom(track.frames, frame);
    if (track.frames[after] === frame) continue;
    const [first, second] = [Math.max(after - 1, 0), Math.min(after, last)];
    const [a, b] = [track.boxes[first], track.boxes[second]];
    const distance = Math.max(track.frames[second] - track.frames[first], 1);
    const share = first === second ? 0 : (frame - track.frames[first]) / distance;
    filled.frames.push(frame);
    filled.boxes.push(roundBox(/** @type {Box} */ (a.map((v, s) => v + (b[s] - v) * share))));
    filled.scores.push(Math.min(track.scores[first], track.scores[second]));
  }
  if (!filled.frames.length) return null;
  filled.origins = INTERPOLATED.repeat(filled.frames.length);
  return joinBoxes(track, filled);
}

/**
 * Return the box of a frame, on the line between its neighbours where there is none.
 * @param {Track} track
 * @param {number} frame
 * @returns {Box}
 */
export function boxNear(track, frame) {
  const filled = fillSpan(track, frame, frame + 1) ?? track;
  return filled.boxes[rowFrom(filled.frames, frame)];
}

/**
 * Return a track with the boxes of another one, which share no frame with its own.
 * @param {Track} track
 * @param {Track} other
 * @returns {Track}
 */
export function joinBoxes(track, other) {
  const frames = [...track.frames, ...other.frames];
  const boxes = [...track.boxes, ...other.boxes];
  const scores = [...track.scores, ...other.scores];
  const letters = track.origins + other.origins;
  const order = frames.map((_, k) => k).sort((a, b) => frames[a] - frames[b]);
  return {
    ...track,
    frames: order.map((k) => frames[k]),
    boxes: order.map((k) => boxes[k]),
    scores: order.map((k) => scores[k]),
    origins: order.map((k) => letters[k]).join(""),
    keyframes: risingSet([...track.keyframes, ...other.keyframes]),
  };
}

/**
 * Select boxes of a track; key frames without a box are dropped, attributes stay.
 * @param {Track} track
 * @param {(frame: number) => boolean} wanted
 * @returns {Track}
 */
export function selectBoxes(track, wanted) {
  const rows = track.frames.flatMap((frame, row) => (wanted(frame) ? [row] : []));
  return {
    ...track,
    frames: rows.map((row) => track.frames[row]),
    boxes: rows.map((row) => track.boxes[row]),
    scores: rows.map((row) => track.scores[row]),
    origins: rows.map((row) => track.origins[row]).join(""),
    keyframes: track.keyframes.filter((frame) => wanted(frame) && rowAt(track, frame) >= 0),
  };
}
