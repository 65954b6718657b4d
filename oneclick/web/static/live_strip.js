// @ts-check
/** The line of time below the picture: the ring, when lamps were lit, and where the picture is. */
import { t } from "./messages.js";

/** @typedef {[string, number, number]} LitTime trigger, start and stop in unix seconds */

/** Seconds that the line covers where the picture is outside of the ring. */
const AROUND = 600;
const TOP = 18;

export class Strip {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(time: number) => void} onSeek
   */
  constructor(canvas, onSeek) {
    this.canvas = canvas;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser has no canvas");
    this.context = context;
    /** @type {{start: number, stop: number} | null} */
    this.ring = null;
    /** @type {LitTime[]} */
    this.lit = [];
    /** Time of the picture that is shown. */
    this.time = 0;
    let isDown = false;
    const seek = (/** @type {PointerEvent} */ event) => onSeek(this.#timeAt(event.offsetX));
    canvas.addEventListener("pointerdown", (event) => {
      isDown = true;
      canvas.setPointerCapture(event.pointerId);
      seek(event);
    });
    canvas.addEventListener("pointermove", (event) => isDown && seek(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (isDown = false));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** @returns {[number, number]} the times at both ends */
  get range() {
    const { ring, time } = this;
    if (ring && (!time || time >= ring.start - 1)) return [ring.start, Math.max(ring.stop, ring.start + 10)];
    return [time - AROUND / 2, time + AROUND / 2];
  }

  /** @param {number} x px @returns {number} */
  #timeAt(x) {
    const [start, stop] = this.range;
    return start + (Math.min(Math.max(0, x), this.canvas.clientWidth) / this.canvas.clientWidth) * (stop - start);
  }

  draw() {
    const { canvas, context } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    const [start, stop] = this.range;
    const at = (/** @type {number} */ time) => ((time - start) / (stop - start)) * width;
    context.font = `12px ${style.fontFamily}`;
    context.textBaseline = "top";
    if (this.ring) {
      context.fillStyle = colour("panel");
      context.fillRect(at(this.ring.start), TOP, at(this.ring.stop) - at(this.ring.start), height - TOP);
    }
    const names = [...new Set(this.lit.map(([name]) => name))];
    const lane = Math.min(12, (height - TOP) / Math.max(1, names.length));
    context.fillStyle = colour("doubt");
    for (const [name, from, to] of this.lit)
      context.fillRect(at(from) - 1, TOP + names.indexOf(name) * lane + 1, Math.max(3, at(to) - at(from) + 1), lane - 2);
    context.fillStyle = context.strokeStyle = colour("quiet");
    const step = stepFor(stop - start);
    for (let time = Math.ceil(start / step) * step; time < stop; time += step) {
      const x = at(time);
      const text = clockTime(time);
      if (x + context.measureText(text).width < width) context.fillText(text, x + 3, 2);
      context.fillRect(x, 0, 1, height);
    }
    if (this.time) {
      context.fillStyle = colour("accent");
      context.fillRect(at(this.time) - 1.5, 0, 3, height);
    }
    canvas.setAttribute("aria-valuemin", String(Math.round(start)));
    canvas.setAttribute("aria-valuemax", String(Math.round(stop)));
    canvas.setAttribute("aria-valuenow", String(Math.round(this.time)));
    canvas.setAttribute("aria-valuetext", clockTime(this.time));
    canvas.setAttribute("aria-label", t("strip_label"));
  }
}

/** @param {number} seconds @returns {number} between two marks */
const stepFor = (seconds) => [5, 10, 30, 60, 120, 300, 600, 3600].find((step) => seconds / step <= 12) ?? 7200;

/** @param {number} time unix seconds */
export const clockTime = (time) => new Date(1000 * time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
