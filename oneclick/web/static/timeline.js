// @ts-check
/** The tracks of a clip over time, on one canvas: only the rows and frames in view are drawn. */
import { runs } from "./kinds.js";
import { rowFrom } from "./tracks.js";

/** @typedef {import("./model.js").State} State */
/** @typedef {import("./model.js").Track} Track */
/** @typedef {{track: Track, attribute: string | null}} Row */
/**
 * @typedef {object} TimelineScene
 * @property {State} state
 * @property {import("./doubts.js").Doubt[]} doubts
 * @property {number} doubt index of the doubt that is looked at
 * @property {number} frame
 * @property {number | null} selected
 * @property {{start: number | null, stop: number | null}} marks
 */

export const GUTTER = 132;
const AXIS = 46;
const ROW = 18;
const SUB_ROW = 14;
const THICKNESS = { certain: 6, filled: 2, doubt: 12, human: 10 };

export class Timeline {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {object} listeners
   * @param {(frame: number) => void} listeners.onFrame
   * @param {(track: number) => void} listeners.onTrack
   * @param {() => void} listeners.onChange something else is in view
   */
  constructor(canvas, listeners) {
    this.canvas = canvas;
    this.listeners = listeners;
    this.shown = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    /** @type {any[]} what the rows were drawn from */
    this.drawn = [];
    this.top = 0;
    this.first = 0;
    this.content = 0;
    this.ratio = this.magnify = this.width = this.height = 1;
    /** @type {Record<string, string>} */
    this.colours = {};
    /** @type {Record<string, string>} */
    this.kinds = {};
    this.font = "";
    this.zoom = 1;
    /** @type {Row[]} */
    this.rows = [];
    /** @type {TimelineScene | null} */
    this.scene = null;
    new ResizeObserver(() => {
      this.#fit();
      listeners.onChange();
    }).observe(canvas);
    this.#fit();
    this.readColours();
    this.#listen();
  }

  readColours() {
    const style = getComputedStyle(this.canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = Object.fromEntries(
      ["ink", "surface", "panel", "text", "quiet", "rule", "accent", "doubt", "ok", "run"].map((name) => [name, colour(name)]),
    );
    this.kinds = { certain: this.colours.ok, filled: this.colours.ok, doubt: this.colours.doubt, human: this.colours.run };
    this.font = style.fontFamily;
  }

  #fit() {
    this.magnify = Number(getComputedStyle(this.canvas).getPropertyValue("--magnify")) || 1;
    this.ratio = (devicePixelRatio || 1) * this.magnify;
    this.width = Math.max(1, this.canvas.clientWidth / this.magnify);
    this.height = Math.max(1, this.canvas.clientHeight / this.magnify);
    for (const canvas of [this.canvas, this.context.canvas]) {
      canvas.width = Math.round(this.width * this.ratio);
      canvas.height = Math.round(this.height * this.ratio);
    }
    this.drawn = [];
  }

  /** px of a frame */
  get perFrame() {
    return (this.zoom * (this.width - GUTTER - 12)) / Math.max(1, this.scene?.state.frames ?? 1);
  }

  /** @param {number} frame */
  toX(frame) {
    return GUTTER + (frame - this.first) * this.perFrame;
  }

  /** @param {number} x */
  toFrame(x) {
    const frames = this.scene?.state.frames ?? 1;
    return Math.min(frames - 1, Math.max(0, Math.floor(this.first + (x - GUTTER) / this.perFrame)));
  }

  /** @param {TimelineScene} scene */
  draw(scene) {
    if (this.scene?.state !== scene.state || this.scene.selected !== scene.selected) this.#layOut(scene);
    const moved = this.scene?.frame !== scene.frame;
    this.scene = scene;
    if (moved) this.#follow(scene.frame);
    const { state, doubts, doubt, selected, marks } = scene;
    const drawn = [state, doubts, doubt, selected, marks, this.first, this.zoom, this.top, this.canvas.width, this.canvas.height, this.colours];
    if (drawn.some((part, k) => part !== this.drawn[k])) this.#drawRows(scene);
    this.drawn = drawn;
    this.shown.setTransform(1, 0, 0, 1, 0, 0);
    this.shown.drawImage(this.context.canvas, 0, 0);
    this.shown.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.#drawPlayhead(scene.frame);
  }

  /** Draw everything but the playhead, which alone moves from frame to frame. @param {TimelineScene} scene */
  #drawRows(scene) {
    const context = this.context;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = this.colours.ink;
    context.fillRect(0, 0, this.width, this.height);
    this.#drawMarks(scene);
    let y = AXIS - this.top;
    for (const row of this.rows) {
      const height = row.attribute ? SUB_ROW : ROW;
      if (y + height > AXIS && y < this.height) this.#drawRow(row, y, scene);
      y += height;
      if (y > this.height) break;
    }
    this.#drawAxis(scene);
  }

  /** @param {TimelineScene} scene */
  #layOut(scene) {
    this.rows = scene.state.tracks.flatMap((track) => {
      const names = Object.keys(scene.state.attributes).filter(
        (name) => track.id === scene.selected || track.attributes[name]?.length,
      );
      return [{ track, attribute: null }, ...names.map((attribute) => ({ track, attribute }))];
    });
    this.content = this.rows.reduce((sum, row) => sum + (row.attribute ? SUB_ROW : ROW), 0);
    this.top = Math.max(0, Math.min(this.top, this.content - (this.height - AXIS)));
    if (scene.selected !== this.scene?.selected) this.#reveal(scene.selected);
  }

  /** @param {number | null} track */
  #reveal(track) {
    let y = 0;
    for (const row of this.rows) {
      const height = row.attribute ? SUB_ROW : ROW;
      if (row.track.id === track && !row.attribute) {
        const visible = this.height - AXIS;
        if (y < this.top) this.top = y;
        else if (y + 3 * height > this.top + visible) this.top = Math.max(0, y + 3 * height - visible);
        return;
      }
      y += height;
    }
  }

  /** @param {number} frame */
  #follow(frame) {
    const visible = (this.width - GUTTER - 12) / this.perFrame;
    if (frame < this.first || frame >= this.first + visible) this.first = frame - visible / 3;
    this.#clamp();
  }

  #clamp() {
    const frames = this.scene?.state.frames ?? 1;
    this.zoom = Math.min(Math.max(1, frames / 8), Math.max(1, this.zoom));
    this.first = Math.max(0, Math.min(this.first, frames - frames / this.zoom));
    this.top = Math.max(0, Math.min(this.top, this.content - (this.height - AXIS)));
  }

  /** @param {Row} row @param {number} y @param {TimelineScene} scene */
  #drawRow({ track, attribute }, y, scene) {
    const context = this.context;
    const isSelected = track.id === scene.selected;
    if (isSelected && !attribute) {
      context.fillStyle = this.colours.panel;
      context.fillRect(0, y, this.width, ROW);
      context.fillStyle = this.colours.accent;
      context.fillRect(0, y, 3, ROW);
    }
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillStyle = isSelected && !attribute ? this.colours.text : this.colours.quiet;
    context.font = `${isSelected && !attribute ? 600 : 400} ${attribute ? 10.5 : 12}px ${this.font}`;
    const middle = y + (attribute ? SUB_ROW : ROW) / 2;
    context.fillText(attribute ? `· ${attribute}` : `${track.id} ${track.class}`, attribute ? 26 : 14, middle, GUTTER - 20);
    context.save();
    context.beginPath();
    context.rect(GUTTER, AXIS, this.width - GUTTER, this.height - AXIS);
    context.clip();
    if (attribute) this.#drawValues(track, attribute, y);
    else this.#drawTrack(track, middle);
    context.restore();
  }

  /** @param {Track} track @param {number} middle */
  #drawTrack(track, middle) {
    const context = this.context;
    const [from, to] = [this.first, this.first + (this.width - GUTTER) / this.perFrame];
    const spans = runs(track);
    let [low, high] = [0, spans.length];
    while (low < high) {
      const half = (low + high) >> 1;
      if (spans[half][1] <= from) low = half + 1;
      else high = half;
    }
    // One path a kind: a fill for each of a thousand spans would be slow.
    const paths = { certain: new Path2D(), filled: new Path2D(), doubt: new Path2D(), human: new Path2D() };
    const perFrame = this.perFrame;
    for (let k = low; k < spans.length && spans[k][0] < to; k++) {
      const [start, stop, kind] = spans[k];
      const height = THICKNESS[kind];
      paths[kind].rect(this.toX(start), middle - height / 2, Math.max(1, (stop - start) * perFrame), height);
    }
    for (const [kind, path] of Object.entries(paths)) {
      context.fillStyle = this.kinds[kind];
      context.globalAlpha = kind === "certain" ? 0.65 : 1;
      context.fill(path);
    }
    context.globalAlpha = 1;
    context.fillStyle = this.colours.text;
    context.beginPath();
    let last = -9;
    for (let k = rowFrom(track.keyframes, from); k < track.keyframes.length; k++) {
      const x = this.toX(track.keyframes[k] + 0.5);
      if (x > this.width) break;
      if (x - last < 3) continue;
      last = x;
      context.moveTo(x, middle - 5);
      context.lineTo(x + 4, middle);
      context.lineTo(x, middle + 5);
      context.lineTo(x - 4, middle);
    }
    context.fill();
  }

  /** @param {Track} track @param {string} attribute @param {number} y */
  #drawValues(track, attribute, y) {
    const context = this.context;
    for (const [start, stop, value] of track.attributes[attribute] ?? []) {
      const [x, width] = [this.toX(start), Math.max(2, (stop - start) * this.perFrame - 1)];
      if (x > this.width || x + width < GUTTER) continue;
      context.fillStyle = this.colours.panel;
      context.fillRect(x, y + 1, width, SUB_ROW - 3);
      context.strokeStyle = this.colours.rule;
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, y + 1.5, width - 1, SUB_ROW - 4);
      context.fillStyle = this.colours.text;
      if (width > 24) context.fillText(value, Math.max(x, GUTTER) + 4, y + SUB_ROW / 2, width - 8);
    }
  }

  /** @param {TimelineScene} scene */
  #drawMarks({ marks, state }) {
    if (marks.start === null && marks.stop === null) return;
    const [from, to] = [this.toX(marks.start ?? 0), this.toX(marks.stop ?? state.frames)];
    const [left, right] = [Math.max(GUTTER, from), Math.min(this.width, to)];
    this.context.fillStyle = this.colours.panel;
    this.context.fillRect(left, AXIS - 4, right - left, this.height);
    this.context.fillStyle = this.colours.accent;
    this.context.fillRect(left, AXIS - 4, right - left, 2);
  }

  /** @param {TimelineScene} scene */
  #drawAxis({ state, doubts, doubt }) {
    const context = this.context;
    context.fillStyle = this.colours.surface;
    context.fillRect(0, 0, this.width, AXIS - 2);
    context.fillStyle = this.colours.quiet;
    context.font = `400 11px ${this.font}`;
    context.textAlign = "left";
    context.textBaseline = "middle";
    const step = niceStep(72 / this.perFrame, state.fps);
    for (let frame = Math.ceil(this.first / step) * step; frame < state.frames; frame += step) {
      const x = this.toX(frame);
      if (x > this.width - 30) break;
      context.fillRect(x, 12, 1, 4);
      const seconds = frame / state.fps;
      context.fillText(step >= state.fps ? `${Math.round(seconds)} s` : `${frame}`, x + 4, 8);
    }
    doubts.forEach((each, index) => {
      if (!each.why && each.track !== null) return;
      const [x, width] = [this.toX(each.start), Math.max(3, (each.stop - each.start) * this.perFrame)];
      if (x + width < GUTTER || x > this.width) return;
      const isAnswered = state.answers[each.id] !== undefined;
      context.fillStyle = isAnswered ? this.colours.rule : this.colours.doubt;
      const left = Math.max(GUTTER, x);
      context.fillRect(left, isAnswered ? 23 : 20, x + width - left, isAnswered ? 3 : 8);
      if (index !== doubt) return;
      context.strokeStyle = this.colours.text;
      context.lineWidth = 2;
      context.strokeRect(left - 1, 18, x + width - left + 2, 12);
    });
    for (const { start, stop, resolved } of state.comments) {
      const [x, width] = [this.toX(start), Math.max(8, (stop - start) * this.perFrame)];
      if (x + width < GUTTER || x > this.width) continue;
      const left = Math.max(GUTTER, x);
      context.fillStyle = resolved ? this.colours.rule : this.colours.run;
      context.fillRect(left, resolved ? 36 : 33, x + width - left, resolved ? 2 : 7);
      // A bubble with a tail; what is resolved is a line.
      if (!resolved && x >= GUTTER) context.fillRect(x, 33, 3, 10);
    }
  }

  /** @param {number} frame */
  #drawPlayhead(frame) {
    const x = this.toX(frame + 0.5);
    if (x < GUTTER) return;
    this.shown.fillStyle = this.colours.accent;
    this.shown.fillRect(Math.round(x) - 1, 0, 2, this.height);
    this.shown.beginPath();
    this.shown.moveTo(x - 6, 0);
    this.shown.lineTo(x + 6, 0);
    this.shown.lineTo(x, 8);
    this.shown.fill();
  }

  /** @param {number} y @returns {Row | undefined} */
  rowUnder(y) {
    let edge = AXIS - this.top;
    return this.rows.find((row) => (edge += row.attribute ? SUB_ROW : ROW) > y && y >= AXIS);
  }

  #listen() {
    const canvas = this.canvas;
    canvas.addEventListener("pointerdown", (event) => {
      const row = this.rowUnder(event.offsetY / this.magnify);
      if (row) this.listeners.onTrack(row.track.id);
      if (event.offsetX / this.magnify < GUTTER) return;
      canvas.setPointerCapture(event.pointerId);
      this.listeners.onFrame(this.toFrame(event.offsetX / this.magnify));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId))
        this.listeners.onFrame(this.toFrame(event.offsetX / this.magnify));
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        if (event.ctrlKey) {
          const x = event.offsetX / this.magnify - GUTTER;
          const frame = this.first + x / this.perFrame;
          this.zoom *= Math.exp(-event.deltaY / 200);
          this.#clamp();
          this.first = frame - x / this.perFrame;
        } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
          this.first += (event.deltaX || event.deltaY) / this.perFrame;
        } else this.top += event.deltaY;
        this.#clamp();
        this.listeners.onChange();
      },
      { passive: false },
    );
  }
}

/** @param {number} least frames between two marks @param {number} fps */
function niceStep(least, fps) {
  const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].map((each) => Math.round(each * fps));
  const steps = [1, 2, 5, ...seconds.filter((each) => each > 5)];
  return steps.find((each) => each >= least) ?? steps[steps.length - 1];
}
