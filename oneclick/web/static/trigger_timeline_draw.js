// @ts-check
/** Draws a timeline of triggers on a canvas. Shape tells what colour alone would not. */
import { STAGES } from "./key_table.js";
import { AXIS, GUTTER, cellsOf, fullHeat, heatStep, ticksOf } from "./trigger_timeline_model.js";

/** @typedef {import("./trigger_timeline_model.js").Lanes} Lanes */
/** @typedef {import("./trigger_timeline_model.js").Row} Row */
/** @typedef {import("./trigger_timeline_model.js").Window} Window */
/**
 * @typedef {object} Scene
 * @property {Lanes} lanes
 * @property {Row[]} rows
 * @property {Window} window
 * @property {number} cursor
 * @property {number} row index of the chosen row
 * @property {Window | null} span
 * @property {Set<string>} opened
 * @property {number} curvesStart
 * @property {boolean} isFocused
 */

export const STATE_STAGES = { selected: "CUT", review: "IN_REVIEW", reviewed: "ACCEPTED", published: "PUBLISHED" };
const HEAT_STEPS = 5;
const WIDEST_JOIN = 3;

/** @param {number} time @returns {number} seconds that local time is ahead of UTC then */
export const zoneOffset = (time) => -60 * new Date(time * 1000).getTimezoneOffset();

/** @param {number} time @param {number} step seconds between two ticks */
export function tickText(time, step) {
  const date = new Date(time * 1000);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const day = `${two(date.getDate())}.${two(date.getMonth() + 1)}.`;
  if (step >= 86_400) return day;
  const isMidnight = clock === "00:00" && step >= 60;
  if (isMidnight) return day;
  if (step >= 60) return clock;
  const seconds = step >= 1 ? two(date.getSeconds()) : (date.getSeconds() + date.getMilliseconds() / 1000).toFixed(1).padStart(4, "0");
  return `${clock}:${seconds}`;
}

/** Draws scenes; colours are read from the page's style. */
export class LanePainter {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {Scene | null} */
    this.scene = null;
    this.width = 0;
    /** @type {Record<string, string>} */
    this.palette = {};
  }

  /** @param {string} name of a variable of the style */
  colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  /** @param {number} time */
  x(time) {
    const { start, stop } = /** @type {Scene} */ (this.scene).window;
    return GUTTER + ((time - start) / (stop - start)) * (this.width - GUTTER);
  }

  /** @param {number} x */
  time(x) {
    const { start, stop } = /** @type {Scene} */ (this.scene).window;
    return start + ((x - GUTTER) / Math.max(1, this.width - GUTTER)) * (stop - start);
  }

  /** @param {Scene} scene @param {number} width @param {number} height */
  draw(scene, width, height) {
    this.scene = scene;
    this.width = width;
    const ratio = height > 4000 ? 1 : devicePixelRatio;
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== across || this.canvas.height !== down) Object.assign(this.canvas, { width: across, height: down });
    const pen = this.pen;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = this.colour("ink");
    pen.fillRect(0, 0, width, height);
    this.readPalette();
    this.drawAxis(height);
    const full = this.fullHeats(scene);
    scene.rows.forEach((row, index) => this.drawRow(row, index, full));
    this.drawSpan(height);
    this.drawCursor(height);
  }

  /**
   * Draw the marks of one camera without axis and label, for a legend.
   * @param {import("./trigger_timeline_model.js").Camera} camera
   * @param {number} width
   * @param {number} height
   */
  sample(camera, width, height) {
    const row = /** @type {Row} */ ({ kind: "camera", camera, lane: null, curve: null, y: 0, height });
    const lanes = { start: 0, stop: 10, bucket: 2, origin: 0, cameras: [camera], mutes: [], incidents: [] };
    this.scene = { lanes, rows: [row], window: { start: 0, stop: 10 }, cursor: -1, row: -1, span: null, opened: new Set(), curvesStart: 0, isFocused: false };
    this.width = width + GUTTER;
    Object.assign(this.canvas, { width: width * devicePixelRatio, height: height * devicePixelRatio });
    this.pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, -GUTTER * devicePixelRatio, 0);
    this.readPalette();
    this.drawCamera(row, 16);
  }

  /** Read the colours of the page's style. */
  readPalette() {
    const heat = Array.from({ length: HEAT_STEPS }, (_, k) => `heat-${k + 1}`);
    const stages = Object.values(STATE_STAGES).map((id) => `stage-${id}`);
    const names = ["surface", "panel", "text", "quiet", "rule", "accent", "doubt", "fail", "run", ...heat, ...stages];
    /** @type {Record<string, string>} */
    this.palette = Object.fromEntries(names.map((name) => [name, this.colour(name)]));
  }

  /** @param {Scene} scene */
  fullHeats(scene) {
    const lanes = scene.rows.flatMap((row) => (row.kind === "lane" && row.lane ? [...cellsOf([row.lane]).values()] : []));
    const cameras = scene.rows.flatMap((row) => (row.kind === "camera" ? [...cellsOf(row.camera.triggers).values()] : []));
    return { lane: fullHeat(lanes), camera: fullHeat(cameras), curve: 1 };
  }

  /** @param {number} height */
  drawAxis(height) {
    const { pen, palette } = this;
    const scene = /** @type {Scene} */ (this.scene);
    const { times, step } = ticksOf(scene.window, this.width - GUTTER, zoneOffset);
    pen.font = "12px Inter, system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    for (const time of times) {
      const x = Math.round(this.x(time));
      const text = tickText(time, step);
      pen.fillStyle = palette.panel;
      pen.fillRect(x, AXIS - 8, 1, height);
      pen.fillStyle = text.endsWith(".") ? palette.text : palette.quiet;
      if (x < this.width - 40) pen.fillText(text, x + 4, AXIS / 2 - 2);
    }
    pen.fillStyle = palette.quiet;
    pen.fillText(new Date(scene.window.start * 1000).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" }), 12, AXIS / 2 - 2);
  }

  /** @param {Row} row @param {number} index @param {Record<Row["kind"], number>} full */
  drawRow(row, index, full) {
    const { pen, palette } = this;
    const scene = /** @type {Scene} */ (this.scene);
    if (index === scene.row) {
      pen.fillStyle = palette.panel;
      pen.fillRect(0, row.y, this.width, row.height - 1);
      pen.fillStyle = scene.isFocused ? palette.accent : palette.rule;
      pen.fillRect(0, row.y, 3, row.height - 1);
    }
    this.drawLabel(row);
    pen.save();
    pen.beginPath();
    pen.rect(GUTTER, row.y, this.width - GUTTER, row.height);
    pen.clip();
    if (row.kind === "camera") this.drawCamera(row, full.camera);
    else if (row.kind === "lane") this.drawLane(row, full.lane);
    else this.drawCurve(row);
    pen.restore();
  }

  /** @param {Row} row */
  drawLabel(row) {
    const { pen, palette } = this;
    const middle = row.y + row.height / 2;
    const isCamera = row.kind === "camera";
    const opened = /** @type {Scene} */ (this.scene).opened.has(row.camera.camera);
    const text = isCamera ? `${opened ? "▾" : "▸"} ${row.camera.camera}` : (row.lane?.trigger ?? row.curve?.name ?? "");
    pen.font = `${isCamera ? "600 13px" : "12px"} Inter, system-ui, sans-serif`;
    pen.textAlign = "left";
    pen.fillStyle = isCamera ? palette.text : palette.quiet;
    pen.fillText(this.shortened(text, GUTTER - (isCamera ? 62 : 74)), isCamera ? 10 : 26, middle);
    pen.textAlign = "right";
    pen.fillStyle = palette.quiet;
    pen.font = "12px Inter, system-ui, sans-serif";
    const total = isCamera ? row.camera.total : row.lane?.total;
    if (total !== undefined) pen.fillText(total >= 10_000 ? `${(total / 1000).toFixed(0)}k` : String(total), GUTTER - 10, middle);
    pen.textAlign = "left";
  }

  /** @param {string} text @param {number} width */
  shortened(text, width) {
    let shown = text;
    while (shown.length > 3 && this.pen.measureText(shown).width > width) shown = `${shown.slice(0, -2)}…`;
    return shown;
  }

  /** @param {Row} row @param {number} full */
  drawCamera(row, full) {
    const scene = /** @type {Scene} */ (this.scene);
    const { pen, palette } = this;
    const base = scene.lanes.start;
    for (const [start, stop, seconds, looked] of row.camera.video) {
      const [left, right] = [this.x(base + start), this.x(base + stop)];
      const width = Math.max(1, right - left);
      pen.fillStyle = palette.rule;
      if (looked >= 0.999 * seconds) pen.fillRect(left, row.y + row.height - 8, width, 3);
      else this.hatch(left, row.y + row.height - 9, width, 5, palette.doubt);
    }
    for (const [start, stop, state] of row.camera.clips) this.drawClip(row, base + start, base + stop, state);
    for (const incident of scene.lanes.incidents) {
      if (incident.camera !== row.camera.camera) continue;
      const left = this.x(incident.start);
      pen.strokeStyle = incident.released ? palette.rule : palette.fail;
      pen.lineWidth = 2;
      pen.strokeRect(left, row.y + 2, Math.max(3, this.x(incident.stop) - left), row.height - 5);
      pen.fillStyle = pen.strokeStyle;
      pen.fillText("⚑", left + 3, row.y + 9);
    }
    if (!scene.opened.has(row.camera.camera)) this.drawHits(row, row.camera.triggers, full, 5, row.height - 16);
  }

  /** @param {Row} row @param {number} start @param {number} stop @param {string} state */
  drawClip(row, start, stop, state) {
    const { pen, palette } = this;
    const id = STATE_STAGES[/** @type {"selected"} */ (state)];
    const left = this.x(start);
    const width = Math.max(3, this.x(stop) - left);
    pen.fillStyle = palette[`stage-${id}`];
    pen.fillRect(left, row.y + row.height - 5, width, 4);
    if (width > 14) {
      pen.font = "10px Inter, system-ui, sans-serif";
      pen.fillText(STAGES[id], left + 2, row.y + row.height - 11);
      pen.font = "12px Inter, system-ui, sans-serif";
    }
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height @param {string} colour */
  hatch(x, y, width, height, colour) {
    const { pen } = this;
    pen.save();
    pen.beginPath();
    pen.rect(x, y, width, height);
    pen.clip();
    pen.strokeStyle = colour;
    pen.lineWidth = 1;
    pen.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    pen.beginPath();
    for (let at = Math.max(x, GUTTER) - height; at < Math.min(x + width, this.width); at += 4) {
      pen.moveTo(at, y + height);
      pen.lineTo(at + height, y);
    }
    pen.stroke();
    pen.restore();
  }

  /** @param {Row} row @param {number} full */
  drawLane(row, full) {
    const { pen, palette } = this;
    const scene = /** @type {Scene} */ (this.scene);
    pen.fillStyle = palette.panel;
    pen.fillRect(GUTTER, row.y + row.height - 2, this.width, 1);
    for (const mute of scene.lanes.mutes)
      if (mute.camera === row.camera.camera && mute.trigger === row.lane?.trigger) {
        const [left, right] = [this.x(mute.start), this.x(mute.stop)];
        this.hatch(left, row.y + 2, Math.max(2, right - left), row.height - 5, palette.rule);
        pen.fillStyle = palette.quiet;
        pen.fillText("⊘", Math.max(left, GUTTER) + 3, row.y + row.height / 2);
      }
    if (row.lane) this.drawHits(row, [row.lane], full, 3, row.height - 6);
  }

  /** @param {Row} row @param {import("./trigger_timeline_model.js").Lane[]} lanes @param {number} full @param {number} top @param {number} height */
  drawHits(row, lanes, full, top, height) {
    const { pen, palette } = this;
    const scene = /** @type {Scene} */ (this.scene);
    const y = row.y + top;
    for (const lane of lanes)
      for (const [start, stop] of lane.hits ?? []) {
        const left = this.x(scene.lanes.start + start);
        pen.fillStyle = palette["heat-4"];
        pen.fillRect(left, y, Math.max(WIDEST_JOIN, this.x(scene.lanes.start + stop) - left), height);
      }
    const origin = scene.lanes.start + scene.lanes.origin;
    for (const [place, hits] of cellsOf(lanes)) {
      const left = this.x(origin + place * scene.lanes.bucket);
      const width = Math.max(1, this.x(origin + (place + 1) * scene.lanes.bucket) - left);
      const step = heatStep(hits, full, HEAT_STEPS);
      // The height tells what the colour does.
      const tall = Math.max(3, (height * step) / HEAT_STEPS);
      pen.fillStyle = palette[`heat-${step}`];
      pen.fillRect(left, y + height - tall, width > 3 ? width - 1 : width, tall);
    }
  }

  /** @param {Row} row */
  drawCurve(row) {
    const { pen, palette } = this;
    const { points, step } = /** @type {import("./trigger_timeline_model.js").Curve} */ (row.curve);
    const scene = /** @type {Scene} */ (this.scene);
    if (!points.length) return;
    const low = Math.min(0, ...points.map((point) => point[1]));
    const high = Math.max(...points.map((point) => point[2]), low + 1e-6);
    const y = (/** @type {number} */ value) => row.y + row.height - 5 - ((value - low) / (high - low)) * (row.height - 10);
    pen.fillStyle = palette.run;
    const width = Math.max(1, this.x(step) - this.x(0));
    for (const [at, least, most] of points) {
      const x = this.x(scene.curvesStart + at);
      pen.fillRect(x, y(most), width, Math.max(1.5, y(least) - y(most)));
    }
    pen.fillStyle = palette.quiet;
    pen.textAlign = "right";
    pen.font = "10px Inter, system-ui, sans-serif";
    pen.fillText(high.toPrecision(3), this.width - 6, row.y + 8);
    pen.fillText(low.toPrecision(2), this.width - 6, row.y + row.height - 8);
    pen.textAlign = "left";
    pen.font = "12px Inter, system-ui, sans-serif";
  }

  /** @param {number} height */
  drawSpan(height) {
    const { pen, palette } = this;
    const span = /** @type {Scene} */ (this.scene).span;
    if (!span) return;
    const [left, right] = [Math.max(GUTTER, this.x(span.start)), this.x(span.stop)];
    if (right < GUTTER) return;
    pen.globalAlpha = 0.16;
    pen.fillStyle = palette.accent;
    pen.fillRect(left, AXIS, right - left, height);
    pen.globalAlpha = 1;
    for (const x of [left, right]) pen.fillRect(Math.round(x) - 1, AXIS - 6, 2, height);
  }

  /** @param {number} height */
  drawCursor(height) {
    const { pen, palette } = this;
    const x = Math.round(this.x(/** @type {Scene} */ (this.scene).cursor));
    if (x < GUTTER || x > this.width) return;
    pen.fillStyle = palette.text;
    pen.fillRect(x, AXIS - 10, 1, height);
    pen.beginPath();
    pen.moveTo(x - 5, AXIS - 10);
    pen.lineTo(x + 6, AXIS - 10);
    pen.lineTo(x + 0.5, AXIS - 3);
    pen.fill();
  }
}
