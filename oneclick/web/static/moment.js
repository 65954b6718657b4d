// @ts-check
/** One frame of a recording with the boxes of all models, and what triggers said about it. */
import { Refusal, call } from "./api.js";
import { announce, byId, el } from "./dom.js";
import { t } from "./messages.js";

/** @typedef {{video: string, frame: number, frames: number, fps: number, width: number, height: number, at: number | null, picture: string, exists: boolean, models: {model: string, boxes: number[][], scores: number[], names: string[]}[], hits: {trigger: string, why: string, score: number, start: number}[]}} Moment */

const BOX_COLOURS = ["box-own", "box-draft", "box-human"];
const DASHES = [[], [7, 4], [2, 3]];
const NEAR = 0.5;

export class MomentView {
  /** @param {(text: string) => void} onError */
  constructor(onError) {
    this.onError = onError;
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("picture"));
    /** @type {Moment | null} */
    this.moment = null;
    this.request = 0;
  }

  /** @param {import("./trigger_timeline.js").TriggerTimeline} lanes shows the frame at its cursor */
  async show(lanes) {
    const camera = lanes.chosenCamera;
    if (!camera) return;
    const hit = lanes.found()?.hit;
    const isAtHit = hit && Math.abs(lanes.lanes.start + hit[0] - lanes.cursor) < NEAR;
    await this.load(camera, isAtHit ? { video: hit[4], frame: String(hit[5]) } : { at: String(lanes.cursor) });
  }

  /** @param {import("./trigger_timeline.js").TriggerTimeline} lanes @param {number} step */
  async stepFrame(lanes, step) {
    if (!this.moment) return this.show(lanes);
    const frame = Math.max(0, Math.min(this.moment.frames - 1, this.moment.frame + step));
    await this.load(lanes.chosenCamera ?? "", { video: this.moment.video, frame: String(frame) });
    if (this.moment.at !== null) lanes.goTo(this.moment.at);
  }

  /** @param {string} camera @param {Record<string, string>} query */
  async load(camera, query) {
    const number = ++this.request;
    try {
      const moment = await call(`/api/timeline/moment/${encodeURIComponent(camera)}?${new URLSearchParams(query)}`);
      if (number !== this.request) return;
      this.moment = moment;
      this.describe(moment);
      await this.draw(moment, number);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.onError(error.message);
    }
  }

  /** @param {Moment} moment */
  describe(moment) {
    const when = moment.at === null ? moment.video : new Date(moment.at * 1000).toLocaleString();
    const boxes = moment.models.map((model) => `${model.model} ${model.boxes.length}`).join(" · ");
    byId("moment").textContent = [when, t("frame", moment.frame, moment.frames - 1), boxes || t("no_models")].join(" · ");
    byId("moment-hits").replaceChildren(
      ...moment.hits.map((hit) => el("li", {}, el("span", {}, el("b", {}, hit.trigger), ` ${hit.why}`), el("span", { className: "quiet number" }, hit.score.toFixed(2)))),
    );
    announce(`${when} ${moment.hits.map((hit) => hit.why).join(", ")}`);
  }

  /** @param {Moment} moment @param {number} number of the request */
  async draw(moment, number) {
    const { canvas } = this;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const answer = await fetch(moment.picture);
    const bitmap = answer.ok ? await createImageBitmap(await answer.blob()) : null;
    if (number !== this.request) return bitmap?.close();
    Object.assign(canvas, { width: moment.width, height: moment.height });
    canvas.dataset.frame = String(moment.frame);
    canvas.setAttribute("aria-label", byId("moment").textContent ?? "");
    if (!bitmap) {
      pen.fillStyle = "#8b98a8";
      pen.font = `${Math.round(moment.height / 16)}px Inter, system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.fillText(t("lane_no_recording"), moment.width / 2, moment.height / 2);
      return;
    }
    pen.drawImage(bitmap, 0, 0, moment.width, moment.height);
    bitmap.close();
    const style = getComputedStyle(document.documentElement);
    const unit = Math.max(1, moment.width / 320);
    moment.models.forEach((model, index) => {
      pen.strokeStyle = style.getPropertyValue(`--${BOX_COLOURS[index % BOX_COLOURS.length]}`);
      pen.lineWidth = 1.5 * unit;
      pen.setLineDash(DASHES[index % DASHES.length].map((value) => value * unit));
      for (const [x1, y1, x2, y2] of model.boxes) pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
    });
    pen.setLineDash([]);
  }
}
