// @ts-check
/** What models saw in a clip: one kind of models is drawn at a time, and boxes snap to all of them. */
import { Refusal, call, clipPath } from "./api.js";
import { iou } from "./geometry.js";
import { rowFrom } from "./tracks.js";

/** @typedef {import("./model.js").Box} Box */
/** @typedef {"own" | "rival"} Side the models that labelled the clip, and all others */
/**
 * @typedef {object} ModelBoxes
 * @property {string} model
 * @property {boolean} labeller
 * @property {boolean} snaps
 * @property {number[]} frames rising
 * @property {Box[]} boxes
 * @property {number[]} scores
 * @property {number[]} classes
 */

/** Least overlap of a drawn box with the detection that it becomes. */
const SNAP = 0.7;

export class StoredDetections {
  /** @param {string} clip */
  constructor(clip) {
    this.clip = clip;
    /** @type {ModelBoxes[]} */
    this.models = [];
    /** @type {string[]} classes by index */
    this.names = [];
    /** @type {Side | null} */
    this.shown = null;
    this.loading = Promise.resolve();
  }

  /** Read them; without any, nothing is drawn and nothing snaps. @returns {Promise<void>} */
  load() {
    this.loading = this.#read();
    return this.loading;
  }

  async #read() {
    try {
      const { models, names } = await call(clipPath(this.clip, "detections"));
      Object.assign(this, { models, names });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }

  /** Show no detections, then those of the labellers, then those of other models. */
  cycle() {
    /** @type {(Side | null)[]} */
    const sides = [null, "own", "rival"];
    const full = sides.filter((side) => !side || this.#of(side).length);
    this.shown = full[(full.indexOf(this.shown) + 1) % full.length];
  }

  /** @returns {string[]} ids of the models that are shown */
  get shownModels() {
    return this.#of(this.shown).map(({ model }) => model);
  }

  /** @param {Side | null} side @returns {ModelBoxes[]} */
  #of(side) {
    return side ? this.models.filter(({ labeller }) => labeller === (side === "own")) : [];
  }

  /** @param {number} frame @returns {Box[]} of the models that are shown */
  boxesAt(frame) {
    return this.#of(this.shown).flatMap((model) => rowsAt(model, frame).map((row) => model.boxes[row]));
  }

  /**
   * Return the detection that a box is drawn around, and who saw it.
   *
   * A box that is dragged snaps only where it comes nearer to a detection: what was right by a hair
   * is not pulled back to where a model saw it.
   * @param {Box} box
   * @param {Box | null} from where the drag began; null: it is drawn
   * @param {number} frame
   * @param {string} cls
   * @returns {{box: Box, model: string} | null}
   */
  snap(box, from, frame, cls) {
    /** @type {{box: Box, model: string} | null} */
    let best = null;
    let overlap = SNAP;
    for (const model of this.models.filter(({ snaps }) => snaps))
      for (const row of rowsAt(model, frame)) {
        const detection = model.boxes[row];
        const value = iou(box, detection);
        const isNearer = !from || value > iou(from, detection);
        const isBetter = best ? value > overlap : value >= overlap;
        if (!isBetter || !isNearer || this.names[model.classes[row]] !== cls) continue;
        [best, overlap] = [{ box: detection, model: model.model }, value];
      }
    return best;
  }
}

/** @param {ModelBoxes} model @param {number} frame @returns {number[]} */
function rowsAt({ frames }, frame) {
  const rows = [];
  for (let row = rowFrom(frames, frame); frames[row] === frame; row++) rows.push(row);
  return rows;
}
