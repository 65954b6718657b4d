// @ts-check
/** A region drawn on a picture of a camera: by pointer, by arrow keys, or by four numbers. */
import { announce } from "./dom.js";
import { t } from "./messages.js";

/** @typedef {[number, number, number, number]} Region left, top, right, bottom in shares */
/** @typedef {{picture: string, width: number, height: number}} Picture */

/** Parts that arrows move. */
export const PARTS = ["all", "first", "last"];
const STEP = 0.01;
const LEAST = 0.01;
const NEAR = 14;

/** @param {number} value */
const whole = (value) => Math.round(1000 * value) / 1000;

export class RegionCanvas {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} onChange the region or its chosen part changed
   */
  constructor(canvas, onChange) {
    this.canvas = canvas;
    this.onChange = onChange;
    /** @type {Region} */
    this.region = [0.25, 0.25, 0.75, 0.75];
    this.part = 0;
    /** @type {ImageBitmap | null} */
    this.bitmap = null;
    this.request = 0;
    this.message = "";
    this.#listen();
  }

  /** @param {Picture} picture @returns {Promise<void>} */
  async show(picture) {
    const number = ++this.request;
    const answer = await fetch(picture.picture).catch(() => null);
    const bitmap = answer?.ok ? await createImageBitmap(await answer.blob()) : null;
    if (number !== this.request) return bitmap?.close();
    this.bitmap?.close();
    this.bitmap = bitmap;
    this.message = bitmap ? "" : t("lane_no_recording");
    Object.assign(this.canvas, { width: picture.width, height: picture.height });
    this.canvas.dataset.picture = picture.picture;
    this.#fit();
  }

  /** @param {number[]} sides set all four; they are put in order and into the picture */
  set(sides) {
    const [x1, y1, x2, y2] = sides.map((side) => Math.min(1, Math.max(0, side)));
    const [left, right] = [Math.min(x1, x2, 1 - LEAST), Math.max(x1, x2)];
    const [top, bottom] = [Math.min(y1, y2, 1 - LEAST), Math.max(y1, y2)];
    const right2 = Math.max(right, left + LEAST);
    this.region = [whole(left), whole(top), whole(right2), whole(Math.max(bottom, top + LEAST))];
    this.draw();
    this.onChange();
  }

  nextPart() {
    this.part = (this.part + 1) % PARTS.length;
    announce(t(`search_part_${PARTS[this.part]}`));
    this.draw();
    this.onChange();
  }

  /** @param {number} x steps @param {number} y steps */
  move(x, y) {
    const [x1, y1, x2, y2] = this.region;
    const [right, down] = [STEP * x, STEP * y];
    if (this.part === 0) this.#shift(right, down);
    else if (this.part === 1) this.set([Math.min(x1 + right, x2 - LEAST), Math.min(y1 + down, y2 - LEAST), x2, y2]);
    else this.set([x1, y1, Math.max(x2 + right, x1 + LEAST), Math.max(y2 + down, y1 + LEAST)]);
    announce(this.describe());
  }

  /** @param {number} x share @param {number} y share @param {Region} [from] move all of it within the picture */
  #shift(x, y, from = this.region) {
    const [x1, y1, x2, y2] = from;
    const right = Math.max(-x1, Math.min(1 - x2, x));
    const down = Math.max(-y1, Math.min(1 - y2, y));
    this.set([x1 + right, y1 + down, x2 + right, y2 + down]);
  }

  describe() {
    return t("search_region_text", ...this.region.map((side) => Math.round(100 * side)));
  }

  #listen() {
    const { canvas } = this;
    /** @type {((x: number, y: number) => void) | null} */
    let drag = null;
    const place = (/** @type {PointerEvent} */ event) => {
      const { width, height } = canvas.getBoundingClientRect();
      return /** @type {[number, number]} */ ([event.offsetX / width, event.offsetY / height]);
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      drag = this.#grab(...place(event));
    });
    canvas.addEventListener("pointermove", (event) => drag?.(...place(event)));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (drag = null));
    new ResizeObserver(() => this.#fit()).observe(/** @type {Element} */ (canvas.parentElement));
    for (const change of ["focus", "blur"]) canvas.addEventListener(change, () => this.draw());
  }

  /** Make the picture as large as its place, without a change of its shape. */
  #fit() {
    const { clientWidth, clientHeight } = /** @type {HTMLElement} */ (this.canvas.parentElement);
    const scale = Math.min(clientWidth / this.canvas.width, clientHeight / this.canvas.height);
    this.canvas.style.width = `${Math.max(1, Math.floor(scale * this.canvas.width))}px`;
    this.canvas.style.height = `${Math.max(1, Math.floor(scale * this.canvas.height))}px`;
    this.draw();
  }

  /**
   * Return what a drag from here does: it moves a corner or the region, or draws another one.
   * @param {number} x
   * @param {number} y
   * @returns {(x: number, y: number) => void}
   */
  #grab(x, y) {
    const from = /** @type {Region} */ ([...this.region]);
    const { width, height } = this.canvas.getBoundingClientRect();
    const isNear = (/** @type {number} */ column, /** @type {number} */ row) => Math.hypot((from[column] - x) * width, (from[row] - y) * height) < NEAR;
    for (const column of [0, 2])
      for (const row of [1, 3])
        if (isNear(column, row)) return (toX, toY) => this.set([from[2 - column], from[4 - row], toX, toY]);
    const isInside = from[0] < x && x < from[2] && from[1] < y && y < from[3];
    const isAll = from[2] - from[0] > 0.98 && from[3] - from[1] > 0.98;
    if (isInside && !isAll) return (toX, toY) => this.#shift(toX - x, toY - y, from);
    return (toX, toY) => this.set([x, y, toX, toY]);
  }

  draw() {
    const { canvas, bitmap } = this;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const { width, height } = canvas;
    const style = getComputedStyle(canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const unit = Math.max(1, width / Math.max(1, canvas.clientWidth || width));
    pen.fillStyle = colour("--box-ground");
    pen.fillRect(0, 0, width, height);
    if (bitmap) pen.drawImage(bitmap, 0, 0, width, height);
    if (this.message) {
      pen.fillStyle = colour("--box-doubt");
      pen.font = `${Math.round(height / 16)}px ${style.fontFamily}`;
      pen.textAlign = "center";
      pen.fillText(this.message, width / 2, height / 2);
    }
    const [x1, y1, x2, y2] = this.region.map((side, index) => side * (index % 2 ? height : width));
    pen.fillStyle = "rgb(0 0 0 / 0.45)";
    pen.beginPath();
    pen.rect(0, 0, width, height);
    pen.rect(x1, y1, x2 - x1, y2 - y1);
    pen.fill("evenodd");
    outline(pen, [x1, y1, x2, y2], unit, colour("--box-ink"), colour("--box-draft"));
    const chosen = document.activeElement === canvas ? this.part : -1;
    for (const [index, x, y] of [[1, x1, y1], [2, x2, y2]]) {
      const half = (chosen === index || chosen === 0 ? 7 : 5) * unit;
      pen.fillStyle = colour("--box-ink");
      pen.fillRect(x - half - unit, y - half - unit, 2 * (half + unit), 2 * (half + unit));
      pen.fillStyle = chosen === index || chosen === 0 ? colour("--box-doubt") : colour("--box-draft");
      pen.fillRect(x - half, y - half, 2 * half, 2 * half);
    }
    canvas.setAttribute("aria-label", `${t("search_canvas")}. ${t(`search_part_${PARTS[this.part]}`)}. ${this.describe()}`);
    canvas.dataset.region = this.region.join(",");
  }
}

/**
 * Draw a rectangle that is seen on any picture.
 * @param {CanvasRenderingContext2D} pen
 * @param {number[]} sides in pixels
 * @param {number} unit pixels of the screen
 * @param {string} ink
 * @param {string} colour
 */
export function outline(pen, [x1, y1, x2, y2], unit, ink, colour) {
  for (const [width, style] of /** @type {[number, string][]} */ ([[4, ink], [2, colour]])) {
    pen.lineWidth = width * unit;
    pen.strokeStyle = style;
    pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }
}
