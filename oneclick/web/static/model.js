// @ts-check
/**
 * The labels of one clip and what a reviewer does to them: `oneclick/editing/apply.py` in the
 * browser. Pure: no page, no network. Both run the cases of `tests/editing/cases.json`.
 */
import { BadEdit } from "./bad_edit.js";
import { addComment, resolveComment } from "./comments.js";
import { LEAST_SIDE, fillSpan, joinBoxes, moveBox, roundBox, selectBoxes } from "./tracks.js";

/** How far the shift of a box spreads; editing/apply.py. */
const REACH_SECONDS = 1;

/** @typedef {[number, number, number, number]} Box px, x1 y1 x2 y2 */
/** @typedef {[number, number, string]} Range half-open frames, and the value in them */
/**
 * @typedef {object} Track
 * @property {number} id
 * @property {string} class
 * @property {number[]} frames rising
 * @property {Box[]} boxes
 * @property {number[]} scores
 * @property {string} origins one letter a box
 * @property {number[]} keyframes
 * @property {Record<string, Range[]>} attributes
 */
/**
 * @typedef {object} State
 * @property {string} clip
 * @property {number} frames
 * @property {number} fps
 * @property {number} width
 * @property {number} height
 * @property {string[]} classes
 * @property {Record<string, string[]>} attributes
 * @property {Track[]} tracks by id
 * @property {Record<string, string>} answers
 * @property {import("./comments.js").Comment[]} comments in the order in which they were written
 */
/** @typedef {{op: string, [key: string]: any}} Operation */

export const IGNORE = "ignore";
const MAX_TRACK = 2 ** 31 - 1;
/** The largest number of single precision, in which label files are computed. */
const MAX_CORNER = (2 - 2 ** -23) * 2 ** 127;
const MAX_QUESTION = 200;
const ORIGINS = "durih";
const ANSWERS = ["right", "wrong", "nobody", "unsure"];

export { BadEdit };

/**
 * Return the labels after one operation.
 * @param {State} state
 * @param {Operation} op
 * @returns {State}
 */
export function apply(state, op) {
  switch (op.op) {
    case "draw":
      return withTracks(state, [drawTrack(state, op)]);
    case "move": {
      checkFrame(state, op.frame);
      checkBox(state, op.box);
      const reach = Math.max(1, Math.round(state.fps * REACH_SECONDS));
      return withTracks(state, [moveBox(find(state, op.track), op.frame, op.box, reach)]);
    }
    case "delete":
      return withTracks(state, [], [find(state, op.track).id]);
    case "trim":
      checkSpan(state, op.start, op.stop);
      return withTracks(state, [trim(find(state, op.track), op.start, op.stop)]);
    case "fill": {
      checkSpan(state, op.start, op.stop);
      const filled = fillSpan(find(state, op.track), op.start, op.stop);
      if (!filled)
        throw new BadEdit(
          `track ${op.track} has a box in every frame of ${op.start} … ${op.stop - 1}`,
        );
      return withTracks(state, [filled]);
    }
    case "split": {
      checkNew(state, op.new);
      const [before, after] = cut(find(state, op.track), op.frame);
      if (!before.frames.length || !after.frames.length)
        throw new BadEdit(`track ${op.track} has boxes on one side of frame ${op.frame} only`);
      return withTracks(state, [before, { ...after, id: op.new }]);
    }
    case "merge": {
      const [first, second] = findTwo(state, op.track, op.other);
      const taken = new Set(first.frames);
      const added = selectBoxes(second, (frame) => !taken.has(frame));
      return withTracks(state, [join(state, first, added)], [op.other]);
    }
    case "swap": {
      checkFrame(state, op.frame);
      const [first, second] = findTwo(state, op.track, op.other);
      const [before, after] = cut(first, op.frame);
      const [otherBefore, otherAfter] = cut(second, op.frame);
      if (!after.frames.length && !otherAfter.frames.length)
        throw new BadEdit(`neither track has a box from frame ${op.frame} on`);
      return withTracks(state, [join(state, before, otherAfter), join(state, otherBefore, after)]);
    }
    case "classify":
      checkClass(state, op.cls);
      return withTracks(state, [{ ...find(state, op.track), class: op.cls }]);
    case "describe":
      return withTracks(state, [describe(state, op)]);
    case "answer":
      if (!op.question || [...op.question].length > MAX_QUESTION)
        throw new BadEdit("a question has a name of 1 to 200 characters");
      if (!ANSWERS.includes(op.answer)) throw new BadEdit(`no answer is called ${op.answer}`);
      return { ...state, answers: { ...state.answers, [op.question]: op.answer } };
    case "comment":
      checkSpan(state, op.start, op.stop);
      if (op.track !== null) find(state, op.track);
      return addComment(state, op);
    case "resolve":
      return resolveComment(state, op);
    default:
      throw new BadEdit(`no edit of labels: ${op.op}`);
  }
}

/**
 * Return the state with some tracks added or replaced; one without a box is removed.
 * @param {State} state
 * @param {Track[]} tracks
 * @param {number[]} [without]
 * @returns {State}
 */
export function withTracks(state, tracks, without = []) {
  const byId = new Map(state.tracks.map((track) => [track.id, track]));
  for (const track of tracks) byId.set(track.id, track);
  for (const id of without) byId.delete(id);
  const remaining = [...byId.values()].filter((track) => track.frames.length);
  return { ...state, tracks: remaining.sort((a, b) => a.id - b.id) };
}

/**
 * @param {State} state
 * @param {number} id
 * @returns {Track | undefined}
 */
export function findTrack(state, id) {
  return state.tracks.find((track) => track.id === id);
}

/** @param {State} state @returns {number} an id that no track has */
export function newId(state) {
  return Math.max(0, ...state.tracks.map((track) => track.id)) + 1;
}

/** @param {State} state @param {Operation} op @returns {Track} */
function drawTrack(state, op) {
  checkNew(state, op.track);
  checkClass(state, op.cls);
  checkFrame(state, op.frame);
  checkBox(state, op.box);
  const carried = op.carried ?? { frames: [op.frame], boxes: [op.box], scores: [1], origins: "h" };
  const { frames, boxes, scores, origins } = carried;
  const isValid =
    new Set([frames.length, boxes.length, scores.length, origins.length]).size === 1 &&
    frames.includes(op.frame) &&
    frames.every((/** @type {number} */ f, /** @type {number} */ k) => !k || f > frames[k - 1]) &&
    frames[0] >= 0 &&
    frames[frames.length - 1] < state.frames &&
    boxes.every(
      (/** @type {Box} */ box) =>
        box.every((side) => Math.abs(side) <= MAX_CORNER) && box[0] <= box[2] && box[1] <= box[3],
    ) &&
    scores.every((/** @type {number} */ score) => score >= 0 && score <= 1) &&
    [...origins].every((letter) => ORIGINS.includes(letter));
  if (!isValid) throw new BadEdit("the carried boxes contradict themselves");
  const drawn = boxes.map(roundBox);
  drawn[frames.indexOf(op.frame)] = roundBox(op.box);
  return {
    id: op.track,
    class: op.cls,
    frames,
    boxes: drawn,
    scores,
    origins,
    keyframes: [op.frame],
    attributes: {},
  };
}

/** @param {Track} track @param {number} start @param {number} stop @returns {Track} */
function trim(track, start, stop) {
  const trimmed = selectBoxes(track, (frame) => frame < start || frame >= stop);
  if (trimmed.frames.length === track.frames.length)
    throw new BadEdit(`track ${track.id} has no box in frames ${start} … ${stop - 1}`);
  return trimmed;
}

/**
 * Return boxes and attributes of a track before a frame, and from it on.
 * @param {Track} track
 * @param {number} frame
 * @returns {Track[]}
 */
function cut(track, frame) {
  return [
    [0, frame],
    [frame, MAX_TRACK],
  ].map(([low, high]) => ({
    ...selectBoxes(track, (each) => each >= low && each < high),
    attributes: nonEmpty(
      Object.entries(track.attributes).map(([name, ranges]) => [
        name,
        ranges
          .map(([start, stop, value]) => range(Math.max(start, low), Math.min(stop, high), value))
          .filter(([start, stop]) => start < stop),
      ]),
    ),
  }));
}

/** @param {number} start @param {number} stop @param {string} value @returns {Range} */
const range = (start, stop, value) => [start, stop, value];

/** @param {[string, Range[]][]} entries @returns {Record<string, Range[]>} */
const nonEmpty = (entries) => Object.fromEntries(entries.filter(([, ranges]) => ranges.length));

/**
 * Return a track with boxes of another one, and its attributes where it has none.
 * @param {State} state
 * @param {Track} track
 * @param {Track} other
 * @returns {Track}
 */
function join(state, track, other) {
  /** @type {Record<string, Range[]>} */
  const attributes = {};
  for (const name of Object.keys({ ...track.attributes, ...other.attributes })) {
    const second = valuesPerFrame(other.attributes[name], state.frames);
    const first = valuesPerFrame(track.attributes[name], state.frames);
    attributes[name] = valueRanges(first.map((value, frame) => value ?? second[frame]));
  }
  return { ...joinBoxes(track, other), attributes };
}

/** @param {State} state @param {Operation} op @returns {Track} */
function describe(state, op) {
  const track = find(state, op.track);
  checkSpan(state, op.start, op.stop);
  const choices = state.attributes[op.attribute];
  if (!choices) throw new BadEdit(`no attribute is called ${op.attribute}`);
  if (op.value !== null && !choices.includes(op.value))
    throw new BadEdit(`${op.attribute} has no value ${op.value}`);
  const values = valuesPerFrame(track.attributes[op.attribute], state.frames);
  values.fill(op.value, op.start, op.stop);
  const attributes = { ...track.attributes, [op.attribute]: valueRanges(values) };
  return { ...track, attributes: nonEmpty(Object.entries(attributes)) };
}

/** @param {Range[] | undefined} ranges @param {number} length @returns {(string | null)[]} */
function valuesPerFrame(ranges, length) {
  const values = Array(length).fill(null);
  for (const [start, stop, value] of ranges ?? []) values.fill(value, start, stop);
  return values;
}

/** @param {(string | null)[]} values @returns {Range[]} */
function valueRanges(values) {
  /** @type {Range[]} */
  const ranges = [];
  values.forEach((value, frame) => {
    const last = ranges[ranges.length - 1];
    if (value !== null && last && last[1] === frame && last[2] === value) last[1] = frame + 1;
    else if (value !== null) ranges.push([frame, frame + 1, value]);
  });
  return ranges;
}

/** @param {State} state @param {number} id @returns {Track} */
function find(state, id) {
  const track = findTrack(state, id);
  if (!track) throw new BadEdit(`there is no track ${id}`);
  return track;
}

/** @param {State} state @param {number} id @param {number} other */
function findTwo(state, id, other) {
  if (id === other) throw new BadEdit(`track ${id} cannot be combined with itself`);
  return [find(state, id), find(state, other)];
}

/** @param {State} state @param {number} id */
function checkNew(state, id) {
  if (!(id >= 0 && id <= MAX_TRACK) || findTrack(state, id))
    throw new BadEdit(`track ${id} cannot be added: that id is in use or out of range`);
}

/** @param {State} state @param {number} frame */
function checkFrame(state, frame) {
  if (!(frame >= 0 && frame < state.frames))
    throw new BadEdit(`frame ${frame} is not in the clip, which has 0 … ${state.frames - 1}`);
}

/** @param {State} state @param {number} start @param {number} stop */
function checkSpan(state, start, stop) {
  if (!(start >= 0 && start < stop && stop <= state.frames))
    throw new BadEdit(`frames ${start} … ${stop - 1} are no span of 0 … ${state.frames - 1}`);
}

/** @param {State} state @param {string} name */
function checkClass(state, name) {
  if (![...state.classes, IGNORE].includes(name)) throw new BadEdit(`no class is called ${name}`);
}

/** @param {State} state @param {Box} box */
function checkBox(state, box) {
  const [x1, y1, x2, y2] = box;
  if (!box.every(Number.isFinite)) throw new BadEdit("a box needs four finite numbers");
  const [width, height] = [x2 - x1, y2 - y1];
  if (width < LEAST_SIDE || height < LEAST_SIDE)
    throw new BadEdit(
      `a box of ${width.toFixed(1)} × ${height.toFixed(1)} px: at least 1 px a side`,
    );
  const visibleWidth = Math.max(0, Math.min(x2, state.width) - Math.max(x1, 0));
  const visibleHeight = Math.max(0, Math.min(y2, state.height) - Math.max(y1, 0));
  if (visibleWidth * visibleHeight < (width * height) / 2)
    throw new BadEdit("more than half of the box lies outside the picture");
}
