// @ts-check
/** What a timeline of triggers shows, without a page: rows, ticks, and what lies under a point. */

/** @typedef {[number, number, number, string, string, number]} LaneHit start, stop, score, why, video, frame */
/**
 * @typedef {object} Lane
 * @property {string} trigger
 * @property {number} total
 * @property {number[]} [cells] bucket and hits by turns
 * @property {LaneHit[]} [hits]
 */
/**
 * @typedef {object} Camera
 * @property {string} camera
 * @property {number} total
 * @property {[number, number, number, number][]} video start, stop, seconds, seconds looked at
 * @property {[number, number, string, string][]} clips start, stop, state, id
 * @property {Lane[]} triggers
 * @property {{video: string, seconds: number, hits: Record<string, number>}[]} undated
 */
/** @typedef {{id: string, camera: string, trigger: string, start: number, stop: number, reason: string, by: string, lifted: boolean}} Mute */
/** @typedef {{id: string, camera: string, start: number, stop: number, reason: string, by: string, released: boolean}} Incident */
/** @typedef {{start: number, stop: number, bucket: number, origin: number, cameras: Camera[], mutes: Mute[], incidents: Incident[]}} Lanes */
/** @typedef {{name: string, step: number, points: [number, number, number][]}} Curve */
/** @typedef {{start: number, complete: boolean, curves: Curve[]}} Curves */
/** @typedef {{start: number, stop: number}} Window */
/** @typedef {{kind: "camera" | "lane" | "curve", camera: Camera, lane: Lane | null, curve: Curve | null, y: number, height: number}} Row */
/** @typedef {{start: number, stop: number, trigger: string, count: number, hit: LaneHit | null}} Found */

export const GUTTER = 168;
export const AXIS = 30;
export const HEIGHTS = { camera: 30, lane: 18, curve: 40 };
export const SHORTEST = 2;
export const LONGEST = 420 * 86_400;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000];
const LEAST_TICK = 84;

/**
 * Return the rows from the top down.
 * @param {Lanes} lanes
 * @param {Set<string>} opened cameras whose triggers are shown
 * @param {Curves | null} curves of the only camera
 * @returns {Row[]}
 */
export function rowsOf(lanes, opened, curves) {
  /** @type {Row[]} */
  const rows = [];
  let y = AXIS;
  const add = (/** @type {Row["kind"]} */ kind, /** @type {Camera} */ camera, /** @type {Lane | null} */ lane, /** @type {Curve | null} */ curve) => {
    rows.push({ kind, camera, lane, curve, y, height: HEIGHTS[kind] });
    y += HEIGHTS[kind];
  };
  for (const camera of lanes.cameras) {
    add("camera", camera, null, null);
    if (!opened.has(camera.camera)) continue;
    for (const lane of camera.triggers) add("lane", camera, lane, null);
    for (const curve of curves?.curves ?? []) add("curve", camera, null, curve);
  }
  return rows;
}

/**
 * Return the hits of a lane, or of all lanes of a camera, by bucket.
 * @param {Lane[]} lanes
 * @returns {Map<number, number>}
 */
export function cellsOf(lanes) {
  const cells = new Map();
  for (const lane of lanes)
    for (let k = 0; k < (lane.cells?.length ?? 0); k += 2) {
      const at = /** @type {number[]} */ (lane.cells)[k];
      cells.set(at, (cells.get(at) ?? 0) + /** @type {number[]} */ (lane.cells)[k + 1]);
    }
  return cells;
}

/**
 * Return the number of hits from which on a cell has full heat: one burst must not pale the rest.
 * @param {Iterable<number>} numbers
 */
export function fullHeat(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return Math.max(4, sorted[Math.floor(0.98 * (sorted.length - 1))] ?? 0);
}

/** @param {number} hits @param {number} full @param {number} steps @returns {number} a step from 1 on */
export const heatStep = (hits, full, steps) => 1 + Math.min(steps - 1, Math.floor(Math.sqrt(hits / full) * (steps - 0.01)));

/**
 * Return the times of the ticks of a window, and the seconds between two.
 * @param {Window} window
 * @param {number} width in pixels
 * @param {(time: number) => number} offset of the local zone, in seconds
 */
export function ticksOf(window, width, offset) {
  const wanted = ((window.stop - window.start) * LEAST_TICK) / Math.max(width, 1);
  const step = STEPS.find((each) => each >= wanted) ?? /** @type {number} */ (STEPS.at(-1));
  const times = [];
  const shift = offset(window.start);
  for (let at = Math.ceil((window.start + shift) / step) * step; at - shift < window.stop; at += step) times.push(at - shift);
  return { times, step };
}

/**
 * Return a window of another length around a point that stays where it is.
 * @param {Window} window
 * @param {number} at
 * @param {number} factor of its length
 * @returns {Window}
 */
export function zoomed(window, at, factor) {
  const length = Math.min(LONGEST, Math.max(SHORTEST, (window.stop - window.start) * factor));
  const share = (at - window.start) / (window.stop - window.start);
  const start = Math.max(0, at - share * length);
  return { start, stop: start + length };
}

/** @param {Window} window @param {number} share @returns {Window} */
export function moved(window, share) {
  const length = window.stop - window.start;
  const start = Math.max(0, window.start + share * length);
  return { start, stop: start + length };
}

/**
 * Return what a row has at a time: the nearest hit, or the cell.
 * @param {Lanes} lanes
 * @param {Row} row
 * @param {number} at seconds since 1970
 * @param {number} reach seconds around it
 * @returns {Found | null}
 */
export function findAt(lanes, row, at, reach) {
  const shown = row.lane ? [row.lane] : row.kind === "camera" ? row.camera.triggers : [];
  /** @type {Found | null} */
  let best = null;
  let nearest = reach;
  for (const lane of shown)
    for (const hit of lane.hits ?? []) {
      const [start, stop] = [lanes.start + hit[0], lanes.start + hit[1]];
      const distance = at < start ? start - at : at > stop ? at - stop : 0;
      if (distance <= nearest) [nearest, best] = [distance, { start, stop, trigger: lane.trigger, count: 1, hit }];
    }
  if (best || !lanes.bucket) return best;
  const origin = lanes.start + lanes.origin;
  const place = Math.floor((at - origin) / lanes.bucket);
  const count = cellsOf(shown).get(place) ?? 0;
  const start = origin + place * lanes.bucket;
  return count ? { start, stop: start + lanes.bucket, trigger: row.lane?.trigger ?? "", count, hit: null } : null;
}

/**
 * Return the start of the next or the previous hit (or cell with hits) of a row.
 * @param {Lanes} lanes
 * @param {Row} row
 * @param {number} at
 * @param {1 | -1} direction
 * @returns {number | null}
 */
export function neighbour(lanes, row, at, direction) {
  const shown = row.lane ? [row.lane] : row.camera.triggers;
  const starts = shown.flatMap((lane) => (lane.hits ?? []).map((hit) => lanes.start + hit[0]));
  if (lanes.bucket) for (const place of cellsOf(shown).keys()) starts.push(lanes.start + lanes.origin + (place + 0.5) * lanes.bucket);
  const beyond = starts.filter((start) => direction * (start - at) > 0.005);
  return beyond.length ? (direction > 0 ? Math.min(...beyond) : Math.max(...beyond)) : null;
}

/**
 * Return what a camera's video is at a time: looked at, not looked at, or none.
 * @param {Lanes} lanes
 * @param {Camera} camera
 * @param {number} at
 * @returns {"seen" | "unseen" | "none"}
 */
export function videoAt(lanes, camera, at) {
  const part = camera.video.find(([start, stop]) => lanes.start + start <= at && at < lanes.start + stop);
  return part ? (part[3] >= 0.999 * part[2] ? "seen" : "unseen") : "none";
}

/**
 * Return the clip of a camera at a time.
 * @param {Lanes} lanes
 * @param {Camera} camera
 * @param {number} at
 */
export const clipAt = (lanes, camera, at) => camera.clips.find(([start, stop]) => lanes.start + start <= at && at < lanes.start + stop) ?? null;
